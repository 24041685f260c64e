"""The operator against the plain client where nobody else works or looks: no controllers, no onlooker."""

import asyncio
import time
from pathlib import Path

from ipsecping_lab.apiserver import ApiServer

from ..processes import cpu_seconds
from . import fleet, report
from .audit import ChildWrites
from .plain import in_flight, plain_client, same_writes
from .report import Report
from .stand import OPERATOR, audit_log
from .started import running_operator

PATIENCE = 600.0
"""Seconds after which the children are given up."""


async def measure_alone(api: ApiServer, workdir: Path, to: Report, *, checks: int, profile: bool) -> None:
    """From the first check applied to the last child stored, by the API server's own log."""
    async with running_operator(api, workdir, profile=profile) as operator:
        assert operator.running is not None
        pid = operator.running.pid
        began, cpu = time.time(), cpu_seconds(pid)
        async with plain_client(api) as client:
            await in_flight(client.apply, map(fleet.check, range(checks)))
        written = ChildWrites(audit_log(workdir), user=OPERATOR)
        while written.read() < 2 * checks:
            if time.time() - began > PATIENCE:
                raise SystemExit(f"given up after {PATIENCE:.0f} s: {written.count} children of {2 * checks}")
            await asyncio.sleep(0.5)
        taken, plain = written.last - began, same_writes(to.bare)
        to.add(
            "first apply to all children present, no controllers running",
            f"{taken:.1f} s, {taken / plain:.2f} of the plain client's {plain:.1f} s; "
            f"CPU {cpu_seconds(pid) - cpu:.1f} s",
            goal=f"{report.CHILDREN_GOAL} of the plain client",
            met=taken <= report.CHILDREN_GOAL * plain,
        )

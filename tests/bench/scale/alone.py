"""The operator against the plain client where nobody else works or looks: no controllers, no onlooker."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ipsecping_lab.apiserver import ApiServer

from ..processes import cpu_seconds
from . import fleet, report
from .audit import ChildWrites
from .plain import in_flight, plain_client, same_writes, yardstick
from .report import Report
from .stand import OPERATOR, audit_log, stand
from .started import running_operator

PATIENCE = 600.0
"""Seconds after which the children are given up."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The plain client, and right after it the operator, each on an API server of its own."""

    plain: dict[str, float]
    """As `yardstick` gives it."""
    taken: float
    """Seconds from the first check applied to the last child stored, by the API server's own log."""
    cpu: float
    """Seconds of the operator's CPU time."""

    @property
    def ratio(self) -> float:
        """Of the plain client's time for the same writes."""
        return self.taken / same_writes(self.plain)

    def __str__(self) -> str:
        return f"{self.taken:.1f} s, {self.ratio:.2f} of the plain client's {same_writes(self.plain):.1f} s"


def pair(workdir: Path, *, checks: int, profile: bool) -> Pair:
    """One after the other: the speed of a machine that is shared changes from minute to minute."""
    with stand(workdir / "bare", controllers=False) as api:
        plain = asyncio.run(yardstick(api, checks))
    with stand(workdir / "alone", controllers=False) as api:
        taken, cpu = asyncio.run(_operator(api, workdir / "alone", checks=checks, profile=profile))
    return Pair(plain, taken, cpu)


def median_of(pairs: Sequence[Pair]) -> Pair:
    """The pair whose ratio is in the middle."""
    return sorted(pairs, key=lambda each: each.ratio)[len(pairs) // 2]


def compare(pairs: Sequence[Pair], to: Report) -> None:
    """A row with the middle of all pairs."""
    middle = median_of(pairs)
    spread = ", ".join(f"{each.ratio:.2f}" for each in pairs)
    to.add(
        "first apply to all children present, no controllers running",
        f"{middle} (all pairs: {spread}); CPU {middle.cpu:.1f} s",
        goal=f"{report.CHILDREN_GOAL} of the plain client",
        met=middle.ratio <= report.CHILDREN_GOAL,
    )


async def _operator(api: ApiServer, workdir: Path, *, checks: int, profile: bool) -> tuple[float, float]:
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
        return written.last - began, cpu_seconds(pid) - cpu

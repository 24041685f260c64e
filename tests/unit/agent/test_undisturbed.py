"""The rounds of an agent go on while it diagnoses one of its paths."""

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ipsecping.agent.service import Service
from ipsecping.contract import (
    Invalidity,
    Plan,
    PlannedProbe,
    ProbeType,
    StampOptions,
    plan_to_json,
)
from ipsecping.contract.result_stream import Item, read_line
from ipsecping.contract.token import authorization, verifier
from ipsecping.net.clocks import Clock
from ipsecping.net.resolve import Resolver
from ipsecping.rounds.prober import PathProber

from ...plans import check_of
from ..cli.conftest import Reflector
from .stage import TOKEN, until, wanted

PATHS, INTERVAL = 50, 1000
OF_THE_MACHINE = {Invalidity.LATE_TICKS, Invalidity.CPU_THROTTLED}
"""Whoever else works on it."""


@pytest.mark.real_time
async def test_no_round_is_lost_or_left_out_while_a_path_is_diagnosed(
    reflector: Reflector, tmp_path: Path
) -> None:
    probe = PlannedProbe(
        name="stamp", type=ProbeType.STAMP, port=reflector.stamp, count=5, spacing_ms=200, timeout_ms=5000,
        size=44, options=StampOptions(),
    )  # fmt: skip
    one = check_of(probe, target="127.0.0.1", interval_ms=INTERVAL)
    checks = tuple(replace(one, path=f"p{number}") for number in range(PATHS))
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan_to_json(Plan(checks=checks, verifiers=(verifier(TOKEN),)))))
    clock, resolver, stop = Clock(), Resolver(), asyncio.Event()
    service = Service(file, lambda _: PathProber(clock, resolver), pod_uid=None)
    running = asyncio.create_task(service.run(("127.0.0.1", 0), stop=stop))
    await until(lambda: service.server.port and service.ring.last >= PATHS)
    before, begun = service.ring.last, time.monotonic()
    assert await _status(service, "POST", "/v1/diagnoses", wanted(checks[0])) == 202
    async with asyncio.timeout(40):
        while await _status(service, "GET", "/v1/diagnoses/r1") == 202:
            await asyncio.sleep(0.1)
    took, more = time.monotonic() - begun, service.ring.last - before
    stop.set()
    await running
    results = [item.result for item in map(read_line, service.ring.newest_first()) if isinstance(item, Item)]
    valid = [result for result in results if result.invalid is None]
    assert {result.invalid for result in results} <= {None, *OF_THE_MACHINE}
    assert [result for result in valid if not result.sent == result.received == 5] == []
    assert service.agent.failures == 0
    assert more + service.agent.skipped >= PATHS * (int(took * 1000 / INTERVAL) - 1)


async def _status(service: Service, method: str, path: str, content: bytes = b"") -> int:
    """Asked for without a client library, which would load this process more than the agent does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.server.port)
    head = (
        f"{method} {path} HTTP/1.1\r\nAuthorization: {authorization(TOKEN)}\r\nContent-Length: {len(content)}"
    )
    writer.write(head.encode() + b"\r\n\r\n" + content)
    line = await reader.readline()
    await reader.read()
    writer.close()
    return int(line.split()[1])

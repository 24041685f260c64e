"""A running agent service whose probers are stand-ins."""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp

from ipsecping.agent.control_watch import ControlWatch
from ipsecping.agent.service import Service
from ipsecping.contract import (
    Plan,
    PlannedCheck,
    PlannedProbe,
    ProbeType,
    RoundResult,
    plan_to_json,
)
from ipsecping.net.clocks import Clock
from ipsecping.net.resolve import Resolver

from ...peers.processes import PATIENCE

PROBE = PlannedProbe(name="p", type=ProbeType.ICMP, count=1, spacing_ms=10, timeout_ms=10, size=56)


CHECK = PlannedCheck(
    uid="u1", namespace="n", name="c", generation=1, tunnel_name="t", path="default",
    target="192.0.2.1", interval_ms=1000, probes=(PROBE,),
)  # fmt: skip


TOKEN = "token-of-the-operator"


def wanted(check: PlannedCheck = CHECK, request: str = "r1", **more: Any) -> bytes:
    content = {"check": check.uid, "path": check.path, "nonce": check.nonce, "request": request}
    return json.dumps(content | more).encode()


class StandIn:
    """A prober that measures nothing; each round waits until it is let go."""

    def __init__(self, check: PlannedCheck) -> None:
        self.check = check
        self.rounds: list[PlannedCheck] = []
        self.starts: list[int] = []
        self.started = asyncio.Event()
        self.let_go = asyncio.Event()
        self.broken = False
        self.closed = False

    async def round(self, check: PlannedCheck, *, start: int) -> Sequence[RoundResult]:
        self.rounds.append(check)
        self.starts.append(start)
        self.started.set()
        await self.let_go.wait()
        if self.broken:
            raise OSError("out of luck")
        return [
            RoundResult(
                check=check.ref, probe="p", type=ProbeType.ICMP, started_at=1, duration=1, sent=0, received=0
            )
        ]

    def close(self) -> None:
        self.closed = True


class Stage:
    """A running service on loopback, its plan file and its stand-ins."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "plan.json"
        self.stand_ins: list[StandIn] = []
        self.stop = asyncio.Event()

    def write(self, *checks: PlannedCheck, verifiers: tuple[str, ...] = ()) -> None:
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps(plan_to_json(Plan(checks=checks, verifiers=verifiers))))
        fresh.replace(self.file)

    def make(self, check: PlannedCheck) -> StandIn:
        self.stand_ins.append(StandIn(check))
        return self.stand_ins[-1]

    async def begin(self) -> None:
        controls = ControlWatch(Clock(), Resolver())
        self.service = Service(self.file, self.make, pod_uid="pod-1", controls=controls)
        self.running = asyncio.create_task(
            self.service.run(("127.0.0.1", 0), health=("127.0.0.1", 0), stop=self.stop)
        )
        await until(lambda: self.service.server.port)
        self.url = f"http://127.0.0.1:{self.service.server.port}"

    async def end(self) -> None:
        for stand_in in self.stand_ins:
            stand_in.let_go.set()
        self.stop.set()
        with suppress(asyncio.CancelledError):
            await self.running


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.01)


async def get(stage: Stage, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(stage.url + path) as answer:
        return answer.status, await answer.text()

"""What runs in the fleet's pods: agents whose rounds are made up, and rounds of Jobs that end with a result.

The ring, the HTTP server and the formats are the agent's own; what was measured is invented. Each pod has an
address of 127.0.0.0/8, where its agent listens.
"""

import asyncio
import json
import random
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import pairwise
from typing import Any

from ipsecping.agent.ring import Ring
from ipsecping.contract import (
    Histogram,
    LossReason,
    PlannedCheck,
    PlannedProbe,
    RoundResult,
    plan_from_json,
    termination,
)
from ipsecping.contract.result_stream import DEFAULT_PORT, RESULTS_PATH, Cursor
from ipsecping.serving.messages import Request, Response
from ipsecping.serving.server import Server
from ipsecping_operator.children import UID_LABEL
from ipsecping_operator.kube.kinds import POD

from .plain import PlainClient

Object = dict[str, Any]
MS = 1_000_000
ROUND = 900 * MS
"""Ten packets, 100 ms apart."""
ROUND_SECONDS = 1.0
"""From a Job's pod running to its end."""


@dataclass(slots=True)
class Truth:
    """What is to be read from a check's status, sooner or later."""

    cron: bool
    last_end: int = 0
    """End of the newest round that is held somewhere, Unix time in nanoseconds."""
    lossy: bool = False


@dataclass(slots=True)
class Agents:
    """Runs what the pods that it is shown should run; `truths` by the check's UID."""

    client: PlainClient
    truths: dict[str, Truth] = field(default_factory=dict)
    _plans: dict[str, PlannedCheck] = field(default_factory=dict)
    _waiting: dict[str, list[Object]] = field(default_factory=dict)
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def plan_changed(self, config_map: Object, gone: bool) -> None:
        """A ConfigMap of the fleet."""
        if gone:
            return
        (plan,) = plan_from_json(json.loads(config_map["data"]["plan.json"])).checks
        self._plans[plan.uid] = plan
        self.truths.setdefault(plan.uid, Truth(cron=plan.interval_ms is None))
        for pod in self._waiting.pop(plan.uid, []):
            self.pod_changed(pod, False)

    def pod_changed(self, pod: Object, gone: bool) -> None:
        """A pod of the fleet."""
        uid = pod["metadata"]["uid"]
        if gone:
            if uid in self._running:
                self._running.pop(uid).cancel()
            return
        if uid in self._running or pod.get("status", {}).get("phase") != "Running":
            return
        check = pod["metadata"]["labels"][UID_LABEL]
        if check not in self._plans:
            self._waiting.setdefault(check, []).append(pod)
            return
        plan, truth = self._plans[check], self.truths[check]
        work = self._finish(pod, plan, truth) if truth.cron else self._serve(pod, plan, truth)
        self._running[uid] = asyncio.create_task(work)

    def break_some(self, *, every: int) -> int:
        """From now on every so manieth agent loses all packets; how many those are."""
        chosen = sorted(uid for uid, truth in self.truths.items() if not truth.cron)[::every]
        for uid in chosen:
            self.truths[uid].lossy = True
        return len(chosen)

    async def close(self) -> None:
        """End all agents."""
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _serve(self, pod: Object, plan: PlannedCheck, truth: Truth) -> None:
        ring = Ring(boot_id=secrets.token_hex(8), pod_uid=pod["metadata"]["uid"])

        async def answer(request: Request) -> Response:
            after = Cursor.parse(request.query["after"]) if request.query.get("after") else None
            return Response(content_type="application/x-ndjson", body=ring.follow(after), seconds=None)

        server = Server({RESULTS_PATH: answer, "/healthz": _healthz})
        await server.start(pod["status"]["podIP"], DEFAULT_PORT)
        try:
            assert plan.interval_ms is not None
            loop, pause = asyncio.get_running_loop(), plan.interval_ms / 1000
            due = loop.time() + random.uniform(0, pause)
            while True:
                await asyncio.sleep(due - loop.time())
                results = _rounds(plan, truth)
                for result in results:
                    ring.append(result)
                truth.last_end = _end(results)
                due += pause
        finally:
            await server.stop(grace=0)

    async def _finish(self, pod: Object, plan: PlannedCheck, truth: Truth) -> None:
        await asyncio.sleep(ROUND_SECONDS)
        (container,) = pod["status"]["containerStatuses"]
        results = _rounds(plan, truth)
        ended = {"exitCode": 0, "reason": "Completed", "message": termination.encode(results)}
        state = {"running": None, "terminated": ended}
        status = {
            "phase": "Succeeded",
            "containerStatuses": [container | {"ready": False, "state": state}],
        }
        with suppress(RuntimeError):
            await self.client.patch_status(POD, pod["metadata"]["name"], status)
            truth.last_end = _end(results)


def _rounds(plan: PlannedCheck, truth: Truth) -> list[RoundResult]:
    """One round of each probe, just ended."""
    return [_round(plan, probe, lossy=truth.lossy) for probe in plan.probes]


def _end(results: list[RoundResult]) -> int:
    return max(result.started_at + result.duration for result in results)


def _round(plan: PlannedCheck, probe: PlannedProbe, *, lossy: bool) -> RoundResult:
    times = [] if lossy else [int(random.gauss(12, 0.4) * MS) for _ in range(probe.count)]
    losses: Mapping[LossReason, int] = {LossReason.TIMEOUT: probe.count} if lossy else {}
    return RoundResult(
        check=plan.ref,
        probe=probe.name,
        type=probe.type,
        started_at=time.time_ns() - ROUND,
        duration=ROUND,
        sent=probe.count,
        received=len(times),
        losses=losses,
        rtt=Histogram.of(times),
        jitter_sum=sum(abs(one - other) for one, other in pairwise(times)),
        jitter_count=max(len(times) - 1, 0),
        remote_ip=plan.target,
    )


async def _healthz(_: Request) -> Response:
    return Response(status=HTTPStatus.OK, body=b"ok\n")

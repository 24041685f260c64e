"""A whole operator with one check, in virtual time: the API server and the agent are fakes."""

import argparse
import asyncio
import json
import logging
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any
from unittest import mock

from ipsecping.contract import PlannedCheck, plan_from_json
from ipsecping_operator import settings
from ipsecping_operator.app import sweep_loop, wiring
from ipsecping_operator.app.operator import Operator
from ipsecping_operator.check.unreadable import Unreadable
from ipsecping_operator.children import UID_LABEL
from ipsecping_operator.collect import collector
from ipsecping_operator.collect.throttle import SentTooMuch, Throttle
from ipsecping_operator.kube import access
from ipsecping_operator.kube.kinds import DEPLOYMENT, POD, REPLICA_SET, Kind
from ipsecping_operator.metrics.exposition import pieces
from ipsecping_operator.observe.kinds import CHECK
from ipsecping_operator.report.reporter import Reporter

from .builders import NOON, SECOND, UID, result
from .virtual_time import run

FLAGS: tuple[str, ...] = ()
"""Of every operator that is started."""
INTERVAL = 30
ROUND = 2
_DEFAULTS = Reporter.__init__.__kwdefaults__
assert _DEFAULTS is not None


def loop_time() -> float:
    return asyncio.get_running_loop().time()


class Clock:
    """The operator's wall clock."""

    def __init__(self) -> None:
        self.stepped: list[Callable[[int], None]] = []
        self._offset = 0

    def __call__(self) -> int:
        return NOON + self._offset + int(loop_time() * SECOND)

    def set_forward(self, by: int) -> None:
        """Somebody sets it, by so many nanoseconds."""
        self._offset += by
        for listener in self.stepped:
            listener(by)


class World:
    """The API server, and the tunnel that the check's agent measures. Times are seconds since the start."""

    def __init__(self) -> None:
        self.down = False
        self.tell: dict[str, Any] = {}
        """What each result says besides."""
        self.unreadable: Unreadable | None = None
        """Why the agent hands out no results."""
        self.annotated: list[Mapping[str, str]] = []
        """What pods were told of their plans."""
        self.diagnosis = False
        """Whether the operator diagnoses."""
        self.closed = 0
        """How often the client was closed."""
        self.reading = 0.0
        """Seconds that it takes to read a result that is there."""
        self.writing = 0.0
        """Seconds that it takes to write a status."""
        self.in_flight = 0
        """Statuses that are being written."""
        self.line = 512
        """Bytes of the line that each result comes in."""
        self.refuses: Callable[[Kind, Mapping[str, Any]], Exception | None] = lambda kind, body: None
        """What the API answers to a request to write this, if not that it is done."""
        self.operator: Operator | None = None
        self.statuses: list[tuple[float, Mapping[str, Any]]] = []
        """As stored, and when."""
        self.events: list[tuple[float, str]] = []
        """Reasons."""
        self.plan: PlannedCheck | None = None
        self.objects: dict[str, Any] = {}
        self._version = 10
        self.check: dict[str, Any] = {
            "metadata": {
                "namespace": "network",
                "name": "hq",
                "uid": UID,
                "generation": 1,
                "resourceVersion": "1",
                "creationTimestamp": "2026-11-23T12:00:00Z",
            },
            "spec": {
                "target": "203.0.113.10",
                "schedule": {"interval": f"{INTERVAL}s"},
                "thresholds": {"window": "1m"},
            },
        }

    # What the operator asks of the API

    async def apply(self, body: Mapping[str, Any], kind: Kind, *, force: bool = True) -> Any:
        del force
        uid = f"{kind.name}-uid"
        made = uid not in self.objects
        stored = {**body, "metadata": {**body["metadata"], **self._stamp(uid), "generation": 1}}
        if kind is DEPLOYMENT:
            stored["status"] = {"observedGeneration": 1, "availableReplicas": 1}
        else:
            self.plan = plan_from_json(json.loads(body["data"]["plan.json"])).checks[0]
        self.objects[uid] = stored
        self._show(kind, "MODIFIED", stored)
        if made and kind is DEPLOYMENT:
            self._start_pod(stored)
        return stored

    async def apply_status(self, body: Mapping[str, Any], kind: Kind) -> Any:
        if (refusal := self.refuses(kind, body)) is not None:
            raise refusal
        self.in_flight += 1
        try:
            await asyncio.sleep(self.writing)
        finally:
            self.in_flight -= 1
        return self.store_status(body["status"])

    async def replace_status(self, body: Mapping[str, Any], kind: Kind) -> Any:
        del kind
        return self.check if self.check["status"] == body["status"] else self.store_status(body["status"])

    async def create(self, kind: Kind, namespace: str, body: Mapping[str, Any]) -> None:
        del namespace
        if (refusal := self.refuses(kind, body)) is not None:
            raise refusal
        self.events.append((loop_time(), body["reason"]))

    async def merge(self, kind: Kind, namespace: str, name: str, body: Mapping[str, Any]) -> Any:
        """A pod is told of an edited plan."""
        del kind, namespace, name
        self.annotated.append(body["metadata"]["annotations"])

    async def get(self, kind: Kind, namespace: str, name: str) -> Any:
        del namespace, name
        return self.objects.get(f"{kind.name}-uid")

    async def metadata(
        self, kind: Kind, namespace: str | None, *, selector: str | None = None
    ) -> AsyncIterator[Mapping[str, Any]]:
        del namespace, selector
        if kind is CHECK:
            yield self.check["metadata"]
        elif (held := self.objects.get(f"{kind.name}-uid")) is not None:
            yield held["metadata"]

    async def pages(self, *_: Any, **__: Any) -> AsyncIterator[Mapping[str, Any]]:
        yield {"items": [], "metadata": {"resourceVersion": "1"}}

    async def watch(
        self, *_: Any, granted: Callable[[], None], **__: Any
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        granted()
        await asyncio.sleep(1e9)
        yield {}

    async def close(self) -> None:
        self.closed += 1

    # What happens

    def set_clock(self, by: int) -> None:
        """The operator's clock is set forward by so many nanoseconds (back: negative)."""
        assert self.operator is not None
        clock: Any = self.operator.base.clock
        clock.set_forward(by)

    def store_status(self, status: Mapping[str, Any]) -> Mapping[str, Any]:
        """Whoever writes it."""
        self.check = {
            **self.check,
            "metadata": {**self.check["metadata"], **self._stamp(UID)},
            "status": status,
        }
        self.statuses.append((loop_time(), status))
        self._show(CHECK, "MODIFIED", self.check)
        return self.check

    def _stamp(self, uid: str) -> dict[str, str]:
        self._version += 1
        return {
            "uid": uid,
            "resourceVersion": str(self._version),
            "creationTimestamp": "2026-11-23T12:00:00Z",
        }

    def _start_pod(self, deployment: Mapping[str, Any]) -> None:
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert labels[UID_LABEL] == UID
        for kind, owner in ((REPLICA_SET, DEPLOYMENT), (POD, REPLICA_SET)):
            uid = f"{kind.name}-uid"
            reference = {
                "apiVersion": owner.api_version,
                "kind": owner.name,
                "name": "hq",
                "uid": f"{owner.name}-uid",
                "controller": True,
            }
            metadata = {
                "namespace": "network",
                "name": "hq",
                "labels": labels,
                "ownerReferences": [reference],
            }
            status = {
                "phase": "Running",
                "podIP": "10.0.0.1",
                "conditions": [{"type": "Ready", "status": "True"}],
            }
            self.objects[uid] = {"metadata": metadata | self._stamp(uid), "status": status}
        self._show(POD, "ADDED", self.objects["Pod-uid"])

    def _show(self, kind: Kind, event: str | None, body: Mapping[str, Any]) -> None:
        def show() -> None:
            assert self.operator is not None
            # Kopf and the follower of a kind log what is raised, and go on.
            with suppress(Exception):
                self.operator.see(kind, event, body)

        asyncio.get_running_loop().call_soon(show)

    def freeze(self, seconds: float) -> None:
        """The operator's process has no turn for so long."""
        loop: Any = asyncio.get_running_loop()
        loop.stand_still(seconds)

    # What is seen

    def healthy(self, at: float) -> Mapping[str, Any]:
        """The condition that was stored at that time; empty before the first."""
        said: Mapping[str, Any] = {}
        for when, status in self.statuses:
            if when <= at:
                said = next((c for c in status["conditions"] if c["type"] == "Healthy"), {})
        return said

    def claimed_healthy(self, since: float, until: float) -> list[float]:
        """Moments in that time at which the stored status says Healthy=True."""
        moments = [since, *(when for when, _ in self.statuses if since <= when <= until)]
        return [moment for moment in moments if self.healthy(moment).get("status") == "True"]

    def condition(self, kind: str) -> Mapping[str, Any]:
        """As the API holds it now."""
        listed = self.check.get("status", {}).get("conditions", ())
        return next((each for each in listed if each["type"] == kind), {})

    def metric(self, name: str, **labels: str) -> float | None:
        """Of the operator's registry."""
        assert self.operator is not None
        return self.operator.base.metrics.registry.get_sample_value(name, labels)

    def scrape(self) -> str:
        """The operator's /metrics; raises what a scrape raises."""
        assert self.operator is not None
        return b"".join(pieces(self.operator.base.metrics.registry)).decode()


class Agent:
    """In the place of the reader of an agent: hands over a round every 30 s."""

    world: World

    def __init__(
        self,
        agent: object,
        *,
        deliver: Callable[..., None],
        tell: Callable[[Unreadable | None], None],
        clock: Clock,
        throttle: Throttle,
        **_: object,
    ) -> None:
        self._tell = tell
        self._deliver = deliver
        self._clock = clock
        self.throttle = throttle

    async def run(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL - loop_time() % INTERVAL + ROUND)
            assert self.world.plan is not None
            if self.world.unreadable is not None:
                self._tell(self.world.unreadable)
                continue
            start = self._clock() - ROUND * SECOND
            made = result(
                of=self.world.plan, at=start, received=0 if self.world.down else 10, **self.world.tell
            )
            if self.world.reading:
                await asyncio.sleep(self.world.reading)
            self.throttle.connected()
            try:
                await self.throttle.line(self.world.line)
            except SentTooMuch:
                continue  # the connection is given up, and with it the line
            # The reader logs what is raised, and reads on after that result.
            with suppress(Exception):
                self._deliver(made, start)

    def hasten(self) -> None:
        """Its pod has changed."""

    def end(self) -> None:
        """Its pod has ended."""

    def shift(self, by: int) -> None:
        """The clock was set."""


@contextmanager
def fakes(world: World) -> Iterator[None]:
    """Whatever an operator that is started in here talks to is of that world."""

    async def load(*_: object, **__: object) -> SimpleNamespace:
        return SimpleNamespace(configuration=SimpleNamespace(host="https://192.0.2.1:6443"))

    with (
        mock.patch.object(wiring, "KubeClient", return_value=world),
        mock.patch.object(wiring, "WallClock", Clock),
        mock.patch.object(access, "load", load),
        mock.patch.object(collector, "ResultReader", type("AgentOf", (Agent,), {"world": world})),
        mock.patch.object(time, "monotonic", loop_time),
        # Else a status that has not changed is at times written just before one that tells of a transition.
        mock.patch.object(random, "uniform", lambda _, longest: longest),
        # What judging costs here, beside other tests, is to hold no report back.
        mock.patch.dict(_DEFAULTS, {"processor": lambda: 0.0}),
        mock.patch.object(sweep_loop, "LOOK_SECONDS", 30.0),  # else most of the time goes into waiting
    ):
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


async def start(world: World) -> Operator:
    """An operator that has been shown the check."""
    parser = argparse.ArgumentParser()
    settings.add_arguments(parser, environ={"IPSECPING_PROBE_IMAGE": "probe:1"})
    flags = ["--diagnosis=true" if world.diagnosis else "--diagnosis=false", *FLAGS]
    operator = world.operator = Operator(settings.from_arguments(parser.parse_args(flags)))
    asyncio.get_running_loop().set_exception_handler(operator.stray)
    operator.base.tasks.spawn(operator.tick(), "tick")
    await operator.start()
    operator.see(CHECK, None, world.check)
    return operator


def happens(script: Callable[[World], Awaitable[None]]) -> World:
    """What the script does to a world with a running operator."""
    world = World()

    async def scenario() -> None:
        operator = await start(world)
        await asyncio.sleep(70)
        assert world.condition("Healthy")["status"] == "True"
        await script(world)
        await operator.stop()

    with fakes(world):
        run(scenario())
    return world


def reasons(world: World, since: float = 70) -> list[str]:
    return [reason for when, reason in world.events if when > since]

"""Who leads: never two at a time, whatever clocks, delays and lost answers there are."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import AlreadyExists, Conflict, NotFound, ServerError, Unreachable
from ipsecping_operator.kube.kinds import Kind
from ipsecping_operator.leadership.elector import LeaderElector
from ipsecping_operator.leadership.lease import (
    Lease,
    Observation,
    Step,
    decide,
    lease_body,
    observe,
    read,
    released_body,
)

from .virtual_time import run

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def lease(holder: str | None = "other", **changes: Any) -> Lease:
    values: dict[str, Any] = {
        "lease_duration_seconds": 15.0,
        "acquire_time": "2026-11-23T12:00:00.000000Z",
        "renew_time": "2026-11-23T12:00:00.000000Z",
        "lease_transitions": 3,
        "resource_version": "7",
    }
    return Lease(holder_identity=holder, **(values | changes))


@pytest.mark.parametrize(
    ("found", "leading", "age", "step"),
    [
        (None, False, 0, Step.ACQUIRE),
        (lease(None), False, 0, Step.ACQUIRE),
        (lease("other"), False, 14.9, Step.WAIT),
        (lease("other"), False, 15, Step.ACQUIRE),
        (lease("other", lease_duration_seconds=60.0), False, 59, Step.WAIT),
        (lease("me"), True, 3, Step.RENEW),
        (lease("me"), False, 0, Step.ACQUIRE),
        (lease("other"), True, 0, Step.LOST),
        (lease("other"), True, 1000, Step.LOST),
        (None, True, 0, Step.ACQUIRE),
    ],
    ids=[
        "there is none",
        "it was released",
        "another renewed it lately",
        "another has let it expire",
        "its holder asked for more time",
        "it is mine",
        "an earlier process of my name held it",
        "another took it from me",
        "another took it from me and let it expire",
        "somebody deleted mine",
    ],
)
def test_what_to_do_about_a_lease(found: Lease | None, leading: bool, age: float, step: Step) -> None:
    observed = Observation(lease=found, since=100.0)
    assert decide(observed, identity="me", leading=leading, now=100.0 + age) is step


def test_only_a_change_that_was_seen_keeps_a_candidate_waiting() -> None:
    first = observe(lease(), before=None, now=100.0)
    # Its renewTime may be an hour ahead or behind: that is the holder's clock, and not asked.
    same = observe(lease(resource_version="8"), before=first, now=110.0)
    assert same.since == 100.0
    assert same.lease is not None
    assert same.lease.resource_version == "8", "edited labels: the next write needs the newest version"
    renewed = observe(lease(renew_time="2026-11-23T12:00:10.000000Z"), before=same, now=112.0)
    assert renewed.since == 112.0


def test_transitions_count_changes_of_the_holder_only() -> None:
    def spec(before: Lease | None) -> Mapping[str, Any]:
        body = lease_body(before, namespace="n", name="l", identity="me", duration=15, now=NOON)
        return cast("Mapping[str, Any]", body["spec"])

    assert spec(None)["leaseTransitions"] == 0
    assert spec(lease("other"))["leaseTransitions"] == 4
    assert spec(lease("me"))["leaseTransitions"] == 3
    assert spec(lease("me"))["acquireTime"] == lease().acquire_time
    body = released_body(lease("me"), namespace="n", name="l", now=NOON)
    left = read(body)
    assert left is not None
    assert (left.holder_identity, left.lease_transitions, left.resource_version) == (None, 3, "7")


def wall() -> datetime:
    """A wall clock that keeps the loop's time."""
    return NOON + timedelta(seconds=asyncio.get_running_loop().time())


@dataclass
class Api:
    """One Lease with optimistic concurrency, behind a network that delays, refuses and loses answers."""

    delays: list[float]
    faults: list[str]
    stored: dict[str, Any] | None = None
    version: int = 0
    turns: int = field(default=0)

    async def get(self, kind: Kind, namespace: str, name: str) -> Any:
        await self._there()
        found = self.stored
        await self._back()
        return found

    async def create(self, kind: Kind, namespace: str, body: Mapping[str, Any]) -> Any:
        await self._there()
        if self.stored is not None:
            raise AlreadyExists("exists")
        return await self._store(body)

    async def replace(self, kind: Kind, body: Mapping[str, Any]) -> Any:
        await self._there()
        if self.stored is None:
            raise NotFound("none")
        if self.stored["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            raise Conflict("changed")
        return await self._store(body)

    async def _store(self, body: Mapping[str, Any]) -> Any:
        self.version += 1
        stored = {"metadata": {"resourceVersion": str(self.version)}, "spec": body["spec"]}
        self.stored = stored
        await self._back()
        return stored

    async def _there(self) -> None:
        self.turns += 1
        await asyncio.sleep(self.delays[self.turns % len(self.delays)])
        if self.faults[self.turns % len(self.faults)] == "refused":
            raise ServerError("not now", status=503, reason="Unavailable")

    async def _back(self) -> None:
        await asyncio.sleep(self.delays[(self.turns + 1) % len(self.delays)])
        if self.faults[self.turns % len(self.faults)] == "answer lost":
            raise Unreachable("no answer")


@dataclass
class Link:
    """One candidate's way to the API, cut for a while."""

    api: Api
    cut: tuple[float, float]

    def _pass(self) -> None:
        start, length = self.cut
        if start <= asyncio.get_running_loop().time() < start + length:
            raise Unreachable("cut")

    async def get(self, kind: Kind, namespace: str, name: str) -> Any:
        self._pass()
        return await self.api.get(kind, namespace, name)

    async def create(self, kind: Kind, namespace: str, body: Mapping[str, Any]) -> Any:
        self._pass()
        return await self.api.create(kind, namespace, body)

    async def replace(self, kind: Kind, body: Mapping[str, Any]) -> Any:
        self._pass()
        return await self.api.replace(kind, body)


@settings(max_examples=25, deadline=None)
@given(
    delays=st.lists(st.sampled_from([0.0, 0.01, 0.5, 3.0]), min_size=1, max_size=7),
    faults=st.lists(st.sampled_from(["", "", "", "refused", "answer lost"]), min_size=1, max_size=7),
    cut=st.tuples(st.floats(0, 60), st.floats(0, 60)),
    speeds=st.lists(st.floats(0.97, 1.03), min_size=2, max_size=3),
    skews=st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3),
)
def test_two_never_lead_at_once(
    delays: list[float],
    faults: list[str],
    cut: tuple[float, float],
    speeds: list[float],
    skews: list[float],
) -> None:
    api = Api(delays=delays, faults=faults)
    led: set[str] = set()

    async def candidate(name: str, speed: float, skew: float, all_: list[LeaderElector]) -> None:
        loop = asyncio.get_running_loop()
        elector = LeaderElector(
            cast("KubeClient", Link(api, cut if name == "c0" else (0.0, 0.0))),
            namespace="n",
            name="l",
            identity=name,
            duration=15.0,
            waiting=lambda what, well: None,
            monotonic=lambda: loop.time() * speed + skew,
            wall=wall,
        )
        all_.append(elector)
        while True:
            await elector.acquire()
            led.add(name)
            await elector.renew()

    async def scene() -> None:
        electors: list[LeaderElector] = []
        tasks = [
            asyncio.create_task(candidate(f"c{n}", speed, skews[n], electors))
            for n, speed in enumerate(speeds)
        ]
        for _ in range(600):
            await asyncio.sleep(0.25)
            assert sum(elector.leading for elector in electors) <= 1
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run(scene())
    if not any(faults) and max(delays) < 1:
        assert led, "without faults somebody leads"


def candidate_of(api: Api, name: str) -> LeaderElector:
    """One with a lease duration of 15 s."""
    return LeaderElector(
        cast("KubeClient", api),
        namespace="n",
        name="l",
        identity=name,
        duration=15.0,
        waiting=lambda what, well: None,
        monotonic=asyncio.get_running_loop().time,
        wall=wall,
    )


def test_a_released_lease_is_taken_at_the_next_look() -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        api = Api(delays=[0.0], faults=[""])
        first, second = candidate_of(api, "first"), candidate_of(api, "second")
        await first.acquire()
        taking = asyncio.create_task(second.acquire())
        await asyncio.sleep(9)
        assert first.leading
        await first.release()
        left = loop.time()
        await taking
        assert loop.time() - left <= 2.0

    run(scene())


def test_a_lease_is_released_though_a_renewal_was_broken_off_that_the_api_has_stored() -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        api = Api(delays=[0.0], faults=[""])
        first = candidate_of(api, "first")
        await first.acquire()
        renewing, version = asyncio.create_task(first.renew()), api.version
        api.delays = [0.0 if index == (api.turns + 1) % 9 else 0.5 for index in range(9)]
        while api.version == version:
            await asyncio.sleep(0.1)
        renewing.cancel()
        await first.release()
        left = loop.time()
        await candidate_of(api, "second").acquire()
        assert loop.time() - left <= 2.0

    run(scene())


def test_a_lease_that_another_has_taken_is_left_to_it() -> None:
    async def scene() -> None:
        api = Api(delays=[0.0], faults=[""])
        first = candidate_of(api, "first")
        await first.acquire()
        assert api.stored is not None
        api.stored["spec"] |= {"holderIdentity": "second"}
        api.stored["metadata"]["resourceVersion"] = "9"
        await first.release()
        assert api.stored["spec"]["holderIdentity"] == "second"

    run(scene())


def test_a_holder_that_cannot_renew_gives_up_before_another_may_begin(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        api = Api(delays=[0.0], faults=[""])
        elector = LeaderElector(
            cast("KubeClient", api),
            namespace="n",
            name="l",
            identity="me",
            duration=15.0,
            waiting=lambda what, well: None,
            monotonic=loop.time,
            wall=wall,
        )
        await elector.acquire()
        api.faults = ["refused"]
        reason = await elector.renew()
        assert loop.time() == pytest.approx(10, abs=2)
        assert not elector.leading
        assert reason == "it could not be renewed in time: 503 Unavailable: not now"

    caplog.set_level("INFO")
    run(scene())
    levels = [each.levelname for each in caplog.records if "not renewed" in each.message]
    assert levels == ["INFO"] * 2 + ["WARNING"] * 2, (
        "a renewal or two may fail; then a person may have to look"
    )

"""When checks are reported on: what measures comes before what tells of it."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count, pairwise
from typing import Any, cast

import pytest

from ipsecping_operator.api.conditions import ReadyReason
from ipsecping_operator.api.crd import custom_resource_definition
from ipsecping_operator.cache.store import Store
from ipsecping_operator.check.applied import Readiness
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.faults import Faults
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.report import reporter as reporter_module
from ipsecping_operator.report.assessment import Assessment, assess
from ipsecping_operator.report.events import EventPoster
from ipsecping_operator.report.judging_pace import LONGEST, SHARE, SOON
from ipsecping_operator.report.reporter import FIRST_AGAIN, FIRST_LATEST, Reporter
from ipsecping_operator.trouble import GRACE

from . import objects
from .builders import NOON, SECOND
from .states import take_up
from .virtual_time import run


class Api:
    """Stores every status, and notes when it came and of which check."""

    def __init__(self) -> None:
        self.came: dict[str, float] = {}

    async def create(self, kind: object, namespace: str, body: Mapping[str, Any]) -> None:
        """An event."""

    async def apply_status(self, body: Mapping[str, Any], kind: object) -> Mapping[str, Any]:
        self.came.setdefault(body["metadata"]["name"], asyncio.get_running_loop().time())
        return {"metadata": {"uid": body["metadata"]["uid"], "resourceVersion": "1"}}


def now() -> int:
    return NOON + int(asyncio.get_running_loop().time() * SECOND)


def reporter_of(
    store: Store, api: Api, *, calm: asyncio.Event, processor: Callable[[], float] = lambda: 0.0
) -> Reporter:
    client = cast("KubeClient", api)
    return Reporter(
        store=store,
        client=client,
        events=EventPoster(client),
        faults=Faults(count=lambda where: None),
        interval=60,
        calm=calm,
        count=lambda outcome: None,
        clock=now,
        processor=processor,
    )


def see(store: Store, name: str) -> str:
    """A check that was reconciled once; its UID."""
    uid = store.put_check({"metadata": objects.metadata(name, uid=f"uid-{name}"), "spec": {}}, now=now())
    assert uid is not None
    take_up(store.checks[uid])
    return uid


def status_of_a_new_check() -> Mapping[str, Any]:
    """As the API server fills it in."""
    (version,) = custom_resource_definition()["spec"]["versions"]
    default: Mapping[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["status"]["default"]
    return default


def test_first_statuses_wait_for_calm_but_not_for_ever_and_others_do_not_wait() -> None:
    api = Api()

    async def scenario() -> None:
        calm, store = asyncio.Event(), Store()
        reporter = reporter_of(store, api, calm=calm)
        old, new = see(store, "old"), see(store, "new")
        for uid, status in ((old, {"observedGeneration": 1}), (new, status_of_a_new_check())):
            metadata = store.checks[uid].metadata
            reporter.shown(store.checks[uid], {"metadata": metadata, "status": status}, first=True)
        for uid in (old, new):
            reporter.report_soon(uid)
        await asyncio.sleep(10)
        calm.set()
        await asyncio.sleep(10)
        calm.clear()
        reporter.report_soon(see(store, "newer"))
        await asyncio.sleep(2 * FIRST_LATEST)
        await reporter.close(seconds=1)

    run(scenario())
    assert api.came["old"] < 1
    assert 10 <= api.came["new"] <= 10 + FIRST_AGAIN
    assert 20 + FIRST_LATEST <= api.came["newer"] <= 20 + FIRST_LATEST + FIRST_AGAIN


def test_what_waits_for_calm_is_told_when_the_operator_stops() -> None:
    api = Api()

    async def scenario() -> None:
        store = Store()
        reporter = reporter_of(store, api, calm=asyncio.Event())
        reporter.report_soon(see(store, "new"))
        await asyncio.sleep(5)
        await reporter.close(seconds=1)

    run(scenario())
    assert api.came == {"new": 5}


@pytest.mark.parametrize(
    ("cost", "pause"), [(SHARE * SOON / 2, SOON), (0.005, 0.005 / SHARE), (100.0, LONGEST)]
)
def test_the_more_it_costs_to_judge_a_check_the_more_seldom_it_is_judged(
    monkeypatch: pytest.MonkeyPatch, cost: float, pause: float
) -> None:
    api, judged = Api(), list[float]()

    def judge(state: CheckState, *, now: int, **options: Any) -> Assessment | None:
        judged.append(asyncio.get_running_loop().time())
        return assess(state, now=now, **options)

    monkeypatch.setattr(reporter_module, "assess", judge)

    async def scenario() -> None:
        calm, store = asyncio.Event(), Store()
        calm.set()
        # The processor's clock is read before and after.
        clock = (number * cost for number in count())
        reporter = reporter_of(store, api, calm=calm, processor=lambda: next(clock))
        uid = see(store, "busy")
        for _ in range(2000):
            # Of a flood of results.
            reporter.report_soon(uid)
            await asyncio.sleep(0.01)
        await reporter.close(seconds=1)

    run(scenario())
    gaps = [later - earlier for earlier, later in pairwise(judged[:-1])]
    assert len(gaps) >= 2
    assert all(pause - 1e-6 <= gap <= pause + 0.02 for gap in gaps)


def test_an_alarm_does_not_come_before_the_check_s_turn_either(monkeypatch: pytest.MonkeyPatch) -> None:
    api, judged = Api(), list[float]()

    def judge(state: CheckState, *, now: int, **options: Any) -> Assessment | None:
        judged.append(asyncio.get_running_loop().time())
        made = assess(state, now=now, **options)
        # Something is always about to leave a window.
        return made and replace(made, next_change=now + 1)

    monkeypatch.setattr(reporter_module, "assess", judge)

    async def scenario() -> None:
        calm, store = asyncio.Event(), Store()
        calm.set()
        clock = (number * 0.005 for number in count())
        reporter = reporter_of(store, api, calm=calm, processor=lambda: next(clock))
        reporter.report(see(store, "busy"))
        await asyncio.sleep(10.5)
        await reporter.close(seconds=1)

    run(scenario())
    assert len(judged) == 11


def test_a_workload_that_stays_away_is_told_of_though_nothing_else_happens(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        calm, store = asyncio.Event(), Store()
        calm.set()
        reporter = reporter_of(store, Api(), calm=calm)
        uid = see(store, "stuck")
        missing = Readiness(reason=ReadyReason.WORKLOAD_UNAVAILABLE, message="no image")
        store.checks[uid].applied.reconciled(missing)
        reporter.report(uid)
        await asyncio.sleep(2 * GRACE)
        await reporter.close(seconds=1)

    run(scenario())
    warnings = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert warnings == ["Ready=False WorkloadUnavailable: no image"]


def test_a_status_that_went_to_another_check_of_the_same_name_is_taken_back() -> None:
    """The API does not compare the UID; the old check goes while its status is on the way."""

    class Recreated(Api):
        def __init__(self) -> None:
            super().__init__()
            self.statuses: list[Mapping[str, Any]] = []

        async def apply_status(self, body: Mapping[str, Any], kind: object) -> Mapping[str, Any]:
            self.statuses.append(body["status"])
            return {"metadata": {"uid": "another", "resourceVersion": "9"}}

    api = Recreated()

    async def scenario() -> None:
        calm, store = asyncio.Event(), Store()
        calm.set()
        reporter = reporter_of(store, api, calm=calm)
        uid = see(store, "hq")
        reporter.report_soon(uid)
        await asyncio.sleep(600)
        assert store.checks[uid].reported.stored is None
        await reporter.close(seconds=1)

    run(scenario())
    first, *rest = api.statuses
    assert first["conditions"]
    assert rest == [{}], "nothing more is written under that name"

"""Why no pod was made, as a controller says it in an event: asked for where one is missing, nowhere else."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import Cron
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import ApiError, Forbidden
from ipsecping_operator.kube.kinds import Kind
from ipsecping_operator.logs import for_check
from ipsecping_operator.reconcile.refused_pods import ask_why

from .assessments import assessed
from .builders import NOON, SECOND, check, plan
from .objects import child, pod
from .states import body, shown, take_up

QUOTA = 'pods "hq-x" is forbidden: exceeded quota: few, requested: pods=1, used: pods=4'
CRON = check(plan(interval_ms=None), schedule=Cron(line="0 * * * *", time_zone=None))
DUE = child("CronJob", lastScheduleTime="2026-11-23T12:00:00Z")
JOB = f"hq-{NOON // (60 * SECOND)}"


class Events(KubeClient):
    """Holds notes of events with their times, by the name that they are about."""

    def __init__(self, held: Mapping[str, list[tuple[str, str]]] | ApiError) -> None:
        self.held = held
        self.asked: list[tuple[str, str]] = []

    async def matching(self, kind: Kind, namespace: str, *, fields: Mapping[str, str]) -> list[Any]:
        self.asked.append((fields["regarding.kind"], fields["regarding.name"]))
        assert (namespace, fields["reason"]) == ("network", "FailedCreate")
        if isinstance(self.held, ApiError):
            raise self.held
        return [{"eventTime": at, "note": note} for at, note in self.held.get(fields["regarding.name"], [])]


def ask(state: CheckState, client: KubeClient, *, at: int) -> bool:
    log = for_check(__name__, body()["metadata"])
    return asyncio.run(ask_why(state, now=NOON + at * SECOND, client=client, log=log))


def ready(state: CheckState, *, at: int) -> str:
    return str(assessed(state, at=at).status["conditions"][0]["message"])


def test_the_newest_event_of_the_round_s_job_says_why() -> None:
    state = shown(None, DUE)
    take_up(state, CRON)
    assessed(state, at=0)
    told = [("2026-11-23T12:00:09Z", f"Error creating: {QUOTA}"), ("2026-11-23T12:00:01Z", "older")]
    client = Events({JOB: told})
    ask(state, client, at=14)
    assert client.asked == [], "not before the pod has had its time: nearly every round's comes"
    ask(state, client, at=15)
    assert client.asked == [("Job", JOB)]
    said = ready(state, at=15)
    assert said.startswith(
        f"CronJob hq: no pod can be made for the round of 2026-11-23T12:00:00Z: {QUOTA}; raise"
    )


def test_what_no_controller_has_said_and_what_may_not_be_read_is_left_to_the_reader() -> None:
    for events in (Events({}), Events(Forbidden("may not list events"))):
        state = shown(None, DUE)
        take_up(state, CRON)
        assessed(state, at=0)
        ask(state, events, at=20)
        assert "is said by: kubectl describe job" in ready(state, at=20)


def test_a_daemon_set_is_asked_for_while_nodes_lack_their_pod() -> None:
    counts: dict[str, Any] = {"observedGeneration": 1, "desiredNumberScheduled": 3, "numberAvailable": 1}
    state = shown(None, child("DaemonSet", currentNumberScheduled=1, updatedNumberScheduled=1, **counts))
    take_up(state, check(every_node=True))
    silent = Events({})
    assert ask(state, silent, at=0), "it is asked again: the event may come yet"
    assert not ask(state, Events({"hq": [("2026-11-23T12:00:01Z", QUOTA)]}), at=1)
    assert dict(state.observed.refused_pods) == {"hq": QUOTA}
    whole = shown(None, child("DaemonSet", currentNumberScheduled=3, updatedNumberScheduled=3, **counts))
    take_up(whole, check(every_node=True))
    assert not ask(whole, silent, at=2)
    assert silent.asked == [("DaemonSet", "hq")]


JOBS_QUOTA = 'jobs.batch "hq-1" is forbidden: exceeded quota: no-jobs, requested: count/jobs.batch=1'


def cron_state(**status: Any) -> CheckState:
    made = child("CronJob", **status)
    ran = pod("hq-0-x", owner_kind="Job", created="2026-11-23T11:00:03Z", phase="Succeeded")
    state = shown(None, replace(made, meta=replace(made.meta, created=0)), ran)
    take_up(state, CRON)
    state.measured.expect_since(NOON - 600 * SECOND)
    return state


def test_a_quota_of_jobs_is_told_by_the_event_of_the_cron_job() -> None:
    state = cron_state(lastScheduleTime="2026-11-23T11:00:00Z")
    client = Events({"hq": [("2026-11-23T12:00:01Z", f"Error creating job: {JOBS_QUOTA}")]})
    ask(state, client, at=44)
    assert client.asked == [], "not before the Job has had its time"
    ask(state, client, at=45)
    assert client.asked == [("CronJob", "hq")]
    made = assessed(state, at=45)
    assert made.status["conditions"][0]["reason"] == "WorkloadUnavailable"
    assert ready(state, at=45).startswith(
        f"CronJob hq: no Job can be made for the round of 2026-11-23T12:00:00Z: {JOBS_QUOTA}; raise that "
        "ResourceQuota"
    )
    # An hour later it is the same round that no Job was made for: Ready does not come and go.
    assert "of 2026-11-23T12:00:00Z" in ready(state, at=3700)
    (ref,) = state.observed.children
    state.observed.show_child(ref, child("CronJob", version=2, lastScheduleTime="2026-11-23T13:00:00Z"))
    assert assessed(state, at=3701).status["conditions"][0]["reason"] == "Reconciled"


@pytest.mark.parametrize(
    ("status", "events"),
    [
        ({"lastScheduleTime": "2026-11-23T12:00:00Z"}, {"hq": [("2026-11-23T12:00:01Z", "x")]}),
        ({"active": [{"name": "hq-1"}]}, {"hq": [("2026-11-23T12:00:01Z", "x")]}),
        ({}, {}),
        ({}, {"hq": [("2026-11-23T11:00:01Z", "of the round before")]}),
    ],
    ids=["made", "the one before runs", "nothing is said", "said of another round"],
)
def test_without_word_of_it_no_job_is_said_to_be_missing(status: Any, events: Any) -> None:
    state = cron_state(**status)
    assessed(state, at=0)
    state.observed.pods_missing((), now=NOON)
    ask(state, Events(events), at=100)
    assert "Job" not in ready(state, at=100).replace("CronJob", "")

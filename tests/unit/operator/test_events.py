"""Which transitions deserve an event."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ipsecping_operator.api.conditions import ConditionType, HealthyReason, ReadyReason, StalledReason
from ipsecping_operator.status.conditions import condition
from ipsecping_operator.status.events import BURST, EventPoster, event, of_condition, of_move, worth_telling
from ipsecping_operator.verdict.preference import Move

from .builders import NOON, UID

READY, HEALTHY, STALLED = ConditionType.READY, ConditionType.HEALTHY, ConditionType.STALLED
CHECK = {"namespace": "network", "name": "hq", "uid": UID}


def made(kind: ConditionType, reason: Any) -> Any:
    return condition(kind, reason, "because", previous={}, generation=1, now=NOON)


@pytest.mark.parametrize(
    ("kind", "reason", "first", "told"),
    [
        (HEALTHY, HealthyReason.DOWN, False, True),
        (HEALTHY, HealthyReason.WITHIN_THRESHOLDS, True, True),
        (HEALTHY, HealthyReason.STALE_RESULTS, False, True),
        (HEALTHY, HealthyReason.NO_RESULTS, True, False),
        (HEALTHY, HealthyReason.SUSPENDED, False, False),
        (READY, ReadyReason.WORKLOAD_UNAVAILABLE, True, False),
        (READY, ReadyReason.WORKLOAD_UNAVAILABLE, False, True),
        (READY, ReadyReason.INVALID_SPEC, True, True),
        (STALLED, StalledReason.INVALID_SPEC, True, False),
    ],
)
def test_what_people_wait_for_is_told(kind: Any, reason: Any, first: bool, told: bool) -> None:
    before = {} if first else {kind: made(kind, reason)}
    assert worth_telling([made(kind, reason)], before) == ([made(kind, reason)] if told else [])


def test_an_event_is_about_the_check_and_warns_of_what_is_wrong() -> None:
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    down = event(of_condition(made(HEALTHY, HealthyReason.DOWN)), CHECK, name="hq.1", at=at)
    assert (down["type"], down["reason"], down["note"]) == ("Warning", "Down", "because")
    assert down["regarding"]["uid"] == UID
    assert down["eventTime"] == "2026-11-23T12:00:00.000000Z"
    good = event(of_condition(made(HEALTHY, HealthyReason.WITHIN_THRESHOLDS)), CHECK, name="hq.2", at=at)
    assert good["type"] == "Normal"


@pytest.mark.parametrize(("bad", "kind"), [(True, "Warning"), (False, "Normal")])
def test_a_change_of_the_preferred_path_is_told_and_warns_when_a_path_failed(bad: bool, kind: str) -> None:
    move = Move(message="backup instead of primary: Down: no answer", bad=bad)
    told = event(of_move(move), CHECK, name="hq.3", at=datetime(2026, 11, 23, 12, tzinfo=UTC))
    assert (told["type"], told["reason"], told["note"]) == (kind, "PreferredPathChanged", move.message)


async def test_a_check_that_flaps_runs_out_of_events_and_another_does_not() -> None:
    posted: list[Any] = []

    class Client:
        async def create(self, kind: Any, namespace: str, body: Any) -> None:
            posted.append(body["regarding"]["name"])

    poster = EventPoster(Client())  # type: ignore[arg-type]
    for _ in range(100):
        poster.tell(of_condition(made(HEALTHY, HealthyReason.DOWN)), CHECK)
    poster.tell(of_condition(made(HEALTHY, HealthyReason.DOWN)), CHECK | {"uid": "other", "name": "other"})
    await poster.flush()
    assert posted == ["hq"] * BURST + ["other"]

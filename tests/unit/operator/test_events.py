"""Which transitions deserve an event."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from ipsecping_operator.api.conditions import ConditionType, HealthyReason, ReadyReason, StalledReason
from ipsecping_operator.api.labels import SUBDOMAIN
from ipsecping_operator.kube.errors import AlreadyExists, ApiError, Unreachable
from ipsecping_operator.report.events import (
    BURST,
    RESERVE,
    EventPoster,
    event,
    event_name,
    of_address_change,
    of_condition,
    of_move,
    of_path_changes,
    worth_telling,
)
from ipsecping_operator.status.addresses import AddressChange
from ipsecping_operator.status.conditions import condition
from ipsecping_operator.verdict.preference import Move

from .builders import NOON, UID

READY, HEALTHY, STALLED = ConditionType.READY, ConditionType.HEALTHY, ConditionType.STALLED
CHECK = {"namespace": "network", "name": "hq", "uid": UID}


DOWN_NOW = condition(HEALTHY, HealthyReason.DOWN, "because", previous={}, generation=1, now=NOON)


def made(kind: ConditionType, reason: Any) -> Any:
    return condition(kind, reason, "because", previous={}, generation=1, now=NOON)


@pytest.mark.parametrize("message", ["a" * 1023 + "…", "ü" * 1000, "\N{BELL}" * 300, "a" * 1024])
def test_a_note_is_no_longer_than_the_api_takes_in_octets(message: str) -> None:
    told = condition(HEALTHY, HealthyReason.DOWN, message, previous={}, generation=1, now=NOON)
    body = event(of_condition(told), CHECK, name="hq.1", at=datetime.now(UTC))
    assert 1000 < len(body["note"].encode()) <= 1024
    assert message.startswith(body["note"].rstrip("…"))


@pytest.mark.parametrize("end", [".", "-", "--"])
def test_the_name_of_an_event_is_one_however_long_the_check_s(end: str) -> None:
    name = "a" * (200 - len(end)) + end + "b" * 40
    made = event_name(of_condition(DOWN_NOW), CHECK | {"name": name}, written=None, nth=0)
    assert re.fullmatch(SUBDOMAIN, made)
    assert len(made) <= 253


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
    after = {kind: made(kind, reason)}
    assert worth_telling([made(kind, reason)], before, after) == ([made(kind, reason)] if told else [])


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
    said = "backup instead of primary: Down: no answer"
    move = Move(before="primary", after="backup", at=NOON, reason="Down", message=said, bad=bad)
    told = event(of_move(move), CHECK, name="hq.3", at=datetime(2026, 11, 23, 12, tzinfo=UTC))
    assert (told["type"], told["reason"], told["note"]) == (kind, "PreferredPathChanged", move.message)


class Client:
    """Notes the names of events; refuses one that is there, and answers nothing while it is `away`."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.away = False

    async def create(self, kind: Any, namespace: str, body: Any) -> None:
        if self.away:
            raise Unreachable("no route")
        if body["metadata"]["name"] in self.names:
            raise AlreadyExists("it is there")
        self.names.append(body["metadata"]["name"])


def poster(client: Client) -> EventPoster:
    return EventPoster(client)  # type: ignore[arg-type]


DOWN = of_condition(made(HEALTHY, HealthyReason.DOWN))
UP = of_condition(made(HEALTHY, HealthyReason.WITHIN_THRESHOLDS))


async def test_a_check_that_flaps_runs_out_of_events_and_another_does_not() -> None:
    client = Client()
    flapping = poster(client)
    for number in range(100):
        flapping.tell([DOWN], CHECK, written=str(number))
    flapping.tell([DOWN], CHECK | {"uid": "other", "name": "other"})
    await flapping.post(UID)
    await flapping.post("other")
    assert [name.partition(".")[0] for name in client.names] == ["hq"] * BURST + ["other"]


async def test_what_others_may_change_all_the_time_leaves_events_for_what_happens_to_the_check() -> None:
    client = Client()
    flooded = poster(client)
    for number in range(100):
        moved = of_address_change(AddressChange(f"10.0.0.{number}"))
        flooded.tell([of_path_changes(f"{number} hops"), moved], CHECK, written=str(number))
    await flooded.post(UID)
    assert len(client.names) == BURST - RESERVE
    flooded.tell([DOWN], CHECK, written="down")
    await flooded.post(UID)
    assert len(client.names) == BURST - RESERVE + 1


async def test_what_an_operator_told_before_it_was_killed_its_successor_does_not_tell_again() -> None:
    client, written = Client(), "as before"
    for _ in ("killed before it wrote the status", "its successor"):
        successor = poster(client)
        successor.tell([DOWN], CHECK, written=written)
        await successor.post(UID)
    assert len(client.names) == 1
    successor.tell([UP], CHECK, written="down")
    successor.tell([DOWN], CHECK, written="up")
    await successor.post(UID)
    assert len(client.names) == 3, "the next time is another event"


async def test_events_wait_for_an_api_that_is_away_and_come_in_order() -> None:
    client = Client()
    waiting = poster(client)
    client.away = True
    for notice in (DOWN, UP):
        waiting.tell([notice], CHECK)
        with pytest.raises(ApiError):
            await waiting.post(UID)
    client.away = False
    await waiting.post(UID)
    assert client.names == [event_name(notice, CHECK, written=None, nth=0) for notice in (DOWN, UP)]


async def test_a_check_that_goes_to_and_fro_between_two_writes_is_told_each_time() -> None:
    client = Client()
    flapping = poster(client)
    for notice in (DOWN, UP, DOWN, UP):
        flapping.tell([notice], CHECK, written="up")
    await flapping.post(UID)
    assert len(client.names) == 4

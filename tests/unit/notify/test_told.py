"""What an Alertmanager is told, and when: the newest state, whatever it missed."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping_operator.api.conditions import HealthyReason
from ipsecping_operator.notification_settings import LEAST_REPEAT
from ipsecping_operator.notify import alert_kinds as kinds
from ipsecping_operator.notify import told as module
from ipsecping_operator.notify.alert_book import Held
from ipsecping_operator.notify.alerts import Labels
from ipsecping_operator.notify.gateways import gateway_alerts
from ipsecping_operator.notify.told import LIFETIME, SECOND, SETTLE, Told, lifetime, to_json, together

from ..operator.builders import NOON
from .alerts import ROUTING, alerts, facts, finding, firing

(DOWN,) = alerts(finding(HealthyReason.DOWN))
(LOSS,) = alerts(finding(HealthyReason.LOSS_HIGH))
REPEAT = 60.0
MANY = [alerts(finding(HealthyReason.DOWN, path=f"p{n}"), paths=(f"p{n}",))[0] for n in range(200)]


def told(postings: object) -> list[tuple[str, bool]]:
    return [(each.alert.kind.name, each.ended is not None) for each in postings]  # type: ignore[attr-defined]


def test_it_is_told_at_once_again_after_the_repeat_and_when_it_is_over() -> None:
    receiver = Told(repeat=REPEAT)
    fires = firing(DOWN)
    first = receiver.due(fires, now=0, wall=NOON)
    assert told(first) == [("TunnelDown", False)]
    receiver.delivered(first, now=0)
    assert receiver.due(fires, now=59, wall=NOON) == []
    assert receiver.next_due(fires) == 60
    receiver.delivered(receiver.due(fires, now=60, wall=NOON), now=60)
    over = receiver.due({}, now=70, wall=NOON)
    assert told(over) == [("TunnelDown", True)]
    receiver.delivered(over, now=70)
    assert receiver.due({}, now=71, wall=NOON) == []


def test_the_end_is_told_again_for_a_quarter_of_an_hour_as_of_the_same_time() -> None:
    """A Prometheus does so: Alertmanager tells nobody of an end that comes while the alert is inhibited."""
    receiver = Told(repeat=REPEAT)
    receiver.delivered(receiver.due(firing(DOWN), now=0, wall=NOON), now=0)
    again = list[float]()
    for minute in range(1, 60):
        now, wall = minute * 60.0, NOON + minute * 60 * SECOND
        due = receiver.due({}, now=now, wall=wall)
        if due:
            again.append(minute)
            assert [each.ended for each in due] == [NOON + 60 * SECOND]
        receiver.delivered(due, now=now)
    assert again == list(range(1, 16))
    assert receiver.next_due({}) is None


def test_what_inhibits_others_is_told_in_a_request_before_them_and_its_end_behind_theirs() -> None:
    """Of one request Alertmanager may send an alert before it has seen the other that inhibits it."""
    receiver = Told(repeat=REPEAT)
    (gateway,) = gateway_alerts((facts("a", down=True), facts("b", down=True)))

    def requests(fires: Mapping[Labels, Held], *, now: float) -> list[list[tuple[str, bool]]]:
        made = []
        while due := receiver.due(fires, now=now, wall=NOON):
            made.append(together(due, most=2))
            receiver.delivered(made[-1], now=now)
        return [told(each) for each in made]

    fires = firing(LOSS, *MANY[:2], gateway)
    begins = [[("GatewayDown", False)], [("TunnelDown", False)] * 2, [("LossHigh", False)]]
    assert requests(fires, now=0) == begins
    assert requests(fires, now=REPEAT) == begins
    ends = [[(name, True) for name, _ in each] for each in reversed(begins)]
    assert requests({}, now=REPEAT + 1) == ends


def test_what_fires_again_is_over_no_more() -> None:
    receiver = Told(repeat=REPEAT)
    receiver.delivered(receiver.due(firing(DOWN), now=0, wall=NOON), now=0)
    receiver.delivered(receiver.due({}, now=10, wall=NOON), now=10)
    receiver.delivered(receiver.due(firing(DOWN), now=20, wall=NOON), now=20)
    assert told(receiver.due(firing(DOWN), now=80, wall=NOON)) == [("TunnelDown", False)]


def test_of_an_outage_of_the_receiver_only_the_newest_state_is_left() -> None:
    receiver = Told(repeat=REPEAT)
    receiver.delivered(receiver.due(firing(DOWN), now=0, wall=NOON), now=0)
    # It does not answer while DOWN ends and LOSS begins and ends.
    receiver.due(firing(LOSS), now=10, wall=NOON)
    assert told(receiver.due({}, now=20, wall=NOON)) == [("TunnelDown", True)]
    # What has ended there by itself need not be told.
    assert receiver.due({}, now=LIFETIME * REPEAT, wall=NOON) == []


def test_what_an_earlier_run_told_goes_on_or_is_resolved() -> None:
    receiver = Told(repeat=REPEAT)
    receiver.assume(firing(DOWN, LOSS), now=0)
    assert told(receiver.due(firing(LOSS), now=0, wall=NOON)) == [("TunnelDown", True)]
    assert told(receiver.due(firing(LOSS), now=SETTLE, wall=NOON)) == [
        ("TunnelDown", True),
        ("LossHigh", False),
    ]


def test_an_alert_ends_some_repeats_ahead_and_never_before_it_begins() -> None:
    receiver = Told(repeat=REPEAT)
    postings = receiver.due(firing(DOWN, began=NOON), now=0, wall=NOON)
    (body,) = to_json(
        postings,
        external={"cluster": "prod", "team": "noc", "check": "x"},
        runbooks="https://r",
        repeat=REPEAT,
        wall=NOON,
    )
    assert body["startsAt"] == "2026-11-23T12:00:00.000000Z"
    assert body["endsAt"] == "2026-11-23T12:05:00.000000Z"
    assert body["labels"]["cluster"] == "prod"
    assert body["labels"]["team"] == "noc", "what a check has added takes the place of none of them"
    assert body["labels"]["check"] == "hq", "labels that are set for all take the place of none"
    assert body["annotations"]["runbook_url"] == body["generatorURL"] == "https://r/IPsecPingTunnelDown.md"
    receiver.delivered(postings, now=0)
    (over,) = to_json(
        receiver.due({}, now=1, wall=NOON),
        external={},
        runbooks="docs",
        repeat=REPEAT,
        wall=NOON - 3600 * SECOND,
    )
    assert over["startsAt"] < over["endsAt"] == "2026-11-23T11:00:00.000000Z"
    assert "generatorURL" not in over, "Alertmanager refuses what is not absolute"


def test_when_it_began_may_be_any_time_of_an_edited_status() -> None:
    """Of the year 1 a float's rounding makes the year 0, which no time is: all alerts waited for that one."""
    for began in (-62_135_596_800 * SECOND - 1000, -(10**20)):
        (body,) = to_json(
            Told(repeat=REPEAT).due(firing(DOWN, began=began), now=0, wall=NOON),
            external={},
            runbooks="docs",
            repeat=REPEAT,
            wall=NOON,
        )
        assert body["startsAt"] == "1970-01-01T00:00:00.000000Z"


def test_more_alerts_than_are_told_of_wait_and_push_none_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise those pushed out would be new again, and told again without a pause, for ever."""
    monkeypatch.setattr(module, "MOST_TOLD", 100)
    receiver = Told(repeat=REPEAT)
    fires = firing(*MANY)
    receiver.delivered(receiver.due(fires, now=0, wall=NOON), now=0)
    assert receiver.due(fires, now=1, wall=NOON) == []
    assert receiver.left_out == {"network": 100}
    fewer = firing(*MANY[1:])
    for expected in (("TunnelDown", True), ("TunnelDown", False)):
        due = receiver.due(fewer, now=2, wall=NOON)
        assert told(due) == [expected]
        receiver.delivered(due, now=2)
    assert receiver.due(fewer, now=3, wall=NOON) == []
    assert receiver.left_out == {"network": 99}


def of_namespace(name: str, *paths: str) -> Mapping[Labels, Held]:
    found = [
        replace(
            alerts(finding(HealthyReason.DOWN, path=path), paths=(path,))[0],
            labels=tuple(sorted({**ROUTING, "path": path, "namespace": name}.items())),
        )
        for path in paths
    ]
    return firing(*found)


def settle(receiver: Told, fires: Mapping[Labels, Held], *, now: float) -> list[Labels]:
    """Have everything delivered that is due; returns what was told to fire."""
    begun = list[Labels]()
    for _ in range(1000):
        due = receiver.due(fires, now=now, wall=NOON)
        if not due:
            return begun
        taken = together(due, most=8)
        begun += [each.labels for each in taken if each.ended is None]
        receiver.delivered(taken, now=now)
    raise AssertionError("told without a pause")


@pytest.mark.parametrize("first", ["many", "few"])
def test_alerts_of_one_namespace_keep_none_of_anothers_out_whoever_came_first(
    monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    monkeypatch.setattr(module, "MOST_TOLD", 100)
    many = of_namespace("many", *(f"m{number}" for number in range(150)))
    few = of_namespace("few", *(f"f{number}" for number in range(30)))
    receiver = Told(repeat=REPEAT)
    settle(receiver, many if first == "many" else few, now=0)
    begun = settle(receiver, {**many, **few}, now=1)
    assert {*few} <= {*begun} or first == "few"
    assert receiver.left_out == {"many": 80}
    again = settle(receiver, {**many, **few}, now=1 + REPEAT)
    assert len(again) == 100
    assert {*few} <= {*again}
    assert settle(receiver, {**many, **few}, now=2 + REPEAT) == []


def test_alerts_of_one_namespace_do_not_go_before_all_of_anothers() -> None:
    fires = {**of_namespace("many", *(f"m{number}" for number in range(150))), **of_namespace("few", "f")}
    due = Told(repeat=REPEAT).due(fires, now=0, wall=NOON)
    assert ("namespace", "few") in due[1].labels


def test_ends_of_one_namespaces_alerts_do_not_keep_anothers_from_being_told_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_TOLD", 100)
    receiver = Told(repeat=REPEAT)
    for number in range(3):
        settle(receiver, of_namespace("many", *(f"m{number}-{path}" for path in range(90))), now=number)
        settle(receiver, {}, now=number)
    settle(receiver, of_namespace("few", "f"), now=4)
    settle(receiver, {}, now=5)
    due = receiver.due({}, now=70, wall=NOON)
    assert len(due) == 100
    assert any(("namespace", "few") in each.labels for each in due)


def test_what_an_earlier_run_told_of_one_namespace_keeps_nothing_of_another_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_TOLD", 100)
    many, few = of_namespace("many", *(f"m{number}" for number in range(150))), of_namespace("few", "f")
    receiver = Told(repeat=REPEAT)
    receiver.assume(many, now=0)
    receiver.assume(few, now=0)
    ended = receiver.due(many, now=1, wall=NOON)
    assert [each.labels for each in ended if each.ended is not None] == [*few]


def test_no_alert_ends_before_the_next_operator_has_come_to_it_however_often_it_is_told() -> None:
    (body,) = to_json(
        Told(repeat=LEAST_REPEAT).due(firing(DOWN), now=0, wall=NOON),
        external={},
        runbooks="docs",
        repeat=LEAST_REPEAT,
        wall=NOON,
    )
    assert body["endsAt"] == "2026-11-23T12:03:00.000000Z"
    lease, start = 15, 60
    assert lifetime(LEAST_REPEAT) >= lease + start + kinds.GATEWAY_DOWN.seconds


@given(st.lists(st.tuples(st.integers(0, 200), st.booleans()), max_size=30))
def test_whatever_happens_the_receiver_ends_up_with_what_fires(steps: list[tuple[int, bool]]) -> None:
    """Many alerts, a receiver that now and then does not answer: in the end it knows what there is."""
    receiver, known, now = Told(repeat=REPEAT), set[object](), 0.0
    fires = firing()
    for count, answers in [*steps, (steps[-1][0] if steps else 0, True)]:
        fires, now = firing(*MANY[:count]), now + 1
        while answers and (due := receiver.due(fires, now=now, wall=NOON)):
            taken = due[:64]
            receiver.delivered(taken, now=now)
            for each in taken:
                (known.discard if each.ended is not None else known.add)(each.labels)
    assert known == {*fires}

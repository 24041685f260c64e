"""A restart of the operator: what was found before it stands until it is known better."""

from typing import Any

from .assessments import assessed, at, healthy, seen, take
from .builders import NOON, SECOND, check, plan, probe, result


def left_behind(*, reason_after: int = 0) -> dict[str, Any]:
    """The status of a check that was down from noon on, as an earlier run wrote it."""
    state = seen()
    take(state, *(at(30 * n, received=0) for n in range(4)))
    return dict(assessed(state, at=95 + reason_after).status)


def test_a_restart_keeps_finding_and_figures_until_the_results_are_read_again() -> None:
    before = left_behind()
    state = seen(before, now=NOON + 100 * SECOND)
    made = assessed(state, at=101)
    assert made.status == before
    assert made.changed == ()
    assert not made.urgent


def test_results_read_again_after_a_restart_are_no_transition_and_no_new_outage() -> None:
    before = left_behind()
    state = seen(before, now=NOON + 100 * SECOND)
    assessed(state, at=101)
    take(state, *(at(30 * n, received=0) for n in range(2)))
    assert assessed(state, at=101.5).status == before, "half of the ring says nothing yet"
    take(state, *(at(30 * n, received=0) for n in range(2, 4)))
    made = assessed(state, at=102)
    assert made.changed == ()
    assert made.status["outages"] == before["outages"]
    assert healthy(made.status)["lastTransitionTime"] == healthy(before)["lastTransitionTime"]
    assert state.reported.last.outages_begun == 0


def test_what_happened_while_nobody_looked_is_found_out() -> None:
    before = left_behind()
    state = seen(before, now=NOON + 600 * SECOND)
    take(state, *(at(30 * n, received=0) for n in range(4)))
    take(state, *(at(30 * n) for n in range(4, 20)))
    made = assessed(state, at=601)
    assert healthy(made.status)["reason"] == "WithinThresholds"
    assert made.status["outages"][0]["end"] == "2026-11-23T12:10:01Z"


def test_after_a_restart_silence_is_stale_when_it_is_due_and_not_before() -> None:
    before = left_behind()
    state = seen(before, now=NOON + 3600 * SECOND)
    # The operator was away for long; the agents are given their time anew.
    assert healthy(assessed(state, at=3600 + 61.9).status)["reason"] == "Down"
    stale = assessed(state, at=3600 + 62)
    assert healthy(stale.status)["reason"] == "StaleResults"
    assert stale.status["lastResultTime"] == before["lastResultTime"]
    assert stale.status["lossPercent"] == "100.00"


def test_a_probe_added_while_the_operator_was_away_is_missed_when_it_is_due() -> None:
    before = left_behind()
    both = plan(probe("ping"), probe("second"))
    state = seen(before, now=NOON + 100 * SECOND, of=check(both))
    take(state, *(result(of=both, at=NOON + 30 * n * SECOND, received=0) for n in range(4)))
    assert healthy(assessed(state, at=101).status)["reason"] == "Down"
    take(state, *(result(of=both, at=NOON + 30 * n * SECOND) for n in range(4, 15)))
    found = healthy(assessed(state, at=430).status)
    assert found["reason"] == "StaleResults"
    assert found["message"].startswith("no result from default/second, one is expected")


def test_a_restart_does_not_let_go_of_a_limit_that_was_exceeded() -> None:
    state = seen()
    take(state, at(0, received=8), *(at(30 * n) for n in range(1, 9)), at(270, received=9))
    before = dict(assessed(state, at=275).status)
    assert healthy(before)["reason"] == "LossHigh"
    again = seen(before, now=NOON + 280 * SECOND)
    take(again, *(at(30 * n) for n in range(1, 9)), at(270, received=9), at(300), at(330))
    assert healthy(assessed(again, at=335).status)["reason"] == "LossHigh", "1 % is not yet far enough below"


def test_a_restart_carries_until_the_headline_has_caught_up() -> None:
    first, second = plan(path="primary"), plan(path="backup")
    state = seen(of=check(first, second))
    for seconds in range(0, 120, 30):
        take(state, at(seconds, of=first), at(seconds, of=second, received=9))
    before = assessed(state, at=92)
    again = seen({**before.status}, now=NOON + 95 * SECOND, of=check(first, second))
    take(again, *(at(seconds, of=second, received=9) for seconds in range(0, 120, 30)), at(0, of=first))
    carried = assessed(again, at=96)
    assert (carried.changed, carried.status["lastResultTime"]) == ((), before.status["lastResultTime"])
    take(again, *(at(seconds, of=first) for seconds in range(30, 120, 30)))
    caught_up = assessed(again, at=97)
    assert caught_up.changed == ()
    assert caught_up.status["probes"] == before.status["probes"]


def test_after_a_restart_a_path_that_stays_silent_does_not_hold_up_the_figures_of_another() -> None:
    first, second = plan(path="primary"), plan(path="backup")
    state = seen(of=check(first, second))
    take(state, at(0, of=first), at(0, of=second))
    before = dict(assessed(state, at=3).status)
    again = seen(before, now=NOON + 10 * SECOND, of=check(first, second))
    take(again, *(at(seconds, of=first, received=9) for seconds in range(0, 90, 30)))
    carried = assessed(again, at=71)
    assert carried.status["probes"] == before["probes"], "the other path may still be read"
    assert carried.next_change == NOON + 72 * SECOND
    made = assessed(again, at=72)
    assert healthy(made.status)["reason"] == "LossHigh"
    (primary,) = made.status["probes"]
    assert (primary["path"], primary["sent"]) == ("primary", 30)
    assert made.status["lastResultTime"] > before["lastResultTime"]
    take(again, at(90, of=first))
    assert assessed(again, at=95).status["probes"][0]["sent"] == 40


def test_what_another_version_wrote_that_the_api_would_refuse_now_is_left_out() -> None:
    """A status that is refused as a whole would stand still; `assessed` reads it by the schema."""
    state = seen()
    take(state, at(0), at(30), at(60))
    written = dict(assessed(state, at=65).status)
    over = {"start": "2026-11-23T11:00:00Z", "end": "2026-11-23T11:01:00Z", "reason": "Down", "message": "m"}
    newer = {
        "jitter": {"mean": "1ms"},
        "probes": [{**written["probes"][0], "type": "quic"}],
        "preferredPath": "p" * 64,
        "conditions": [
            *written["conditions"],
            {**written["conditions"][0], "type": "Encrypted"},
        ],
        "outages": [{**over, "reason": "not one word"}] + [over] * 20,
        "heldReasons": [{"path": "default", "probe": "ping", "reason": ""}],
        "notified": {"id": "x" * 65, "status": "True", "reason": "WithinThresholds"},
        "unknown": 1,
    }
    again = seen(written | newer, now=NOON + 70 * SECOND)
    made = assessed(again, at=71)
    assert len(made.status["outages"]) == 9, "one of the ten that a status may have is none"
    assert made.status["lossPercent"] == "0.00"
    assert not {"jitter", "notified", "heldReasons"} & made.status.keys()
    assert made.status["probes"] == []
    assert made.status["conditions"] == written["conditions"]


def test_outages_that_a_clock_ahead_has_put_into_the_future_keep_none_from_beginning_now() -> None:
    ahead = {
        "start": "2036-01-01T00:00:00Z", "end": "2036-01-01T00:01:00Z", "reason": "Down", "message": "m",
    }  # fmt: skip
    lasting = {key: value for key, value in ahead.items() if key != "end"}
    state = seen({"outages": [lasting, ahead, lasting]})
    take(state, at(0))
    first = assessed(state, at=5).status["outages"]
    assert [(each["start"], each["end"]) for each in first] == [
        ("2026-11-23T12:00:05Z", "2026-11-23T12:00:05Z"),
        ("2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z"),
    ]
    take(state, *(at(second, received=0) for second in (30, 60, 90)))
    assert assessed(state, at=95).status["outages"][0]["start"] == "2026-11-23T12:00:30Z"


def test_a_status_whose_text_cannot_be_encoded_is_none() -> None:
    state = seen({"preferredPath": "\ud800"})
    take(state, at(0))
    assert healthy(assessed(state, at=5).status)["reason"] == "WithinThresholds"

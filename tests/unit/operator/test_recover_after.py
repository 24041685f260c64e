"""thresholds.recoverAfter: how many good rounds make a check healthy again."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipsecping.contract import Expect, Invalidity, ProbeType, RoundResult
from ipsecping_operator.api.conditions import ConditionStatus, HealthyReason
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.fault_types import Fault, Where
from ipsecping_operator.report import fallback
from ipsecping_operator.verdict.finding import Finding
from ipsecping_operator.verdict.hysteresis import Latches
from ipsecping_operator.verdict.judge import Expectation, ProbeKey, Verdict, judge
from ipsecping_operator.verdict.tally import Tally
from ipsecping_operator.verdict.window import Window

from .assessments import assessed, at, healthy, seen, take
from .builders import NOON, SECOND, check, plan, probe, result

DOWN, FINE = HealthyReason.DOWN, HealthyReason.WITHIN_THRESHOLDS
KEY = ("default", "ping")


def lenient(*, after: int = 3, **values: Any) -> CompiledCheck:
    """No loss is too much but that of everything, so that a window's past is not what keeps a check down."""
    return check(loss_percent="100", down_after=2, recover_after=after, **values)


class Judged:
    """A check's only window, judged after each round, each time knowing the verdict before."""

    def __init__(self, of: CompiledCheck, *, held: Latches | None = None) -> None:
        self.of = of
        self.windows: dict[ProbeKey, Window] = {KEY: Window(length=300 * SECOND)}
        self.now = NOON
        self.verdict: Verdict | None = None
        self._held = {} if held is None else {KEY: held}

    def add(self, *rounds: Any) -> None:
        """Take in rounds, 30 s apart: each a count of answers, or a dict of a result's values."""
        for given_round in rounds:
            values = {"received": given_round} if isinstance(given_round, int) else given_round
            made: RoundResult = result(at=self.now, of=self.of.paths[0].plan, **values)
            self.windows[KEY].add(Tally.of(made, start=self.now), now=self.now + made.duration)
            self.now += 30 * SECOND

    def look(self) -> Finding:
        """The finding now."""
        self.verdict = judge(
            self.of,
            self.windows,
            expected=Expectation(since=NOON),
            now=self.now - 20 * SECOND,
            latches=self._held,
            before=self.verdict,
        )
        return self.verdict.finding

    def reasons(self, *rounds: Any) -> list[HealthyReason]:
        """The reason after each of these rounds."""
        found = []
        for each in rounds:
            self.add(each)
            found.append(self.look().reason)
        return found


def test_so_many_good_rounds_make_it_healthy_and_the_message_counts_them() -> None:
    world = Judged(lenient())
    assert world.reasons(10, 0, 0) == [FINE, FINE, DOWN]
    world.add(10)
    found = world.look()
    assert (found.status, found.reason) == (ConditionStatus.FALSE, DOWN)
    assert found.message.endswith("; 1 of 3 good rounds after Down (thresholds.recoverAfter)")
    world.add(10)
    assert world.look().message.endswith("; 2 of 3 good rounds after Down (thresholds.recoverAfter)")
    assert world.look().message.endswith("; 2 of 3 good rounds after Down (thresholds.recoverAfter)"), (
        "a look is no round"
    )
    assert world.reasons(10) == [FINE]


def test_without_the_field_one_good_round_does() -> None:
    world = Judged(lenient(after=1))
    assert world.reasons(0, 0, 10) == [FINE, DOWN, FINE]
    assert world.verdict is not None
    assert world.verdict.latches[KEY] == {}


def test_a_round_without_an_answer_begins_the_row_anew() -> None:
    world = Judged(lenient())
    assert world.reasons(0, 0, 10, 10, 0, 10, 10, 10) == [FINE, *[DOWN] * 6, FINE]


def test_rounds_that_come_all_at_once_count_from_the_last_without_an_answer() -> None:
    world = Judged(lenient())
    assert world.reasons(0, 0)[-1] is DOWN
    world.add(10, 10, 0, 10, 10)
    assert world.look().message.endswith("; 2 of 3 good rounds after Down (thresholds.recoverAfter)")
    world.add(10)
    assert world.look().reason is FINE


def test_what_says_nothing_of_the_tunnel_neither_counts_nor_breaks_the_row() -> None:
    world = Judged(lenient())
    invalid = {"received": 10, "invalid": Invalidity.LATE_TICKS}
    assert world.reasons(0, 0, 10)[-1] is DOWN
    assert world.reasons(invalid, invalid)[-1] is HealthyReason.MEASUREMENT_INVALID
    world.add(10)
    assert world.look().message.endswith("; 2 of 3 good rounds after Down (thresholds.recoverAfter)")


def test_good_rounds_count_from_when_no_limit_is_exceeded_any_more() -> None:
    world = Judged(check(loss_percent="10", recover_after=2))
    reasons = world.reasons(*[10] * 3, 2, *[10] * 9)
    begun, over = reasons.index(HealthyReason.LOSS_HIGH), len(reasons) - reasons[::-1].index(FINE) - 1
    assert begun == 3
    plain = Judged(check(loss_percent="10"))
    without = plain.reasons(*[10] * 3, 2, *[10] * 9)
    assert reasons.index(FINE, begun) == without.index(FINE, begun) + 1
    assert over == len(reasons) - 1


def test_silence_is_good_where_nothing_is_to_get_through() -> None:
    blocked = probe(type=ProbeType.UDP_ECHO, port=7, expect=Expect.BLOCKED)
    world = Judged(replace(lenient(window_s=60), paths=check(plan(blocked)).paths))
    world.windows[KEY] = Window(length=60 * SECOND)
    reasons = world.reasons(0, 1, *[0] * 7)
    assert HealthyReason.UNEXPECTEDLY_REACHABLE in reasons
    assert reasons[-1] is FINE


def test_an_edit_of_the_field_counts_from_the_next_look() -> None:
    world = Judged(lenient(after=100))
    assert world.reasons(0, 0, 10, 10)[-1] is DOWN
    world.of = lenient(after=2)
    assert world.look().reason is FINE


@settings(max_examples=50)
@given(
    st.lists(st.sampled_from([0, 10]), min_size=1, max_size=40),
    st.integers(min_value=1, max_value=5),
    st.sets(st.integers(min_value=0, max_value=39)),
)
def test_it_is_healthy_exactly_after_that_many_answered_rounds_whenever_one_looks(
    rounds: list[int], after: int, looks: set[int]
) -> None:
    """The last look is what counts; others in between change nothing, but that a look sees it down."""
    world = Judged(lenient(after=after))
    down, row, silent = False, 0, 0
    for index, received in enumerate(rounds):
        world.add(received)
        row, silent = (row + 1, 0) if received else (0, silent + 1)
        down = silent >= 2 or (down and row < after)
        if silent >= 2 or index in looks or index == len(rounds) - 1:
            assert (world.look().reason is DOWN) == down


def test_the_outage_lasts_until_it_has_recovered_and_says_since_when_answers_come() -> None:
    state = seen(of=lenient())
    take(state, *(at(30 * index, received=0) for index in range(3)))
    assert healthy(assessed(state, at=65).status)["reason"] == "Down"
    told = assessed(state, at=65).status["outages"][0]["message"]
    take(state, at(90), at(120))
    made = assessed(state, at=125)
    assert healthy(made.status)["message"].endswith("2 of 3 good rounds after Down (thresholds.recoverAfter)")
    (outage,) = made.status["outages"]
    assert "end" not in outage
    assert outage["message"] == f"{told}; answers again since 2026-11-23T12:02:05Z"
    assert made.status["paths"][0]["state"] == "Unhealthy"
    take(state, at(150))
    (outage,) = assessed(state, at=155).status["outages"]
    assert outage["end"] == "2026-11-23T12:02:35Z"


def test_a_restart_counts_anew() -> None:
    state = seen(of=lenient())
    take(state, *(at(30 * index, received=0) for index in range(3)))
    assessed(state, at=65)
    take(state, at(90), at(120))
    status = dict(assessed(state, at=125).status)
    assert healthy(status)["message"].endswith("; 2 of 3 good rounds after Down (thresholds.recoverAfter)")
    again = seen(status, now=NOON + 130 * SECOND, of=lenient())
    take(again, *(at(30 * index, received=0) for index in range(3)), at(90), at(120))
    assert healthy(assessed(again, at=131).status)["message"].endswith(
        "; 0 of 3 good rounds after Down (thresholds.recoverAfter)"
    )
    take(again, at(150), at(180))
    assert healthy(assessed(again, at=185).status)["message"].endswith(
        "; 2 of 3 good rounds after Down (thresholds.recoverAfter)"
    )
    take(again, at(210))
    assert healthy(assessed(again, at=215).status)["status"] == "True"


def test_a_restart_while_nothing_is_known_forgets_neither_the_recovery_nor_the_outage() -> None:
    state = seen(of=lenient())
    take(state, *(at(30 * index, received=0) for index in range(3)))
    assessed(state, at=65)
    take(state, at(90), at(120))
    assessed(state, at=125)
    status = dict(assessed(state, at=1000).status)
    assert healthy(status)["reason"] == "StaleResults"
    assert status["heldReasons"] == [{"path": "default", "probe": "ping", "reason": "Down"}]
    for restart in (1000, 1010):  # the second before anything came
        again = seen(status, now=NOON + restart * SECOND, of=lenient())
        status = dict(assessed(again, at=restart + 1).status)
        assert status["heldReasons"] == [{"path": "default", "probe": "ping", "reason": "Down"}]
    take(again, at(1020))
    recovering = assessed(again, at=1025).status
    assert healthy(recovering)["message"].endswith(
        "; 0 of 3 good rounds after Down (thresholds.recoverAfter)"
    )
    assert "heldReasons" not in recovering
    (outage,) = recovering["outages"]
    assert (outage["start"], "end" in outage) == ("2026-11-23T12:00:00Z", False)
    take(again, at(1050), at(1080))
    assert healthy(assessed(again, at=1085).status)["reason"] == "Down"
    take(again, at(1110))
    well = assessed(again, at=1115).status
    assert healthy(well)["status"] == "True"
    assert well["outages"][0]["start"] == outage["start"]
    assert "end" in well["outages"][0]


def test_a_restart_while_nothing_is_known_does_not_let_go_of_a_limit_that_was_exceeded() -> None:
    of = check(loss_percent="10", down_after=3)
    invalid = {"received": 10, "invalid": Invalidity.LATE_TICKS}
    state = seen(of=of)
    take(state, at(0, received=8), *(at(30 * n) for n in range(1, 2)))
    assert healthy(assessed(state, at=35).status)["reason"] == "WithinThresholds"
    take(state, at(60, received=8))
    assert healthy(assessed(state, at=65).status)["reason"] == "LossHigh"
    take(state, at(90), at(120), *(at(150 + 30 * n, **invalid) for n in range(3)))
    status = dict(assessed(state, at=215).status)
    assert healthy(status)["reason"] == "MeasurementInvalid"
    assert status["heldReasons"][0]["reason"] == "LossHigh"
    take(state, at(240, received=9))
    assert healthy(assessed(state, at=245).status)["reason"] == "LossHigh"
    # 5 of 60 packets: within the limit of 10 %, and above four fifths of it.
    forgotten = {key: value for key, value in status.items() if key != "heldReasons"}
    for known, reason in ((status, "LossHigh"), (forgotten, "WithinThresholds")):
        again = seen(known, now=NOON + 216 * SECOND, of=of)
        take(again, at(0, received=8), at(30), at(60, received=8), at(90), at(120))
        take(again, *(at(150 + 30 * n, **invalid) for n in range(3)), at(240, received=9))
        assert healthy(assessed(again, at=246).status)["reason"] == reason


def test_a_restart_after_a_fault_of_the_operator_itself_forgets_no_recovery_either() -> None:
    state = seen(of=lenient())
    take(state, *(at(30 * index, received=0) for index in range(3)))
    assessed(state, at=65)
    take(state, at(90))
    assessed(state, at=95)
    now = NOON + 100 * SECOND
    fallback.take_note(state, Fault(where=Where.JUDGE, kind="ValueError", place="verdict.judge:1"), now=now)
    status = fallback.least_status(state, now=now)
    assert healthy(status)["reason"] == "InternalError"
    assert "probes" not in status
    again = seen(status, now=now, of=lenient())
    take(again, *(at(30 * index, received=0) for index in range(2)), at(60), at(90), at(120))
    assert healthy(assessed(again, at=125).status)["reason"] == "Down"


@pytest.mark.parametrize("edited", [None, "x", [None, {}, "x", {"path": 1, "node": []}], [{}] * 999])
def test_a_status_that_was_edited_holds_nothing(edited: object) -> None:
    state = seen(of=lenient())
    take(state, at(0))
    status = {**assessed(state, at=1).status, "heldReasons": edited}
    again = seen(status, now=NOON + 2 * SECOND, of=lenient())
    take(again, at(0), at(30))
    made = assessed(again, at=32).status
    assert healthy(made)["status"] == "True"
    assert "heldReasons" not in made


def test_a_probe_that_is_still_down_speaks_before_one_that_recovers() -> None:
    of = replace(lenient(), paths=check(plan(probe(), probe("other"))).paths)
    state = seen(of=of)
    source = of.paths[0].plan
    for index in range(3):
        start = 30 * index
        take(state, at(start, received=0, of=source), at(start, received=0, of=source, probe_name="other"))
    assessed(state, at=65)
    take(state, at(90, of=source), at(90, received=0, of=source, probe_name="other"))
    assert "no answer" in healthy(assessed(state, at=95).status)["message"]

"""What a result costs, in calls of functions: the same on any machine, however busy it is."""

from dataclasses import replace

import pytest

from ipsecping.contract import Invalidity, RoundResult
from ipsecping_operator.check.measured import Measured
from ipsecping_operator.compile.compiled import CompiledCheck
from ipsecping_operator.verdict.judge import Expectation, Verdict, judge
from ipsecping_operator.verdict.window import MOST

from .builders import NOON, SECOND, check, plan, probe, result
from .call_count import calls

SLOW = probe("ping", timeout_ms=60_000)
SILENT = {"received": 0, "duration": 61 * SECOND}
NOISY = {"rtt_ms": [12 + 0.1 * each for each in range(10)], "duration": SECOND}


class Judged:
    """A check under measurement, judged after each result."""

    def __init__(self, of: CompiledCheck) -> None:
        self.check = of
        self.measurements = Measured()
        self.measurements.follow(of)
        self.verdict: Verdict | None = None

    def take(self, given: RoundResult) -> None:
        now = given.started_at + given.duration
        assert self.measurements.accept(given, start=given.started_at, now=now) is None
        self.verdict = judge(
            self.check,
            self.measurements.windows(now=now),
            expected=Expectation(since=NOON),
            now=now,
            before=self.verdict,
        )


def cost(window_s: int, figures: dict[str, object], *, rounds: int, last: int = 300) -> float:
    """Calls for each of the last results of many, a second apart."""
    source = plan(SLOW, interval_ms=1000)
    measured = Judged(check(source, window_s=window_s))
    given = [result(of=source, at=NOON + each * SECOND, **figures) for each in range(rounds)]  # type: ignore[arg-type]
    for each in given[:-last]:
        measured.take(each)
    return calls(lambda: list(map(measured.take, given[-last:]))) / last


@pytest.mark.parametrize(
    "figures",
    [SILENT, NOISY, SILENT | {"invalid": Invalidity.LATE_TICKS}],
    ids=["silent", "answered", "invalid"],
)
def test_a_result_costs_the_same_whatever_the_length_of_the_window(figures: dict[str, object]) -> None:
    short, long = cost(60, figures, rounds=500), cost(3600, figures, rounds=2500)
    assert long < 1.5 * short + 100


def test_a_round_that_is_longer_than_the_resolution_of_the_window_is_merged_too() -> None:
    source = plan(SLOW, interval_ms=1000)
    measured = Judged(check(source, window_s=3600))
    for each in range(2000):
        # Every other round is answered at once, so that rounds end in another order than they begin.
        figures = NOISY if each % 2 else SILENT
        measured.take(result(of=source, at=NOON + each * SECOND, **figures))
    (window,) = measured.measurements.windows(now=NOON + 2000 * SECOND).values()
    assert len(window.packed) <= MOST
    total = window.total()
    assert total is not None
    assert (total.sent, total.received) == (20_000, 10_000)


def test_rounds_that_never_measure_the_path_do_not_pile_up() -> None:
    source = plan(interval_ms=1000)
    measured = Judged(check(source, window_s=60))
    for each in range(3 * MOST):
        measured.take(result(of=source, at=NOON + each * SECOND, invalid=Invalidity.NOT_PERMITTED))
    (window,) = measured.measurements.windows(now=NOON + 3 * MOST * SECOND).values()
    assert len(window.packed) <= MOST
    assert window.invalid_run() == 3 * MOST


def test_only_probes_that_something_has_changed_of_are_judged_again() -> None:
    source = plan(*(probe(f"ping-{number}") for number in range(16)))
    of = check(source)
    measured = Judged(of)
    for number in range(16):
        measured.take(result(of=source, probe_name=f"ping-{number}"))
    before = measured.verdict
    measured.take(result(of=source, probe_name="ping-3", at=NOON + 30 * SECOND, received=0))
    assert before is not None
    assert measured.verdict is not None
    kept = [old is new for old, new in zip(before.probes, measured.verdict.probes, strict=True)]
    assert kept == [number != 3 for number in range(16)]


def test_an_edited_check_is_judged_anew() -> None:
    source = plan()
    measured = Judged(check(source))
    measured.take(result(of=source, received=5))
    edited = replace(measured.check, thresholds=check(source, loss_percent="60").thresholds)
    assert measured.verdict is not None
    assert measured.verdict.finding.reason == "LossHigh"
    now = NOON + 2 * SECOND
    again = judge(
        edited,
        measured.measurements.windows(now=now),
        expected=Expectation(since=NOON),
        now=now,
        before=measured.verdict,
    )
    # What was above the limit before is held under the limit that it exceeded only.
    assert again.finding.reason == "WithinThresholds"


def test_setting_the_clock_does_not_touch_what_the_windows_hold() -> None:
    source = plan(interval_ms=1000)
    measured = Judged(check(source, window_s=3600))
    for each in range(300):
        measured.take(result(of=source, at=NOON + each * SECOND, **NOISY))  # type: ignore[arg-type]
    assert calls(lambda: measured.measurements.shift(3600 * SECOND)) < 20
    (window,) = measured.measurements.windows(now=NOON + 4000 * SECOND).values()
    assert window.last is not None
    assert window.last.start == NOON + (299 + 3600) * SECOND

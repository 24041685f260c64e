"""What the windows say under the thresholds, and how it reads."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from ipsecping.contract import Invalidity, LossReason, LossShape, ProbeType, Refusal, RefusedKind
from ipsecping_operator.api.conditions import ConditionStatus, HealthyReason
from ipsecping_operator.compile import CompiledCheck, Cron, Interval
from ipsecping_operator.verdict.judge import Expectation, Verdict, judge
from ipsecping_operator.verdict.tally import Tally
from ipsecping_operator.verdict.window import Window

from .builders import MS, NOON, SECOND, check, plan, probe, result
from .windows import FIVE_MINUTES, filled, verdict


def test_answers_in_time_are_healthy_and_the_message_says_what_that_rests_on() -> None:
    found = verdict(filled(10, 10, 10, rtt_ms=12.1)).finding
    assert (found.status, found.reason) == (ConditionStatus.TRUE, HealthyReason.WITHIN_THRESHOLDS)
    assert found.message == "0.00 % of 30 packets lost, RTT p50 12.10ms in 5m on default/ping"


def test_loss_above_the_limit_names_value_limit_window_place_and_direction() -> None:
    back = {"received": 9, "forward_lost": 0, "reverse_lost": 1}
    found = verdict(filled(back, back, back, 10, forward_lost=0, reverse_lost=0)).finding
    assert found.reason is HealthyReason.LOSS_HIGH
    assert found.message == (
        "7.50 % of 40 packets lost in 5m (limit 1 %) on default/ping, all on the way back"
    )


@pytest.mark.parametrize(("milliseconds", "burst"), [(2000, False), (2001, True)])
def test_a_burst_of_loss_is_a_fault_of_its_own(milliseconds: int, burst: bool) -> None:
    lossy = {"received": 7, "loss_shape": LossShape(3, milliseconds * 1_000_000)}
    window = filled(lossy, 10, 10)
    found = verdict(window, of=check(loss_percent="50", burst_ms=2000)).finding
    assert (found.reason is HealthyReason.LOSS_BURST) is burst
    if burst:
        assert found.message == "3 packets lost in a row within 2001.00ms in 5m (limit 2s) on default/ping"


def test_evenly_spaced_losses_are_said_to_look_like_a_rate_limit() -> None:
    lossy = {"received": 8, "loss_shape": LossShape(1, 100_000_000, 5)}
    message = verdict(filled(lossy, lossy, lossy)).finding.message
    assert message.endswith(
        "; one in 5 packets is lost, evenly, as by a rate limit of the target or a router"
    )


@pytest.mark.parametrize(
    ("forward", "reverse", "said"),
    [
        (1, 0, ", all on the way there"),
        (0, 1, ", all on the way back"),
        (None, None, ""),
    ],
)
def test_the_direction_is_told_only_when_known(forward: int | None, reverse: int | None, said: str) -> None:
    window = filled(*[{"received": 9, "forward_lost": forward, "reverse_lost": reverse}] * 3)
    assert verdict(window).finding.message.endswith(f"on default/ping{said}")


def test_a_round_of_unknown_direction_leaves_what_the_others_know_as_a_lower_bound() -> None:
    known = {"received": 9, "forward_lost": 0, "reverse_lost": 1}
    bounded = {"received": 6, "min_forward_lost": 1, "min_reverse_lost": 2}
    for window, said in (
        (filled(known, 9, known), "at least 2 of 3 on the way back"),
        (filled(known, bounded, 10), "at least 1 of 5 on the way there and 3 of 5 on the way back"),
    ):
        assert verdict(window).finding.message.endswith(f"on default/ping, {said}")
    assert verdict(filled(9, 9, 9)).finding.message.endswith("on default/ping")


def test_losses_on_both_ways_are_counted_apart() -> None:
    window = filled(*[{"received": 7, "forward_lost": 1, "reverse_lost": 2}] * 3)
    assert verdict(window).finding.message.endswith(", 3 on the way there and 6 on the way back")


def test_loss_at_the_limit_is_healthy() -> None:
    window = filled(*[10] * 9, 9)
    assert verdict(window, check(loss_percent="1")).finding.reason is HealthyReason.WITHIN_THRESHOLDS
    assert verdict(window, check(loss_percent="0.99")).finding.reason is HealthyReason.LOSS_HIGH


def test_three_unanswered_rounds_are_down_with_the_time_and_the_reason() -> None:
    window = filled(10, 0, 0, 0, reason=LossReason.UNREACHABLE)
    judged = verdict(window)
    assert judged.finding.reason is HealthyReason.DOWN
    assert judged.since == NOON + 30 * SECOND
    assert judged.finding.message == (
        "no answer to the last 30 packets in 3 rounds on default/ping, "
        "since 2026-11-23T12:00:30Z: unreachable"
    )


def test_an_outage_in_which_answers_were_refused_says_how_many_and_why() -> None:
    kind = RefusedKind(Refusal.TOO_SHORT, 20)
    found = verdict(filled(0, 0, 0, refused={kind: 4})).finding
    assert found.reason is HealthyReason.DOWN
    assert found.message.endswith("; 12 answers were refused: 20 bytes, too short")


def test_two_unanswered_rounds_are_not_yet_down() -> None:
    assert verdict(filled(10, 0, 0)).finding.reason is HealthyReason.LOSS_HIGH


def test_one_answered_packet_ends_down_but_the_loss_stays_until_it_leaves_the_window() -> None:
    window = filled(*[0] * 5, *[10] * 4, length=60 * SECOND)
    assert verdict(filled(0, 0, 0, 1)).finding.reason is HealthyReason.LOSS_HIGH
    assert verdict(window, check(window_s=60)).finding.reason is HealthyReason.WITHIN_THRESHOLDS


def test_rounds_the_prober_spoilt_are_never_loss() -> None:
    spoilt = {"received": 0, "invalid": Invalidity.LATE_TICKS}
    judged = verdict(filled(10, spoilt, 10, spoilt, 10, spoilt))
    assert judged.finding.reason is HealthyReason.WITHIN_THRESHOLDS
    assert judged.probes[0].figures is not None
    assert judged.probes[0].figures.sent == 30


def test_nothing_but_spoilt_rounds_lately_is_unknown() -> None:
    spoilt = {"received": 0, "invalid": Invalidity.LATE_TICKS}
    found = verdict(filled(10, spoilt, spoilt, spoilt)).finding
    assert (found.status, found.reason) == (ConditionStatus.UNKNOWN, HealthyReason.MEASUREMENT_INVALID)
    assert found.message == (
        "the last 3 rounds on default/ping say nothing about the path: its "
        "host was stalled, so packets left or answers were read too late"
    )
    assert verdict(filled(spoilt)).finding.reason is HealthyReason.MEASUREMENT_INVALID


def test_a_percentile_above_its_limit_is_latency() -> None:
    window = filled(*[{"rtt_ms": [10, 10, 10, 10, 10, 10, 10, 10, 10, 90]}] * 3)
    assert verdict(window, check(rtt_ms={"p50": 20})).finding.reason is HealthyReason.WITHIN_THRESHOLDS
    found = verdict(window, check(rtt_ms={"p50": 20, "p99": 50})).finding
    assert found.reason is HealthyReason.LATENCY_HIGH
    assert found.message == "RTT p99 90.00ms of 30 packets in 5m (limit 50ms) on default/ping"


def test_before_the_first_result_nothing_is_claimed() -> None:
    judged = verdict(None, after=10**6)
    assert (judged.finding.status, judged.finding.reason) == (
        ConditionStatus.UNKNOWN,
        HealthyReason.NO_RESULTS,
    )
    assert judged.last_result is None


def test_silence_for_two_intervals_and_a_round_is_stale_to_the_nanosecond() -> None:
    window = filled(10, 10, 10)  # each round may take 2 s: nine spacings of 100 ms, 1.1 s time-out
    due = 2 * 30 + 2.0
    assert verdict(window, after=due - 1e-9).finding.reason is HealthyReason.WITHIN_THRESHOLDS
    judged = verdict(window, after=due)
    assert (judged.finding.status, judged.finding.reason) == (
        ConditionStatus.UNKNOWN,
        HealthyReason.STALE_RESULTS,
    )
    assert judged.finding.message == (
        "no result from default/ping since 2026-11-23T12:01:02Z, one is expected every 30s; "
        "Ready says whether its pod runs"
    )


def test_a_probe_that_was_down_and_falls_silent_is_unknown_not_down() -> None:
    assert verdict(filled(0, 0, 0), after=63).finding.reason is HealthyReason.STALE_RESULTS


def test_the_verdict_names_the_instant_at_which_time_alone_changes_it() -> None:
    window = filled(10, 10, 10)
    assert window.last is not None
    assert verdict(window).next_change == window.last.end + 62 * SECOND


def test_a_result_of_an_earlier_run_of_the_operator_goes_stale_too() -> None:
    judged = verdict(None, known_last=NOON, after=62)
    assert judged.finding.reason is HealthyReason.STALE_RESULTS
    assert judged.last_result == NOON


def cron_check(line: str) -> CompiledCheck:
    return check(plan(interval_ms=None), schedule=Cron(line=line, time_zone=None))


def test_a_cron_check_is_not_stale_over_a_weekend_it_does_not_run_on() -> None:
    friday = int(datetime(2026, 11, 27, 8, tzinfo=UTC).timestamp()) * SECOND
    window = Window(length=FIVE_MINUTES)
    window.add(Tally.of(result(at=friday), start=friday), now=friday)
    windows = {("default", "ping"): window}
    working_days = cron_check("0 8 * * 1-5")

    def reason(day: int, hour: int, minute: int) -> HealthyReason:
        now = int(datetime(2026, 11, day, hour, minute, tzinfo=UTC).timestamp()) * SECOND
        return judge(working_days, windows, expected=Expectation(since=NOON), now=now).finding.reason

    assert reason(28, 12, 0) is HealthyReason.WITHIN_THRESHOLDS
    assert reason(30, 8, 1) is HealthyReason.WITHIN_THRESHOLDS
    assert reason(30, 8, 3) is HealthyReason.STALE_RESULTS


def test_a_new_cron_check_says_when_it_will_run() -> None:
    found = verdict(None, cron_check("30 12 * * *")).finding
    assert found.message == "no result yet from default/ping; next run at 2026-11-23T12:30:00Z"


def test_a_suspended_check_is_unknown_whatever_was_measured() -> None:
    found = verdict(filled(0, 0, 0), check(suspend=True)).finding
    assert (found.status, found.reason) == (ConditionStatus.UNKNOWN, HealthyReason.SUSPENDED)


TWO = plan(probe("ping"), probe("datapath", type=ProbeType.STAMP, port=862))


def two_probes(ping: Window | None, datapath: Window | None) -> Verdict:
    windows = {
        ("default", name): window
        for name, window in (("ping", ping), ("datapath", datapath))
        if window is not None
    }
    return judge(check(TWO), windows, expected=Expectation(since=NOON), now=NOON + 70 * SECOND)


def test_the_worst_probe_speaks_for_the_check() -> None:
    good, bad = filled(10, 10, 10), filled(9, 9, 9, of=TWO, probe_name="datapath")
    judged = two_probes(good, bad)
    assert judged.finding.reason is HealthyReason.LOSS_HIGH
    assert judged.finding.message.endswith("on default/datapath; the other probe within thresholds")


def test_failing_outweighs_unknown_and_unknown_outweighs_healthy() -> None:
    good, bad = filled(10, 10, 10), filled(9, 9, 9)
    assert two_probes(bad, None).finding.reason is HealthyReason.LOSS_HIGH
    assert two_probes(good, None).finding.reason is HealthyReason.NO_RESULTS
    assert two_probes(good, None).finding.status is ConditionStatus.UNKNOWN


def test_the_headline_is_the_first_healthy_path_s() -> None:
    paths = (plan(path="primary"), plan(path="backup"))
    windows = {("primary", "ping"): filled(0, 0, 0), ("backup", "ping"): filled(10, 10, 10)}
    judged = judge(check(*paths), windows, expected=Expectation(since=NOON), now=NOON + 70 * SECOND)
    assert judged.preferred.name == "backup"
    assert judged.finding.reason is HealthyReason.DOWN


def test_a_short_interval_is_given_its_slowest_round() -> None:
    slow = plan(probe(timeout_ms=20_000), interval_ms=1000)
    judged = judge(
        check(slow, schedule=Interval(interval_ms=1000)),
        {("default", "ping"): filled(10)},
        expected=Expectation(since=NOON),
        now=NOON + 20 * SECOND,
    )
    assert judged.finding.reason is HealthyReason.WITHIN_THRESHOLDS


def of_two(of: CompiledCheck, **datapath: Any) -> Verdict:
    """Pings of 12 ms, and five rounds of the other probe."""
    windows = {
        ("default", "ping"): filled(10, 10, 10, 10, 10, rtt_ms=12),
        ("default", "datapath"): filled(*[datapath] * 5, of=TWO, probe_name="datapath"),
    }
    return judge(of, windows, expected=Expectation(since=NOON), now=NOON + 130 * SECOND)


@pytest.mark.parametrize(
    ("own", "measured", "said"),
    [
        (
            {"rtt_ns": {"p50": 180 * MS}},
            {"rtt_ms": 200},
            "RTT p50 200.00ms of 50 packets in 5m (limit 180ms)",
        ),
        ({"loss_percent": Decimal(5)}, {"received": 9}, "10.00 % of 50 packets lost in 5m (limit 5 %)"),
        ({"down_after": 2}, {"received": 0}, "no answer to the last 50 packets in 5 rounds"),
        (
            {"burst_ns": SECOND},
            {"received": 7, "loss_shape": LossShape(3, 2 * SECOND)},
            "3 packets lost in a row within 2000.00ms in 5m (limit 1s)",
        ),
        (
            {"jitter_ns": 2 * MS},
            {"rtt_ms": [12, 15] * 5, "jitter_sum": 27 * MS, "jitter_count": 9},
            "jitter 3.00ms of 50 packets in 5m (limit 2ms)",
        ),
    ],
)
def test_a_probe_is_judged_by_its_own_limit_and_the_other_by_the_check_s(
    own: dict[str, Any], measured: dict[str, Any], said: str
) -> None:
    lenient = check(TWO, loss_percent="100", rtt_ms={"p50": 300}, down_after=9)
    strict = check(TWO, loss_percent="100", rtt_ms={"p50": 300}, down_after=9, own={"datapath": own})
    assert of_two(lenient, **measured).finding.status is ConditionStatus.TRUE
    judged = of_two(strict, **measured)
    assert [each.finding.status for each in judged.probes] == [ConditionStatus.TRUE, ConditionStatus.FALSE]
    assert judged.finding.message.startswith(f"{said} on default/datapath")


def test_a_slow_probe_beside_a_fast_one_is_healthy_within_its_own_limit() -> None:
    limits = check(TWO, rtt_ms={"p50": 20}, own={"datapath": {"rtt_ns": {"p50": 250 * MS}}})
    assert of_two(limits, rtt_ms=180).finding.reason is HealthyReason.WITHIN_THRESHOLDS
    assert of_two(check(TWO, rtt_ms={"p50": 20}), rtt_ms=180).finding.reason is HealthyReason.LATENCY_HIGH


def test_an_edit_of_a_probe_s_limit_judges_what_is_measured_already() -> None:
    before = of_two(check(TWO, rtt_ms={"p50": 20}), rtt_ms=180)
    window = filled(*[{"rtt_ms": 180}] * 5, of=TWO, probe_name="datapath")
    windows = {("default", "ping"): filled(10, 10, 10, 10, 10), ("default", "datapath"): window}
    edited = check(TWO, rtt_ms={"p50": 20}, own={"datapath": {"rtt_ns": {"p50": 250 * MS}}})
    now = NOON + 130 * SECOND
    after = judge(edited, windows, expected=Expectation(since=NOON), now=now, before=before)
    assert after.finding.reason is HealthyReason.WITHIN_THRESHOLDS

"""Which results count, and for what."""

from dataclasses import replace

import pytest

from ipsecping.contract import CheckRef, IkeOptions, Invalidity, ProbeType, RoundResult
from ipsecping.contract.buckets import BOUNDS
from ipsecping_operator.check.measured import Measured
from ipsecping_operator.check.rejection import Rejection
from ipsecping_operator.check.totals import Totals
from ipsecping_operator.collect import placing
from ipsecping_operator.verdict.tally import Tally

from .builders import MS, NOON, SECOND, check, plan, probe, result

KEY = ("default", "ping")


def following(*plans: object) -> Measured:
    made = Measured()
    made.follow(check(*plans))  # type: ignore[arg-type]
    return made


def accept(into: Measured, given: RoundResult) -> Rejection | None:
    return into.accept(given, start=given.started_at, now=given.started_at + given.duration)


def sent(of: Measured) -> int:
    total = of.series[KEY].window.total()
    return total.sent if total else 0


def test_a_result_of_the_current_plan_counts() -> None:
    measurements = following()
    assert accept(measurements, result()) is None
    assert sent(measurements) == 10


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"uid": "another"}, Rejection.FOREIGN_CHECK),
        ({"nonce": "0" * 16}, Rejection.OTHER_PLAN),
        ({"path": "backup"}, Rejection.UNKNOWN_PROBE),
    ],
)
def test_a_result_for_another_check_plan_or_path_changes_nothing(
    change: dict[str, str], why: Rejection
) -> None:
    measurements = following()
    made = result()
    ref: CheckRef = replace(made.check, **change)  # type: ignore[arg-type]
    assert accept(measurements, replace(made, check=ref)) is why
    assert measurements.series == {}


def test_a_result_of_an_unknown_probe_changes_nothing() -> None:
    measurements = following()
    assert accept(measurements, replace(result(), probe="other")) is Rejection.UNKNOWN_PROBE
    assert measurements.series == {}


@pytest.mark.parametrize(
    "beyond",
    [
        result(sent=11),
        result(sent=1000, received=0),
        result(rtt_ms=1100 + 10_001),
    ],
)
def test_a_result_that_the_planned_packets_cannot_give_changes_nothing(beyond: RoundResult) -> None:
    measurements = following()
    assert accept(measurements, beyond) is Rejection.BEYOND_PLAN
    assert measurements.series == {}


def test_packets_of_a_search_and_of_an_ike_probe_are_not_those_planned() -> None:
    for kind in (ProbeType.IKE, ProbeType.PATH_MTU):
        searching = plan(probe(type=kind, count=1))
        measurements = following(searching)
        assert accept(measurements, result(of=searching, sent=2, rtt_ms=[])) is None


def test_a_result_has_as_many_flows_as_its_plan_and_their_closing_packets() -> None:
    spread = plan(probe(type=ProbeType.STAMP, port=862, size=44, count=10, flows=2))
    rows = [(13, 13, 13, 0), (13, 0, 0, 0)]
    assert accept(following(spread), result(of=spread, sent=26, received=13, flows=rows)) is None
    assert accept(following(spread), result(of=spread, sent=27, received=13)) is Rejection.BEYOND_PLAN
    more = [(9, 9, 9, 0), (9, 0, 0, 0), (1, 1, 1, 0)]
    beyond = result(of=spread, sent=19, received=10, flows=more)
    assert accept(following(spread), beyond) is Rejection.BEYOND_PLAN
    single = plan(probe(type=ProbeType.STAMP, port=862, size=44, count=10))
    beyond = result(of=single, sent=10, received=5, flows=[(5, 5, 5, 0), (5, 0, 0, 0)])
    assert accept(following(single), beyond) is Rejection.BEYOND_PLAN


def test_a_stamp_round_may_have_closing_packets() -> None:
    stamp = plan(probe(type=ProbeType.STAMP, port=862, size=44, count=10))
    assert accept(following(stamp), result(of=stamp, sent=13, received=9)) is None
    assert accept(following(stamp), result(of=stamp, sent=14, received=9)) is Rejection.BEYOND_PLAN


def test_after_an_edit_the_previous_plan_s_results_count_until_the_first_of_the_new_one() -> None:
    old, new = plan(), plan(probe(count=20, timeout_ms=2000), generation=2)
    measurements = following(old)
    accept(measurements, result(of=old))
    assert measurements.follow(check(new)) is True
    assert accept(measurements, result(of=old, at=NOON + 30 * SECOND)) is None
    assert sent(measurements) == 20
    assert accept(measurements, result(of=new, at=NOON + 60 * SECOND, sent=20)) is None
    assert sent(measurements) == 20  # the window began anew: another count is another measurement
    assert accept(measurements, result(of=old, at=NOON + 90 * SECOND)) is Rejection.OTHER_PLAN
    assert sent(measurements) == 20


def test_results_of_the_plan_before_the_previous_one_no_longer_count() -> None:
    first, second, third = (plan(probe(size=size)) for size in (56, 64, 72))
    measurements = following(first)
    measurements.follow(check(second))
    measurements.follow(check(third))
    assert accept(measurements, result(of=first)) is Rejection.OTHER_PLAN
    assert accept(measurements, result(of=second)) is None


def test_an_edit_of_the_interval_keeps_the_window() -> None:
    old, new = plan(interval_ms=30_000), plan(interval_ms=10_000)
    measurements = following(old)
    accept(measurements, result(of=old))
    measurements.follow(check(new))
    accept(measurements, result(of=new, at=NOON + 10 * SECOND))
    assert sent(measurements) == 20


def test_an_edit_of_the_thresholds_alone_changes_no_plan() -> None:
    measurements = following(plan(generation=1))
    assert measurements.follow(check(plan(generation=2), loss_percent="5", window_s=60)) is False
    assert accept(measurements, result()) is None
    assert measurements.series[KEY].window.length == 60 * SECOND


def test_what_was_measured_before_a_pause_is_forgotten_when_it_ends() -> None:
    measurements = following()
    accept(measurements, result())
    measurements.follow(check(suspend=True))
    assert sent(measurements) == 10
    measurements.follow(check())
    assert measurements.series == {}


def test_counters_grow_over_all_valid_rounds_and_survive_the_window() -> None:
    measurements = following()
    for index in range(30):
        accept(measurements, result(at=NOON + index * 30 * SECOND, received=9))
    accept(measurements, result(at=NOON + 900 * SECOND, received=0, invalid=Invalidity.LATE_TICKS))
    totals = measurements.series[KEY].totals
    assert (totals.sent, totals.received) == (300, 270)


def test_the_exported_histogram_holds_every_answer_in_its_bucket() -> None:
    totals = Totals()
    times = [0.3, 1.7, 4.9, 12, 12, 99, 7000]
    totals.add(Tally.of(result(sent=7, rtt_ms=times), start=NOON))
    cumulative = {bound: sum(totals.buckets[: i + 1]) for i, bound in enumerate(BOUNDS)}
    assert cumulative[2 * MS] == 2
    assert cumulative[5 * MS] == 3
    assert cumulative[100 * MS] == 6
    assert cumulative[BOUNDS[-1]] == 6
    assert sum(totals.buckets) == 7


def test_a_finished_pod_s_round_lies_between_the_pod_s_creation_and_now() -> None:
    created, now = NOON, NOON + 60 * SECOND
    assert placing.from_pod(NOON + 3 * SECOND, SECOND, pod_created=created, now=now) == NOON + 3 * SECOND
    assert placing.from_pod(NOON - 10**15, SECOND, pod_created=created, now=now) == created
    assert placing.from_pod(NOON + 10**15, SECOND, pod_created=created, now=now) == now - SECOND


def test_the_address_of_the_target_is_not_that_of_another_host_that_a_probe_asks() -> None:
    ike = probe("ike", type=ProbeType.IKE, size=0, options=IkeOptions(gateway="198.51.100.2"))
    both = plan(probe(), ike)
    measurements = following(both)
    accept(measurements, result(of=both, remote_ip="203.0.113.10"))
    accept(measurements, result(of=both, probe_name="ike", remote_ip="198.51.100.2"))
    assert {path: each.address for path, each in measurements.resolved.items()} == {"default": "203.0.113.10"}
    assert measurements.series["default", "ike"].address == "198.51.100.2"


def test_made_up_rounds_beyond_what_a_day_has_room_for_are_added_up_all_the_same() -> None:
    long = plan(probe(count=1000, timeout_ms=600_000), interval_ms=86_400_000)
    measurements = Measured()
    measurements.follow(check(long, window_s=86_400))
    made_up = result(of=long, sent=1000, rtt_ms=600_000, run_now="now", duration=700 * SECOND)
    at, rounds = NOON + 86_400 * SECOND, 40_000
    for _ in range(rounds):
        assert measurements.accept(made_up, start=at, now=at) is None
    total = measurements.windows(now=at)[KEY].total()
    assert total is not None
    assert total.rtt.sum == rounds * made_up.rtt.sum > 2**64
    assert total.percentiles(50) == [600_000 * MS]

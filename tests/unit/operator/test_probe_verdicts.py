"""What is judged beyond loss and round-trip time: leaks, path MTU, jitter, wrong answers, certificates."""

from typing import Any

import pytest

from ipsecping.contract import (
    Expect,
    IkeOptions,
    Invalidity,
    LossReason,
    Nat,
    PathMtu,
    PathMtuOptions,
    ProbeType,
    TcpOptions,
    TlsOptions,
)
from ipsecping.contract.bounds import MAX_EXPIRY
from ipsecping.contract.methods.path_mtu import Responder
from ipsecping_operator.api.conditions import ConditionStatus, HealthyReason
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.verdict.judge import Expectation, ProbeKey, Verdict, judge
from ipsecping_operator.verdict.tally import Tally
from ipsecping_operator.verdict.window import Window

from .assessments import assessed, at, healthy, seen, take
from .builders import MS, NOON, SECOND, check, plan, probe, result
from .states import take_up
from .windows import filled, verdict

TCP: dict[str, Any] = {"type": ProbeType.TCP, "port": 443, "size": 0}
BLOCKED = check(plan(probe(expect=Expect.BLOCKED, **TCP)))
WEB = check(plan(probe(**TCP)))
DAY = 24 * 3600


@pytest.mark.parametrize("reason", [LossReason.TIMEOUT, LossReason.UNREACHABLE, LossReason.PROHIBITED])
def test_traffic_that_must_not_pass_and_does_not_is_healthy(reason: LossReason) -> None:
    judged = verdict(filled(0, 0, 0, 0, reason=reason), BLOCKED)
    assert judged.finding.reason is HealthyReason.WITHIN_THRESHOLDS
    assert judged.finding.message == "none of 40 packets got through in 5m on default/ping, as expected"


def test_one_answer_to_traffic_that_must_not_pass_is_a_leak_until_it_leaves_the_window() -> None:
    judged = verdict(filled(0, 1, 0, 0), BLOCKED)
    assert judged.finding.reason is HealthyReason.UNEXPECTEDLY_REACHABLE
    assert judged.finding.message == (
        "1 packet got through in 5m on default/ping, though Blocked is expected: answered"
    )
    short = check(*(path.plan for path in BLOCKED.paths), window_s=60)
    window = filled(0, 1, 0, 0, 0, 0, length=60 * SECOND)
    assert verdict(window, short).finding.reason is HealthyReason.WITHIN_THRESHOLDS


def test_a_refusal_by_the_far_end_itself_got_through() -> None:
    found = verdict(filled(0, 0, 0, reason=LossReason.REFUSED), BLOCKED).finding
    assert found.reason is HealthyReason.UNEXPECTEDLY_REACHABLE
    assert found.message.startswith("30 packets got through")
    assert found.message.endswith("the host answers, nothing listens")


def test_what_the_far_end_counted_but_could_not_answer_got_through() -> None:
    window = filled(0, 0, 0, forward_lost=7, reverse_lost=3)
    found = verdict(window, BLOCKED).finding
    assert found.message == "9 packets got through in 5m on default/ping, though Blocked is expected"


def test_a_leak_counts_in_a_round_that_the_prober_spoilt_too() -> None:
    spoilt = {"received": 1, "invalid": Invalidity.LATE_TICKS}
    assert verdict(filled(spoilt), BLOCKED).finding.reason is HealthyReason.UNEXPECTEDLY_REACHABLE


def test_a_name_without_an_address_proves_no_block() -> None:
    unresolved = {"received": 0, "sent": 0, "invalid": Invalidity.NO_SUCH_NAME}
    found = verdict(filled(unresolved), BLOCKED).finding
    assert found.reason is HealthyReason.TARGET_UNRESOLVED


@pytest.mark.parametrize(
    ("invalidity", "why"),
    [
        (Invalidity.NO_SUCH_NAME, "there is no such name, or it has no address"),
        (Invalidity.RESOLVER_FAILED, "the resolver did not answer, and no earlier answer is left"),
    ],
)
def test_a_name_that_cannot_be_looked_up_is_no_outage(invalidity: Invalidity, why: str) -> None:
    unresolved = {"received": 0, "sent": 0, "invalid": invalidity}
    found = verdict(filled(10, unresolved, unresolved, unresolved)).finding
    assert (found.reason, found.reason.status) == (HealthyReason.TARGET_UNRESOLVED, ConditionStatus.UNKNOWN)
    assert found.message == (f"the last 3 rounds on default/ping could not resolve the target's name: {why}")


def test_silence_of_the_prober_proves_no_block_either() -> None:
    assert verdict(filled(0, 0, 0), BLOCKED, after=63).finding.reason is HealthyReason.STALE_RESULTS
    spoilt = {"received": 0, "invalid": Invalidity.LATE_TICKS}
    assert verdict(filled(spoilt), BLOCKED).finding.reason is HealthyReason.MEASUREMENT_INVALID


def test_a_leak_outweighs_an_outage() -> None:
    both = plan(probe("ping"), probe("closed", expect=Expect.BLOCKED, **TCP))
    windows = {
        ("default", "ping"): filled(0, 0, 0),
        ("default", "closed"): filled(10, 10, 10, of=both, probe_name="closed"),
    }
    judged = judge(check(both), windows, expected=Expectation(since=NOON), now=NOON + 70 * SECOND)
    assert judged.finding.reason is HealthyReason.UNEXPECTEDLY_REACHABLE
    assert judged.finding.message.endswith("; 1 more of 2 probes not healthy")


def test_the_headline_is_not_of_a_probe_whose_loss_is_wanted() -> None:
    both = plan(probe("closed", expect=Expect.BLOCKED, **TCP), probe("ping"))
    judged = judge(check(both), {}, expected=Expectation(since=NOON), now=NOON)
    assert judged.preferred.head.probe.name == "ping"
    assert verdict(None, BLOCKED).preferred.head.probe.name == "ping", "where there is no other"


WRONG = [
    (LossReason.AUTH_FAILED, "the keys of both sides differ"),
    (LossReason.TLS_FAILED, "verification failed"),
    (LossReason.UNEXPECTED_STATUS, "unexpected status"),
    (LossReason.BAD_ANSWER, "does not speak the probe's protocol"),
]


@pytest.mark.parametrize(("reason", "said"), WRONG)
def test_wrong_answers_round_after_round_are_a_failed_probe_not_an_outage(
    reason: LossReason, said: str
) -> None:
    judged = verdict(filled(10, 0, 0, 0, reason=reason), WEB)
    assert judged.finding.reason is HealthyReason.PROBE_FAILED
    assert judged.finding.message.startswith(
        "no good answer to the last 30 packets in 3 rounds on default/ping, since 2026-11-23T12:00:30Z: "
    )
    assert said in judged.finding.message
    assert judged.since == NOON + 30 * SECOND


@pytest.mark.parametrize(("reason", "said"), WRONG)
def test_some_wrong_answers_are_a_failed_probe_not_loss(reason: LossReason, said: str) -> None:
    found = verdict(filled(10, 5, 10, reason=reason), WEB).finding
    assert found.reason is HealthyReason.PROBE_FAILED
    assert "16.67 % of 30 packets without a good answer in 5m (limit 1 %) on default/ping" in found.message
    assert said in found.message


def test_a_refused_port_is_down_not_a_failed_probe() -> None:
    assert verdict(filled(0, 0, 0, reason=LossReason.REFUSED), WEB).finding.reason is HealthyReason.DOWN


def test_lost_packets_that_outnumber_wrong_answers_are_loss() -> None:
    window = filled(*[{"received": 4, "losses": {LossReason.TIMEOUT: 4, LossReason.BAD_ANSWER: 2}}] * 3)
    assert verdict(window, WEB).finding.reason is HealthyReason.LOSS_HIGH


CERTIFIED = check(plan(probe(**TCP)), certificate_days={"ping": 14})
ENDS = NOON // SECOND + 20 * DAY


def certified(*, after: float) -> Verdict:
    """The verdict so many seconds after noon on a certificate that had 20 days left then."""
    now = NOON + int(after * SECOND)
    window = Window(length=300 * SECOND)
    for _ in range(3):
        window.add(Tally.of(result(at=now, certificate_expiry=ENDS, duration=0), start=now), now=now)
    windows: dict[ProbeKey, Window] = {("default", "ping"): window}
    return judge(CERTIFIED, windows, expected=Expectation(since=NOON), now=now)


def test_a_certificate_about_to_end_fails_the_probe_and_says_when() -> None:
    assert certified(after=6 * DAY - 1).finding.reason is HealthyReason.WITHIN_THRESHOLDS
    found = certified(after=6 * DAY).finding
    assert found.reason is HealthyReason.PROBE_FAILED
    assert found.message == (
        "the certificate of default/ping ends at 2026-12-13T12:00:00Z, in 14 days (limit 14 days)"
    )
    assert "ended at 2026-12-13T12:00:00Z" in certified(after=20 * DAY).finding.message


def test_an_edit_that_asks_for_a_certificate_fails_no_probe_that_had_none_to_read() -> None:
    state = seen(of=WEB)
    take(state, at(0, of=WEB.paths[0].plan))
    tls = plan(probe(options=TcpOptions(tls=TlsOptions()), **TCP))
    take_up(state, check(tls, certificate_days={"ping": 14}), now=NOON + 10 * SECOND)
    assert healthy(assessed(state, at=11).status)["reason"] == "WithinThresholds"
    take(state, at(30, of=tls))
    assert healthy(assessed(state, at=33).status)["reason"] == "ProbeFailed"


def test_the_verdict_knows_the_instant_at_which_a_certificate_is_too_old() -> None:
    assert certified(after=6 * DAY - 1).next_change == NOON + 6 * DAY * SECOND


@pytest.mark.parametrize("ended", [0, 1])
def test_a_certificate_that_ended_before_any_clock_of_ours_began_has_ended(ended: int) -> None:
    found = verdict(filled(*[{"certificate_expiry": ended}] * 3), CERTIFIED).finding
    assert found.reason is HealthyReason.PROBE_FAILED
    assert "ended at 1970-01-01T00:00:0" in found.message


def test_a_certificate_that_never_ends_is_good() -> None:
    found = verdict(filled(*[{"certificate_expiry": MAX_EXPIRY}] * 3), CERTIFIED).finding
    assert found.reason is HealthyReason.WITHIN_THRESHOLDS


def test_a_certificate_whose_end_nobody_can_read_is_not_taken_for_a_good_one() -> None:
    found = verdict(filled(*[{}] * 3), CERTIFIED).finding
    assert found.reason is HealthyReason.PROBE_FAILED
    assert found.message == (
        "the certificate of default/ping does not say readably when it ends (limit 14 days)"
    )
    assert verdict(filled(*[{"received": 0}] * 3), CERTIFIED).finding.reason is HealthyReason.DOWN


def test_a_certificate_is_not_judged_unless_asked_for() -> None:
    window = filled(*[{"certificate_expiry": NOON // SECOND + 1}] * 3)
    assert verdict(window, WEB).finding.reason is HealthyReason.WITHIN_THRESHOLDS


def test_a_failed_handshake_names_the_certificate_that_has_ended() -> None:
    window = filled(0, 0, 0, reason=LossReason.TLS_FAILED, certificate_expiry=NOON // SECOND - 60)
    assert verdict(window, WEB).finding.message.endswith("; the certificate ended at 2026-11-23T11:59:00Z")


MTU = check(plan(probe(type=ProbeType.PATH_MTU, port=862, size=0, count=1)), path_mtu=1400)


def searched(*found: tuple[int | None, int | None], too_big: bool = True) -> Window:
    of = MTU.paths[0].plan
    return filled(
        *[
            {"sent": 1, "path_mtu": PathMtu(forward=forward, reverse=reverse, too_big=too_big)}
            for forward, reverse in found
        ],
        of=of,
    )


def test_a_path_mtu_at_its_limit_is_healthy() -> None:
    assert verdict(searched((1400, 1400)), MTU).finding.reason is HealthyReason.WITHIN_THRESHOLDS


@pytest.mark.parametrize(
    ("forward", "reverse", "size", "way"),
    [(1300, 1300, 1300, " on the way there"), (1438, 1320, 1320, " on the way back"), (1300, None, 1300, "")],
)
def test_a_low_path_mtu_names_size_limit_place_and_direction(
    forward: int, reverse: int | None, size: int, way: str
) -> None:
    found = verdict(searched((forward, reverse)), MTU).finding
    assert found.reason is HealthyReason.PATH_MTU_LOW
    assert found.message == f"packets of at most {size} bytes pass{way} (limit 1400) on default/ping"


def test_a_limit_that_the_target_itself_may_have_is_not_put_on_the_path() -> None:
    by_icmp = PathMtuOptions(responder=Responder.ICMP)
    asked = check(plan(probe(type=ProbeType.PATH_MTU, size=0, options=by_icmp)), path_mtu=1400)
    silent = verdict(searched((1300, None), too_big=False), asked).finding
    assert silent.message.endswith("packet-too-big message, or the target answers none that large")
    assert "target" not in verdict(searched((1300, None), too_big=True), asked).finding.message


def test_a_black_hole_is_called_one() -> None:
    found = verdict(searched((1300, None), too_big=False), MTU).finding
    assert found.message.endswith("; larger ones vanish without a packet-too-big message")


def test_one_low_search_among_good_ones_is_no_finding() -> None:
    good, low = (1438, 1438), (1300, 1300)
    assert verdict(searched(good, low), MTU).finding.reason is HealthyReason.WITHIN_THRESHOLDS
    assert verdict(searched(good, low, low), MTU).finding.reason is HealthyReason.PATH_MTU_LOW


def test_not_even_the_smallest_size_is_less_than_the_limit() -> None:
    asked = check(plan(probe(type=ProbeType.PATH_MTU, size=0, options=PathMtuOptions())), path_mtu=1400)
    found = verdict(searched((1438, 1438), (None, None), (None, None), too_big=False), asked)
    assert found.finding.reason is HealthyReason.PATH_MTU_LOW
    assert found.finding.message == (
        "no packets of 1280 bytes pass (limit 1400) on default/ping"
        "; larger ones vanish without a packet-too-big message"
    )
    nothing: Any = searched((None, None), (None, None))
    now = nothing.last.end
    later = judge(
        asked,
        {("default", "ping"): nothing},
        expected=Expectation(since=NOON),
        now=now,
        latches=found.latches,
    )
    assert later.finding.reason is HealthyReason.PATH_MTU_LOW, (
        "also once the window has forgotten the large ones"
    )


def test_a_target_that_has_never_answered_anything_large_may_do_so_whatever_the_path_takes() -> None:
    asked = check(plan(probe(type=ProbeType.PATH_MTU, size=0, options=PathMtuOptions())), path_mtu=1400)
    found = verdict(searched((None, None), (None, None)), asked).finding
    assert found.reason is HealthyReason.WITHIN_THRESHOLDS


def test_one_search_that_found_nothing_says_nothing_of_the_mtu() -> None:
    assert verdict(searched((1438, 1438), (None, None)), MTU).finding.reason is (
        HealthyReason.WITHIN_THRESHOLDS
    )


def test_jitter_above_its_limit_names_value_and_limit() -> None:
    found = verdict(filled({"jitter_sum": 270 * MS, "jitter_count": 9}), check(jitter_ms=20)).finding
    assert found.reason is HealthyReason.JITTER_HIGH
    assert found.message == "jitter 30.00ms of 10 packets in 5m (limit 20ms) on default/ping"


@pytest.mark.parametrize("kind", [ProbeType.PATH_MTU, ProbeType.IKE])
def test_limits_of_time_do_not_apply_to_what_is_no_traffic_of_the_tunnel(kind: ProbeType) -> None:
    port = 862 if kind is ProbeType.PATH_MTU else None
    of = check(plan(probe(type=kind, size=0, port=port)), rtt_ms={"p50": 1}, jitter_ms=1)
    slow = {"jitter_sum": 270 * MS, "jitter_count": 9, "rtt_ms": 500}
    found = verdict(filled(slow, of=of.paths[0].plan), of).finding
    assert found.reason is HealthyReason.WITHIN_THRESHOLDS


def after_loss(*rounds: int, of: CompiledCheck, window_s: int = 300) -> list[Any]:
    """Findings after each round of ten packets, one every 30 s, each knowing the verdict before it."""
    windows = {("default", "ping"): Window(length=window_s * SECOND)}
    latches: Any = {}
    found = []
    for index, received in enumerate(rounds):
        at = NOON + index * 30 * SECOND
        made = result(at=at, received=received)
        now = at + made.duration
        windows["default", "ping"].add(Tally.of(made, start=at), now=now)
        judged = judge(of, windows, expected=Expectation(since=NOON), now=now, latches=latches)
        latches = judged.latches
        found.append(judged.finding)
    return found


def test_loss_that_swings_around_its_limit_is_one_outage_not_many() -> None:
    # Ten rounds in the window: one lost packet is 1 % (the limit), two are 2 %.
    pattern = [9, 9, *[10] * 8, 9, 10, 9, *[10] * 7] * 3
    reasons = [each.reason for each in after_loss(*pattern, of=check())][1:]
    assert set(reasons) == {HealthyReason.LOSS_HIGH}


def test_loss_just_within_its_limit_is_healthy_a_window_later_and_says_so_before() -> None:
    rounds = [8, *[10] * 8, 9, *[10] * 9, 9, *[10] * 9, 9, *[10] * 9]
    found = after_loss(*rounds, of=check())
    waiting = next(each for each in found if "within the limit since" in each.message)
    assert waiting.status is ConditionStatus.FALSE
    assert "1.00 % of 100 packets lost in 5m (limit 1 %) on default/ping" in waiting.message
    assert waiting.message.endswith("healthy at 0.8 % or less, or once the window holds nothing older")
    assert found[-1].reason is HealthyReason.WITHIN_THRESHOLDS


def test_loss_that_ends_is_healthy_as_soon_as_it_has_left_the_window() -> None:
    found = after_loss(5, *[10] * 10, of=check())
    assert [each.reason for each in found[-2:]] == [
        HealthyReason.LOSS_HIGH,
        HealthyReason.WITHIN_THRESHOLDS,
    ]


IKE: dict[str, Any] = {"type": ProbeType.IKE, "size": 0, "options": IkeOptions(gateway="198.51.100.2")}
GATEWAY = check(plan(probe(**IKE)))


def test_the_silent_port_of_a_gateway_is_named() -> None:
    half = {"sent": 2, "received": 1, "unanswered": {4500: LossReason.TIMEOUT}}
    found = verdict(filled({"sent": 2, "received": 2}, half, half), GATEWAY).finding
    assert found.reason is HealthyReason.LOSS_HIGH
    assert found.message == (
        "33.33 % of 6 packets lost in 5m (limit 1 %) on default/ping; all by UDP port 4500"
    )


def test_a_gateway_that_refuses_on_one_port_and_is_silent_on_the_other_is_down_with_both_named() -> None:
    reasons = {500: LossReason.REFUSED, 4500: LossReason.TIMEOUT}
    dead = {"sent": 2, "received": 0, "unanswered": reasons, "losses": dict.fromkeys(reasons.values(), 1)}
    found = verdict(filled(dead, dead, dead), GATEWAY).finding
    assert found.reason is HealthyReason.DOWN
    assert found.message.endswith("; 3 by UDP port 500 and 3 by UDP port 4500")


def test_what_was_found_about_nat_stands_between_the_rare_rounds_that_look_for_it() -> None:
    asked = {"sent": 2, "received": 2, "nat": True}
    alive = {"sent": 2, "received": 2}
    judged = verdict(filled(asked, *[alive] * 20), GATEWAY)
    assert judged.probes[0].figures is not None
    assert judged.probes[0].figures.figure(Nat) == Nat(True)
    changed = verdict(filled(asked, *[alive] * 20, asked | {"nat": False}), GATEWAY)
    assert changed.probes[0].figures is not None
    assert changed.probes[0].figures.figure(Nat) == Nat(False)
    forgotten = verdict(filled(asked, *[alive] * 62), GATEWAY)
    assert forgotten.probes[0].figures is not None
    assert forgotten.probes[0].figures.figure(Nat) is None

"""Where the packets must come from, as the target sees it: verify.sourceSeen."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

from ipsecping.contract import Invalidity, ProbeType, Sources, StampOptions
from ipsecping_operator.api.conditions import ConditionStatus, HealthyReason
from ipsecping_operator.compile.compiled import Verified
from ipsecping_operator.verdict.tally import Tally, total

from .builders import NOON, check, plan, probe, result
from .windows import filled, verdict

STAMP: dict[str, Any] = {
    "type": ProbeType.STAMP,
    "port": 862,
    "size": 72,
    "options": StampOptions(ask_source=True),
}
VERIFIED = replace(
    check(plan(probe(**STAMP))),
    verified=Verified(sources=(ip_network("10.244.0.0/16"), ip_network("2001:db8::/64"))),
)
POD, NAT = {"sources": {"10.244.3.7": 10}}, {"sources": {"198.51.100.1": 10}}


def test_a_source_within_the_networks_is_healthy() -> None:
    judged = verdict(filled(POD, POD, {"sources": {"2001:db8::7": 10}}), VERIFIED)
    assert judged.finding.reason is HealthyReason.WITHIN_THRESHOLDS


def test_any_other_source_is_named_with_what_is_allowed_until_it_has_left_the_window() -> None:
    judged = verdict(filled(POD, NAT, POD), VERIFIED)
    assert (judged.finding.status, judged.finding.reason) == (
        ConditionStatus.FALSE,
        HealthyReason.SOURCE_MISMATCH,
    )
    assert judged.finding.message == (
        "the target saw 10 packets in 5m come from 198.51.100.1 on default/ping, allowed is 10.244.0.0/16, "
        "2001:db8::/64 (spec.verify.sourceSeen): NAT on the way, or traffic beside the tunnel"
    )
    later = verdict(filled(NAT, *[POD] * 12), VERIFIED)
    assert later.finding.reason is HealthyReason.WITHIN_THRESHOLDS


def test_a_foreign_source_counts_in_a_round_that_the_prober_spoilt_and_outweighs_an_outage() -> None:
    spoilt = NAT | {"invalid": Invalidity.LATE_TICKS}
    assert verdict(filled(spoilt), VERIFIED).finding.reason is HealthyReason.SOURCE_MISMATCH
    assert verdict(filled(NAT, 0, 0, 0), VERIFIED).finding.reason is HealthyReason.SOURCE_MISMATCH


def test_a_reflector_that_does_not_tell_verifies_nothing() -> None:
    judged = verdict(filled(10, 10), VERIFIED)
    assert (judged.finding.status, judged.finding.reason) == (
        ConditionStatus.UNKNOWN,
        HealthyReason.SOURCE_UNKNOWN,
    )
    assert judged.finding.message == (
        "20 of 20 answers in 5m on default/ping do not tell the source address, so that 10.244.0.0/16, "
        "2001:db8::/64 (spec.verify.sourceSeen) is not verified: the reflector must answer Location TLVs "
        "(RFC 8972), as ipsecping reflect does"
    )
    sometimes = verdict(filled(POD, 10), VERIFIED)
    assert sometimes.finding.reason is HealthyReason.SOURCE_UNKNOWN
    assert sometimes.finding.message.startswith("10 of 20 answers")


def test_what_is_known_to_be_wrong_outweighs_that_the_source_is_not_known() -> None:
    assert verdict(filled(10, 5), VERIFIED).finding.reason is HealthyReason.LOSS_HIGH
    assert verdict(filled(0, 0, 0), VERIFIED).finding.reason is HealthyReason.DOWN


def test_without_answers_nothing_is_missing_from_them() -> None:
    lost = replace(VERIFIED, thresholds=replace(VERIFIED.thresholds, down_after=5))
    assert verdict(filled(0, 0), lost).finding.reason is HealthyReason.LOSS_HIGH


def test_a_probe_that_does_not_ask_is_not_judged() -> None:
    silent = check(plan(probe(**STAMP | {"options": StampOptions()})))
    assert verdict(filled(10), silent).finding.reason is HealthyReason.WITHIN_THRESHOLDS


def test_of_more_addresses_than_are_kept_nothing_is_claimed() -> None:
    rounds = [
        Tally.of(
            result(at=NOON, sources={f"10.244.{n}.{host}": 1 for host in range(8)}, received=8), start=NOON
        )
        for n in range(3)
    ]
    added = total(rounds)
    assert added is not None
    sources = added.figure(Sources)
    assert sources is not None
    untold = added.received - sources.told
    assert (len(sources.counts), sum(sources.counts.values()), untold) == (16, 16, 8)


def test_what_a_spoilt_round_tells_does_not_stand_for_the_answers_of_others_that_tell_nothing() -> None:
    spoilt = POD | {"invalid": Invalidity.LATE_TICKS}
    judged = verdict(filled(spoilt, 10), VERIFIED)
    assert judged.finding.reason is HealthyReason.SOURCE_UNKNOWN
    assert judged.finding.message.startswith("10 of 20 answers in 5m on default/ping do not tell")

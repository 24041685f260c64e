"""How packets must arrive, as the target sees them: verify.dscp and verify.hops."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from ipsecping.contract import Hops, Invalidity, Marking, Markings, ProbeType, StampOptions
from ipsecping_operator.api.conditions import ConditionStatus, HealthyReason
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.compile.compiled import HopLimits, Verified

from .assessments import assessed, at, seen, take
from .builders import NOON, SECOND, check, plan, probe
from .states import take_up
from .windows import filled, verdict

EF, BEST_EFFORT = Marking(46, 0), Marking(0, 0)


def verifying(verified: Verified, **asks: Any) -> CompiledCheck:
    stamp: dict[str, Any] = {
        "type": ProbeType.STAMP,
        "port": 862,
        "size": 72,
        "dscp": 46,
        "options": StampOptions(**asks),
    }
    return replace(check(plan(probe(**stamp))), verified=verified)


DSCP = verifying(Verified(dscp=()), ask_dscp=True)
TWO_HOPS = verifying(Verified(hops=HopLimits(2, 2)), ask_hops=True)


def marked(*seen: Marking) -> dict[str, Any]:
    return {"markings": dict.fromkeys(seen, 10 // len(seen))}


def after(*hops: int) -> dict[str, Any]:
    return {"hops": dict.fromkeys(hops, 10 // len(hops))}


def test_packets_that_arrive_as_they_are_sent_are_healthy() -> None:
    assert verdict(filled(*[marked(EF)] * 3), DSCP).finding.reason is HealthyReason.WITHIN_THRESHOLDS
    assert verdict(filled(*[after(2)] * 3), TWO_HOPS).finding.reason is HealthyReason.WITHIN_THRESHOLDS


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (BEST_EFFORT, "DSCP 0"),
        (Marking(46, 3), "DSCP 46 and ECN CE"),
        (Marking(8, 1), "DSCP 8 and ECN ECT(1)"),
    ],
)
def test_another_marking_is_named_with_what_was_sent_and_what_is_allowed(seen: Marking, said: str) -> None:
    finding = verdict(filled(marked(EF), marked(EF, seen), marked(EF)), DSCP).finding
    assert (finding.status, finding.reason) == (ConditionStatus.FALSE, HealthyReason.DSCP_MISMATCH)
    assert finding.message == (
        f"the target saw 5 packets arrive with {said} in 5m on default/ping, sent with 46, allowed is 46 "
        "(spec.verify.dscp): re-marked on the way"
    )


def test_code_points_that_a_gateway_is_meant_to_set_are_allowed_in_place_of_the_one_sent() -> None:
    meant = verifying(Verified(dscp=(34, 26)), ask_dscp=True)
    assert verdict(filled(*[marked(Marking(34, 0), Marking(26, 0))] * 3), meant).finding.status == "True"
    finding = verdict(filled(*[marked(EF)] * 3), meant).finding
    assert "with DSCP 46 in 5m on default/ping, sent with 46, allowed is 34, 26" in finding.message


@pytest.mark.parametrize(
    ("of", "reason", "said"),
    [
        (DSCP, HealthyReason.DSCP_UNKNOWN, "do not tell DSCP and ECN, so that 46 (spec.verify.dscp)"),
        (
            TWO_HOPS,
            HealthyReason.HOPS_UNKNOWN,
            "do not tell the TTL that packets arrive with, so that 2 (spec",
        ),
    ],
)
def test_a_reflector_that_does_not_tell_makes_it_unknown_never_a_mismatch(
    of: CompiledCheck, reason: HealthyReason, said: str
) -> None:
    finding = verdict(filled(10, 10, 10), of).finding
    assert (finding.status, finding.reason) == (ConditionStatus.UNKNOWN, reason)
    assert f"30 of 30 answers in 5m on default/ping {said}" in finding.message
    assert "is not verified: the reflector must" in finding.message


@pytest.mark.parametrize("hops", [1, 3, -191])
def test_another_number_of_hops_is_named_with_what_is_allowed(hops: int) -> None:
    finding = verdict(filled(after(2), after(2, hops), after(2)), TWO_HOPS).finding
    assert (finding.status, finding.reason) == (ConditionStatus.FALSE, HealthyReason.HOPS_MISMATCH)
    assert finding.message == (
        f"5 packets in 5m on default/ping passed {hops} hops on the way there, allowed is 2 "
        "(spec.verify.hops): another route, or traffic beside the tunnel"
    )


def test_hops_between_the_limits_are_healthy() -> None:
    few = verifying(Verified(hops=HopLimits(1, 3)), ask_hops=True)
    assert verdict(filled(after(1), after(2), after(3)), few).finding.status == "True"
    assert "allowed is 1 to 3" in verdict(filled(after(1), after(4), after(3)), few).finding.message


def test_an_outage_and_losses_speak_in_their_order() -> None:
    """Another route matters more than loss, another marking less."""
    both = verdict(filled({"received": 5, "hops": {7: 5}}, after(2), after(2)), TWO_HOPS)
    assert both.finding.reason is HealthyReason.HOPS_MISMATCH
    dropped = verdict(filled({"received": 5, "markings": {BEST_EFFORT: 5}}, marked(EF), marked(EF)), DSCP)
    assert dropped.finding.reason is HealthyReason.LOSS_HIGH
    assert verdict(filled(after(7), 0, 0, 0), TWO_HOPS).finding.reason is HealthyReason.DOWN


def test_a_round_that_the_prober_spoilt_tells_how_packets_arrived_all_the_same() -> None:
    spoilt = after(7) | {"invalid": Invalidity.LATE_TICKS}
    assert verdict(filled(after(2), spoilt, after(2)), TWO_HOPS).finding.reason is HealthyReason.HOPS_MISMATCH


def test_values_are_listed_within_bounds_those_seen_most_first() -> None:
    figure = Hops.seen([*[2] * 5, *[3] * 4, 4, 4, 5, 5, 6, None])
    assert figure is not None
    assert dict(figure.counts) == {2: 5, 3: 4, 4: 2, 5: 2}
    assert figure.told == 13
    assert Markings.seen([None]) is None


@pytest.mark.parametrize(
    ("before", "after_edit"),
    [
        ("nothing asked", DSCP),
        ("nothing asked", TWO_HOPS),
        ("nothing asked", verifying(Verified(sources=(ip_network("10.0.0.0/8"),)), ask_source=True)),
        ("other DSCP", DSCP),
    ],
)
def test_what_was_measured_before_an_edit_is_not_accused_of_what_nobody_had_asked(
    before: str, after_edit: CompiledCheck
) -> None:
    stamp: dict[str, Any] = {"type": ProbeType.STAMP, "port": 862, "size": 72}
    asked = StampOptions(ask_dscp=True) if before == "other DSCP" else StampOptions()
    first = replace(check(plan(probe(**stamp, options=asked))), verified=Verified(dscp=()))
    state = seen(of=first)
    figures = marked(BEST_EFFORT) if before == "other DSCP" else {}
    take(state, *(at(30 * n, of=first.paths[0].plan, **figures) for n in range(3)))
    assert assessed(state, at=70).status["probes"][0]["reason"] == "WithinThresholds"
    take_up(state, after_edit, now=NOON + 71 * SECOND)
    assert assessed(state, at=72).status["probes"][0]["reason"] == "WithinThresholds"
    take(state, at(90, of=after_edit.paths[0].plan))
    assert assessed(state, at=93).status["probes"][0]["reason"].endswith("Unknown")


def test_an_edit_of_something_else_forgives_no_marking() -> None:
    state = seen(of=DSCP)
    take(state, *(at(30 * n, of=DSCP.paths[0].plan, **marked(BEST_EFFORT)) for n in range(3)))
    assert assessed(state, at=70).status["probes"][0]["reason"] == "DSCPMismatch"
    path = DSCP.paths[0]
    other = replace(path.plan, probes=(replace(path.plan.probes[0], count=20),))
    take_up(state, replace(DSCP, paths=(replace(path, plan=other),)), now=NOON + 71 * SECOND)
    assert assessed(state, at=72).status["probes"][0]["reason"] == "DSCPMismatch"

"""A router on our side that answers every echo request makes no dead tunnel look half alive."""

from dataclasses import replace

import pytest

from ipsecping.diagnosis import Evidence, Outcome, Part, diagnose
from ipsecping.diagnosis.evidence import Hop, HopKind

from .worlds import BEHIND, ICMP, MS, OURS, STAMP, TARGET, healthy, silent, with_batches

UDP_HOPS = (
    Hop(type=STAMP, ttl=1, kind=HopKind.TIME_EXCEEDED, address="10.244.0.1", rtt=MS),
    Hop(type=STAMP, ttl=2, kind=HopKind.TIME_EXCEEDED, address=OURS, rtt=MS),
    Hop(type=STAMP, ttl=3, kind=HopKind.SILENT),
)


def reached(ttl: int) -> Hop:
    return Hop(type=ICMP, ttl=ttl, kind=HopKind.REACHED, address=TARGET, rtt=MS)


def dead_tunnel(*hops: Hop) -> Evidence:
    """Nothing comes back but ICMP, which somebody answers for the target and all controls."""
    quiet = silent(healthy(), *BEHIND)
    answered = {(each.part, each.window): each for each in healthy().batches if each.type == ICMP}
    mixed = with_batches(quiet, lambda b: answered.get((b.part, b.window), b) if b.type == ICMP else b)
    return replace(mixed, hops=hops)


@pytest.mark.parametrize("ttl", [1, 2])
def test_answers_from_before_the_target_count_for_nothing(ttl: int) -> None:
    found = diagnose(dead_tunnel(*UDP_HOPS, reached(ttl)))
    (finding,) = found.findings
    assert finding.reason == "TunnelSilent"
    assert {"EspBlocked", "SaOutOfSync", "PolicyConflict"} <= set(finding.causes)
    assert found.notes[0].startswith(
        f"ICMP to the target is answered at hop {ttl}, which cannot be the target"
    )


def test_a_target_behind_all_routers_is_itself() -> None:
    world = replace(healthy(), hops=(*UDP_HOPS[:2], reached(4)))
    assert diagnose(world).outcome is Outcome.NO_FAULT
    assert not any("in its name" in note for note in diagnose(world).notes)


def test_where_the_far_gateway_answers_for_its_hosts_the_controls_still_count() -> None:
    """The tunnel carries packets then: it is the target that is silent."""
    far = Hop(type=STAMP, ttl=4, kind=HopKind.TIME_EXCEEDED, address="10.50.1.1", rtt=12 * MS)
    found = diagnose(dead_tunnel(*UDP_HOPS, far, reached(4)))
    assert found.findings[0].reason == "TargetSilent"


def test_next_to_us_is_no_target_that_our_gateway_leads_to() -> None:
    assert diagnose(dead_tunnel(reached(1))).findings[0].reason == "TunnelSilent"


def test_where_nothing_else_was_asked_nothing_is_known_of_the_target() -> None:
    world = dead_tunnel(*UDP_HOPS, reached(1))
    alone = replace(
        world, batches=tuple(b for b in world.batches if b.part is not Part.METHODS or b.type == ICMP)
    )
    found = diagnose(alone)
    assert found.outcome is Outcome.NOT_MEASURED
    assert any(note.startswith("Nothing is known of the target, ") for note in found.notes)

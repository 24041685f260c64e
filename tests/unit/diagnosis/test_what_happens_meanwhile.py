"""Paths that break while they are measured, and refusals of which some methods hear nothing."""

from dataclasses import replace

import pytest

from ipsecping.contract import ProbeType
from ipsecping.contract.diagnosis_terms import Direction
from ipsecping.diagnosis import Confidence, Evidence, Outcome, Part, diagnose, facts
from ipsecping.diagnosis.cause import Cause
from ipsecping.diagnosis.evidence import Batch, Expected, Hop, HopKind, PathMtuFound
from ipsecping.diagnosis.fact import FactName
from ipsecping.diagnosis.refusal import ErrorKind

from .worlds import (
    BEHIND,
    ECHO,
    FAR,
    ICMP,
    MS,
    NOW,
    STAMP,
    TARGET,
    batch,
    dead,
    healthy,
    losing,
    refused,
    silent,
    with_batches,
    without,
)


def breaking(evidence: Evidence, *, answered: int) -> Evidence:
    """So many of each batch are answered at first, then the tunnel carries nothing."""
    parts = {Part.METHODS, *BEHIND}
    second = tuple(replace(dead(batch(part, ICMP if part in BEHIND else STAMP)), window=2) for part in parts)
    others = tuple(replace(dead(batch(kind=kind, sent=20)), window=2) for kind in (ICMP, ECHO))
    first = with_batches(
        replace(evidence, batches=tuple(b for b in evidence.batches if b.window == 1 and b.type in KINDS)),
        lambda b: losing(b, forward=range(answered, b.sent)) if b.part in parts else b,
    )
    near = batch(Part.NEAR_INSIDE, ICMP, window=2)
    return replace(first, batches=(*first.batches, *second, *others, near))


KINDS = (STAMP, ICMP, ECHO)


@pytest.mark.parametrize("answered", [1, 10, 40])
def test_a_path_that_breaks_while_it_is_measured_is_silent(answered: int) -> None:
    diagnosis = diagnose(breaking(healthy(), answered=answered))
    (finding,) = diagnosis.findings
    assert diagnosis.outcome is Outcome.FAULT
    assert finding.reason == "TunnelSilent"
    assert {Cause.SA_EXHAUSTED, Cause.ESP_BLOCKED} <= set(finding.causes)
    assert not finding.confirmed
    assert diagnosis.notes[0].startswith("The path broke during the measurement: first ")


def test_what_was_known_before_it_broke_rules_nothing_out() -> None:
    """Hops of before are no longer those of the way."""
    reached = (Hop(type=ECHO, ttl=2, kind=HopKind.TIME_EXCEEDED, address="10.99.0.2", rtt=MS),)
    before = replace(healthy(), hops=reached)
    (finding,) = diagnose(breaking(before, answered=40)).findings
    assert Cause.NEAR_ROUTING_WRONG in finding.causes


def test_heavy_loss_is_not_taken_for_a_path_that_breaks() -> None:
    lossy = with_batches(healthy(), lambda b: losing(b, forward=[n for n in range(b.sent) if n % 10]))
    assert "broke" not in " ".join(diagnose(lossy).notes)


def first_refused(kind: ErrorKind, sender: str, *also: Part) -> Evidence:
    """All is silent, and of the few errors that were sent all went to one method."""

    def told(one: Batch) -> Batch:
        return refused(one, kind, sender, 2) if one.type == STAMP else one

    return with_batches(silent(healthy(), *also), {Part.METHODS: told})


@pytest.mark.parametrize(
    ("kind", "sender", "also", "cause"),
    [
        (ErrorKind.HOST_UNREACHABLE, "10.244.0.1", BEHIND, Cause.NEAR_ROUTING_WRONG),
        (ErrorKind.PROHIBITED, "10.244.0.1", BEHIND, Cause.LOCAL_POLICY_DENIED),
        (ErrorKind.PROHIBITED, FAR, (), Cause.FAR_GATEWAY_DROPS),
        (ErrorKind.PROHIBITED, "10.50.1.254", (), Cause.PROTOCOL_FILTERED),
    ],
)
def test_who_refuses_one_method_explains_the_silence_of_all(
    kind: ErrorKind, sender: str, also: tuple[Part, ...], cause: Cause
) -> None:
    diagnosis = diagnose(first_refused(kind, sender, *also))
    (finding,) = diagnosis.findings
    assert (finding.reason, finding.confidence) == (cause, Confidence.PROVEN)
    assert diagnosis.explained == diagnosis.lost


def test_the_targets_own_refusal_of_a_port_explains_no_other_method() -> None:
    first, _ = diagnose(first_refused(ErrorKind.PORT_UNREACHABLE, TARGET)).findings
    assert first.reason == Cause.RESPONDER_DOWN


def test_a_way_back_that_takes_less_may_be_told_or_not() -> None:
    """A reflector sends answers whole or not at all: it does not show whether somebody told it."""
    found = PathMtuFound(forward=1446, reverse=1246, forward_told=True)
    (finding,) = diagnose(replace(healthy(), path_mtu=found, baseline=None, expected=Expected())).findings
    assert (finding.reason, finding.confidence) == ("PathMTULow", Confidence.ONE_OF)
    assert finding.causes == (Cause.MTU_BLACK_HOLE, Cause.MTU_REDUCED)
    assert finding.direction is Direction.REVERSE


@pytest.mark.parametrize(("rtt", "proven"), [(12 * MS, False), (100 * MS, False), (1500 * MS, True)])
def test_a_router_that_says_at_once_that_a_host_is_away_has_not_asked(rtt: int, proven: bool) -> None:
    said = with_batches(
        silent(healthy()), {Part.METHODS: lambda b: refused(b, ErrorKind.HOST_UNREACHABLE, FAR)}
    )
    hops = (Hop(type=STAMP, ttl=3, kind=HopKind.UNREACHABLE, address=FAR, rtt=rtt),)
    quiet = without(replace(said, hops=hops), Part.NEIGHBOUR)
    (finding,) = diagnose(quiet).findings
    assert Cause.FAR_HOST_DOWN in finding.causes
    assert (finding.confidence is Confidence.PROVEN) is proven
    assert (Cause.FAR_GATEWAY_DROPS in finding.causes) is not proven


FIRST = {STAMP: (40, 40 * MS), ECHO: (20, 80 * MS), ICMP: (20, 80 * MS)}
"""Packets of the first look by method, and what is between them."""


def lost_at(*times: int, second: tuple[int, ...] = ()) -> Evidence:
    """Each method loses what it sends at these milliseconds of the first look, and of the second."""

    def look(kind: ProbeType, number: int, lost: tuple[int, ...]) -> Batch:
        sent, spacing = FIRST[kind]
        made = batch(kind=kind, sent=sent, spacing=spacing, window=number, at=NOW + (number - 1) * 8_000 * MS)
        return losing(made, forward=[at * MS // spacing for at in lost if not at * MS % spacing])

    first = [look(kind, 1, times) for kind in FIRST]
    others = [look(kind, 2, second) for kind in FIRST]
    return replace(healthy(), batches=(*first, *others))


@pytest.mark.parametrize("times", [(800,), (800, 840), (800, 840, 880, 920), (0,), (1520,)])
def test_what_is_lost_in_one_moment_happened_once(times: tuple[int, ...]) -> None:
    """Three packets of three methods are no loss of a few percent when all were sent at the same time."""
    diagnosis = diagnose(lost_at(*times))
    assert (diagnosis.outcome, diagnosis.findings) == (Outcome.NOT_REPRODUCED, ())
    assert diagnosis.notes[0].startswith("It did not last: first ")


@pytest.mark.parametrize(
    "evidence",
    [
        lost_at(800, 1200),
        lost_at(0, 1520),
        lost_at(800, second=(400, 1200)),
        replace(lost_at(800), batches=tuple(replace(each, answers=None) for each in lost_at(800).batches)),
    ],
)
def test_what_is_lost_again_or_nobody_knows_when_is_loss(evidence: Evidence) -> None:
    (finding,) = diagnose(evidence).findings
    assert finding.reason == "PacketsLost"


def test_a_tunnel_that_comes_and_goes_may_break_at_its_rekeying_and_not_by_damage() -> None:
    """Nothing is answered for 0.8 s each time, and everything in between."""
    outage = lost_at(*range(400, 1200, 40), second=tuple(range(0, 800, 40)))
    (finding,) = diagnose(outage).findings
    assert {Cause.REKEY_BROKEN, Cause.UNDERLAY_LOSS} <= set(finding.causes)
    assert not {Cause.ESP_AUTH_FAILED, Cause.REPLAY_DROPPED} & set(finding.causes)


def test_what_is_lost_now_and_then_is_no_rekeying() -> None:
    (finding,) = diagnose(lost_at(*range(0, 1600, 160), second=tuple(range(0, 1600, 160)))).findings
    assert Cause.REKEY_BROKEN not in finding.causes
    assert Cause.ESP_AUTH_FAILED in finding.causes


def test_one_method_that_answers_meanwhile_shows_that_there_is_no_outage() -> None:
    scattered = lost_at(*range(400, 1200, 80), second=tuple(range(0, 800, 80)))
    assert facts(scattered)[FactName.LOST_IN_OUTAGES].value is False

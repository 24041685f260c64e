"""What rounds were refused shortly before, where a diagnosis gets no ICMP errors of its own."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipsecping.contract import ContractError
from ipsecping.contract.diagnosis_terms import Outcome
from ipsecping.diagnosis import (
    Confidence,
    Evidence,
    Part,
    diagnose,
    evidence_from_json,
    evidence_to_json,
)
from ipsecping.diagnosis.reading import STILL_TRUE
from ipsecping.diagnosis.refusal import ErrorKind, PastError
from ipsecping.diagnosis.report import report

from .worlds import (
    BEHIND,
    FAR,
    ICMP,
    NOW,
    OURS,
    STAMP,
    TARGET,
    TCP,
    UNDERLAY,
    healthy,
    refused,
    silent,
    with_batches,
)

SECOND = 1_000_000_000
NODE = "10.244.0.1"


def told(kind: ErrorKind, sender: str | None, **more: Any) -> PastError:
    fields: dict[str, Any] = {"type": STAMP, "until": NOW - 12 * SECOND, "count": 3, "delay": 1_000_000}
    return PastError(kind=kind, sender=sender, **{**fields, **more})


def dead(*errors: PastError) -> Evidence:
    """A silent tunnel, both looks; our gateway answers."""
    world = silent(healthy(), *BEHIND)
    return replace(world, refused_before=errors or None)


def verdict(evidence: Evidence) -> tuple[str, Confidence]:
    finding = diagnose(evidence).findings[0]
    return finding.reason.value, finding.confidence


def test_without_them_all_that_is_known_is_silence() -> None:
    assert verdict(dead()) == ("TunnelSilent", Confidence.ONE_OF)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (told(ErrorKind.PORT_UNREACHABLE, NODE, code=(3, 3)), "LocalPolicyDenied"),
        (told(ErrorKind.PROHIBITED, NODE), "LocalPolicyDenied"),
        (told(ErrorKind.NOT_PERMITTED, None), "LocalPolicyDenied"),
        (told(ErrorKind.NO_ROUTE, None), "NearRoutingWrong"),
        (told(ErrorKind.NET_UNREACHABLE, NODE), "NearRoutingWrong"),
        (told(ErrorKind.PROHIBITED, FAR), "FarGatewayDrops"),
        (told(ErrorKind.HOST_UNREACHABLE, FAR, delay=3 * SECOND), "FarHostDown"),
        (told(ErrorKind.PROHIBITED, "10.50.9.9"), "ProtocolFiltered"),
        (told(ErrorKind.PORT_UNREACHABLE, TARGET), "ResponderDown"),
        (told(ErrorKind.RESET, TARGET, type=TCP), "ResponderDown"),
        (told(ErrorKind.TIME_EXCEEDED, FAR), "RoutingLoop"),
        (told(ErrorKind.PROHIBITED, UNDERLAY), "LeavesInClear"),
    ],
)
def test_who_refused_packets_of_rounds_refuses_those_of_the_diagnosis(error: PastError, reason: str) -> None:
    evidence = dead(error)
    assert verdict(evidence) == (reason, Confidence.PROVEN)


@pytest.mark.parametrize(
    ("until", "when"), [(NOW - 12 * SECOND, "the last one 12 s earlier"), (NOW + 9 * SECOND, "meanwhile")]
)
def test_how_old_it_is_and_that_rounds_were_told_is_said(until: int, when: str) -> None:
    evidence = dead(told(ErrorKind.PROHIBITED, NODE, until=until))
    text = report(evidence, diagnose(evidence), width=200, long=False)
    assert f"10.244.0.1 on our side prohibits 3 packets of rounds, {when}" in text


@pytest.mark.parametrize(
    "error",
    [
        told(ErrorKind.PROHIBITED, NODE, until=NOW - STILL_TRUE - 1),
        told(ErrorKind.HOST_UNREACHABLE, FAR, delay=10_000_000),
        told(ErrorKind.HOST_UNREACHABLE, FAR, delay=None),
        told(ErrorKind.PROHIBITED, NODE, type="DNS"),
    ],
    ids=["long ago", "at once, so the router has not asked", "not known how soon", "of another method"],
)
def test_what_proves_nothing_now_is_left_out(error: PastError) -> None:
    assert verdict(dead(error)) == ("TunnelSilent", Confidence.ONE_OF)


def test_what_is_answered_again_is_not_refused_any_more() -> None:
    assert diagnose(replace(healthy(), refused_before=(told(ErrorKind.PROHIBITED, NODE),))).findings == ()


def test_what_the_diagnosis_itself_is_told_goes_before_it() -> None:
    evidence = with_batches(
        dead(told(ErrorKind.PROHIBITED, NODE, type=STAMP), told(ErrorKind.PROHIBITED, NODE, type=ICMP)),
        {Part.METHODS: lambda b: refused(b, ErrorKind.PORT_UNREACHABLE, TARGET)},
    )
    assert verdict(evidence)[0] == "ResponderDown"


def test_a_path_that_breaks_while_it_is_measured_was_refused_for_something_else_before() -> None:
    methods = [each for each in silent(healthy()).batches if each.part is Part.METHODS]
    last = tuple(replace(each, window=2) for each in methods if each.window == 1)
    first = tuple(each for each in healthy().batches if each.window == 1)
    evidence = replace(dead(told(ErrorKind.PROHIBITED, NODE)), batches=(*first, *last))
    found = diagnose(evidence)
    assert found.outcome is Outcome.FAULT
    assert "LocalPolicyDenied" not in {each.reason.value for each in found.findings}


@given(
    st.sampled_from(ErrorKind),
    st.sampled_from((None, NODE, FAR, OURS, TARGET, UNDERLAY)),
    st.sampled_from((None, 1_000_000, 3 * SECOND)),
)
@settings(max_examples=50, deadline=None)
def test_without_what_rounds_were_told_nothing_is_surer(
    kind: ErrorKind, sender: str | None, delay: int | None
) -> None:
    evidence = dead(told(kind, sender, delay=delay))
    less = replace(evidence, refused_before=None)
    rank = list(reversed(Confidence))
    assert rank.index(verdict(less)[1]) <= rank.index(verdict(evidence)[1])
    assert evidence_from_json(evidence_to_json(evidence)) == evidence


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("kind", "Rejected", "refusedBefore[0].kind"),
        ("sender", "nobody", "refusedBefore[0].sender"),
        ("count", 10**9, "refusedBefore[0].count"),
        ("until", -1, "refusedBefore[0].until"),
        ("delay", 10**18, "refusedBefore[0].delay"),
        ("code", [3], "refusedBefore[0].code: expected ICMP type and code"),
        ("surprise", 1, "refusedBefore[0]: 'surprise' is not a field of it"),
    ],
)
def test_what_somebody_has_written_there_is_read_strictly(field: str, value: object, said: str) -> None:
    content = evidence_to_json(dead(told(ErrorKind.PROHIBITED, NODE)))
    content["refusedBefore"][0][field] = value
    with pytest.raises(ContractError) as error:
        evidence_from_json(content)
    assert said in str(error.value)

"""What is said where the proof itself tells more than the cause: who refuses, and for want of what."""

import re
from dataclasses import replace

import pytest

from ipsecping.contract.diagnosis_report import MAX_MESSAGE
from ipsecping.diagnosis import Evidence, Part, diagnose
from ipsecping.diagnosis.catalogue import ROWS
from ipsecping.diagnosis.evidence import Hop, HopKind
from ipsecping.diagnosis.finding import Finding
from ipsecping.diagnosis.parts import SAID
from ipsecping.diagnosis.refusal import ErrorKind
from ipsecping.diagnosis.report import command, look, machine, report
from ipsecping.diagnosis.suspects import AmbiguityGroup
from ipsecping.diagnosis.umbrellas import BY_OUR_GATEWAY, NOT_SEEN_TO_ARRIVE, STEPS

from .catalogue import cases
from .fault_case import by_method, refused_everywhere
from .worlds import (
    BEHIND,
    FAR,
    ICMP,
    OURS,
    STAMP,
    UNDERLAY,
    dead,
    healthy,
    not_refused,
    refused,
    refused_too_big,
    silent,
    with_batches,
    without,
)

NODE = "10.244.0.1"


def finding_of(evidence: Evidence) -> Finding:
    return diagnose(evidence).findings[0]


@pytest.mark.parametrize(
    ("kind", "reason", "typed"),
    [
        (ErrorKind.HOST_UNREACHABLE, "NearRoutingWrong", "ip xfrm policy list dir out"),
        (ErrorKind.NET_UNREACHABLE, "NearRoutingWrong", "ip xfrm policy list dir out"),
        (ErrorKind.PROHIBITED, "LocalPolicyDenied", "nft list ruleset"),
    ],
)
def test_who_is_told_by_our_gateway_looks_at_it_and_not_at_the_node(
    kind: ErrorKind, reason: str, typed: str
) -> None:
    # The far gateway's inside address answers: where the tunnel is down, a gateway may say so for want of it.
    evidence = with_batches(healthy(), {Part.METHODS: lambda one: refused(one, kind, OURS)})
    finding = finding_of(evidence)
    assert finding.reason == reason
    assert (machine(finding), command(evidence, finding)) == ("our gateway", typed)
    assert finding.layer == "our gateway"
    said = report(evidence, diagnose(evidence), width=200, long=False)
    assert "Means:     They reach our gateway" in said
    assert "networkpolicy" not in said


@pytest.mark.parametrize(
    ("kind", "reason", "where"),
    [
        (ErrorKind.HOST_UNREACHABLE, "NearRoutingWrong", "the pod's node"),
        (ErrorKind.PROHIBITED, "LocalPolicyDenied", "any machine with kubectl"),
    ],
)
def test_who_is_told_by_the_node_looks_there(kind: ErrorKind, reason: str, where: str) -> None:
    finding = finding_of(refused_everywhere(kind, NODE))
    assert (finding.reason, machine(finding)) == (reason, where)
    assert finding.title == ROWS[finding.causes[0]].title


def test_the_next_hop_is_named_where_it_is_known() -> None:
    evidence = refused_everywhere(ErrorKind.NO_ROUTE, None)
    assert OURS in look(evidence, finding_of(evidence))


def test_a_host_that_refuses_to_send_may_be_the_gateway_whose_tunnel_is_down() -> None:
    evidence = refused_everywhere(ErrorKind.NO_ROUTE, None)
    assert "ip xfrm state" in look(evidence, finding_of(evidence))


@pytest.mark.parametrize(
    ("kinds", "typed"),
    [
        ((ErrorKind.NET_UNREACHABLE,), "ip route get 10.50.1.10"),
        ((ErrorKind.PROHIBITED,), "nft list ruleset"),
        ((ErrorKind.PORT_UNREACHABLE,), "nft list ruleset"),
        ((ErrorKind.PROHIBITED, ErrorKind.NET_UNREACHABLE), "sysctl net.ipv4.ip_forward"),
    ],
)
def test_what_the_far_gateway_says_is_what_is_looked_for(kinds: tuple[ErrorKind, ...], typed: str) -> None:
    evidence = by_method(healthy(), (STAMP,), lambda b: refused(b, kinds[0], FAR, 4))
    for kind in kinds[1:]:
        other = refused(evidence.batches[0], kind, FAR, 4).errors
        evidence = replace(
            evidence,
            batches=tuple(
                replace(b, errors=(*b.errors, *other)) if b.errors else b for b in evidence.batches
            ),
        )
    finding = finding_of(evidence)
    assert finding.reason == "FarGatewayDrops"
    assert (machine(finding), command(evidence, finding)) == ("the far gateway", typed)


def test_whoever_refuses_one_kind_of_traffic_is_where_to_look() -> None:
    evidence = by_method(healthy(), (STAMP,), lambda b: refused(b, ErrorKind.PROHIBITED, "10.50.1.254", 4))
    finding = finding_of(evidence)
    assert finding.reason == "ProtocolFiltered"
    assert finding.proof is not None
    assert finding.proof.startswith("10.50.1.254 refuses")
    assert machine(finding) == "the machine that sent the error"
    assert finding.meaning is not None
    assert "others pass" not in finding.meaning, "nothing may be answered at all"


def test_a_far_gateway_without_a_route_does_not_make_a_dead_host_of_the_target() -> None:
    (case,) = [case for case in cases() if case.name == "far-no-forward"]
    finding = finding_of(case.evidence)
    assert "FarGatewayDrops" in finding.causes
    assert "or this gateway has no route to it (ip route get 10.50.1.10)" in look(case.evidence, finding)


def test_a_gateway_that_may_get_nothing_is_not_said_to_be_at_fault() -> None:
    unseen = not_refused(silent(replace(healthy(), hops=None), *BEHIND))
    evidence = without(unseen, Part.REFLECTOR)
    finding = finding_of(evidence)
    assert {"NearRoutingWrong", "SaMissing"} <= set(finding.causes)
    assert "do not reach our gateway, or it does not encrypt" in finding.title
    assert command(evidence, finding) == "tcpdump -n -i any host 10.50.1.10"
    assert "If not: ip route get 10.50.1.10 on the pod's node" in look(evidence, finding)


def test_an_sa_is_no_claim_that_packets_are_encrypted() -> None:
    """A source that is translated only afterwards leaves in clear, and large packets are refused alike."""
    leaking = Hop(type=ICMP, ttl=3, kind=HopKind.TIME_EXCEEDED, address=UNDERLAY, quoted=True)
    evidence = refused_too_big(replace(silent(healthy(), *BEHIND), hops=(leaking,)))
    clear, silence = diagnose(evidence).findings
    assert clear.reason == "LeavesInClear"
    assert silence.title.endswith("our gateway has an SA to send with")
    assert "or it counts none either (ip xfrm policy)" in look(evidence, silence)


def test_a_rule_that_says_so_is_not_looked_for_among_those_that_drop_alone() -> None:
    evidence = refused_everywhere(ErrorKind.PROHIBITED, NODE)
    assert "reject" in look(evidence, finding_of(evidence))


def test_a_control_that_is_known_to_answer_is_not_to_be_replaced() -> None:
    evidence = with_batches(healthy(), {Part.FAR_INSIDE: dead})
    (note,) = [note for note in diagnose(evidence).notes if "inside address" in note]
    assert note.endswith(
        "is silent, although it answered when the path was healthy; but packets get past it."
    )
    (note,) = [note for note in diagnose(replace(evidence, baseline=None)).notes if "inside address" in note]
    assert note.endswith("choose a control that answers.")


def test_a_fault_of_large_packets_alone_does_not_seem_to_contradict_the_count() -> None:
    (case,) = [case for case in cases() if case.name == "mtu"]
    said = report(case.evidence, diagnose(case.evidence), width=200, long=False)
    assert "1 fault. 115 of 115 ordinary packets to the target were answered." in said
    assert "115 of 115 packets to" in report(healthy(), diagnose(healthy()), width=200, long=False)


def test_what_was_not_tested_is_told_in_words_and_not_by_a_name_alone() -> None:
    assert {*SAID} == {*Part}
    evidence = without(healthy(), Part.HOPS, Part.OVERSIZED)
    said = report(evidence, diagnose(evidence), width=200, long=True)
    assert "Hops (the routers on the way): not asked for" in said
    assert "Oversized (packets of the link's size, to a silent target): " in said


def test_controls_are_asked_for_where_they_would_tell_more_and_only_there() -> None:
    def asks(evidence: Evidence) -> bool:
        bare = replace(evidence, expected=replace(evidence.expected, controls={}))
        return any("diagnose again: each address halves" in note for note in diagnose(bare).notes)

    assert asks(without(silent(healthy(), *BEHIND), Part.FAR_INSIDE, Part.NEAR_INSIDE))
    assert not asks(refused_everywhere(ErrorKind.NO_ROUTE, None))


def test_no_step_is_told_by_a_name_that_the_report_does_not_explain() -> None:
    for case in cases():
        diagnosis = diagnose(case.evidence)
        said = report(case.evidence, diagnosis, width=200, long=False)
        for finding in diagnosis.findings:
            told = look(case.evidence, finding)
            for group in AmbiguityGroup:
                assert group not in told or f"[{group}]" in said, case.name


def test_every_word_in_capitals_of_a_command_is_explained() -> None:
    for row in ROWS.values():
        for step in (row.step, *(told.step for told in row.told_by.values())):
            for word in ("WAN", "NAME", "DEVICE"):
                typed = len(re.findall(rf"\b{word}\b", f"{step.command} {step.look}"))
                assert typed != 1, (row.cause, word)


def test_a_step_fits_into_a_status_whole() -> None:
    address = "2001:db8:1:2::10"
    names = dict.fromkeys(("target", "address", "source", "gateway", "near_inside", "far_inside"), address)
    names |= {"iptables": "ip6tables", "conntrack": "conntrack -L -f ipv6", "mss": "1306"}
    names |= {"forwarding": "net.ipv6.conf.all.forwarding", "mss_from": f"-s {address} "}
    of_rows = (
        step for row in ROWS.values() for step in (row.step, *(told.step for told in row.told_by.values()))
    )
    for step in (
        *of_rows,
        *STEPS.values(),
        *(step for _, step in (*BY_OUR_GATEWAY.values(), NOT_SEEN_TO_ARRIVE)),
    ):
        said = f"On {step.machine}: {step.command} - {step.look}".format(
            **names, receiver="each gateway in turn"
        )
        assert len(said) <= MAX_MESSAGE, said

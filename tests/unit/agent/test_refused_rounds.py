"""What rounds were refused is handed to a diagnosis, which may get no ICMP error of its own."""

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from ipsecping.agent import diagnosing, refused_rounds
from ipsecping.agent.diagnosis_request import DiagnosisRequest
from ipsecping.agent.lossy_rounds import LossyRounds
from ipsecping.agent.refused_rounds import NEWEST, RefusedRounds
from ipsecping.agent.ring import Ring
from ipsecping.collector.planned import probes_alike
from ipsecping.collector.refused_before import past_errors
from ipsecping.contract import Invalidity, LossReason, PlannedProbe, ProbeType, RoundResult
from ipsecping.contract.bounds import MAX_COUNT
from ipsecping.contract.refused_packets import MAX_REFUSERS, IcmpError, RefusedPackets
from ipsecping.diagnosis import Evidence, evidence_from_bytes, evidence_from_json, evidence_to_json
from ipsecping.diagnosis.evidence import MAX_KINDS, Known
from ipsecping.diagnosis.refusal import ErrorKind
from ipsecping.measure.packet import Packet
from ipsecping.measure.refusers import refused_packets

from ...plans import check_of
from ..diagnosis.worlds import BEHIND, NOW, TARGET, healthy, silent

SECOND = 1_000_000_000
NODE = "10.244.0.1"
STAMP = PlannedProbe(
    name="stamp", type=ProbeType.STAMP, port=862, count=4, spacing_ms=1000, timeout_ms=1000, size=44
)
CHECK = check_of(STAMP, target=TARGET, interval_ms=60_000)
REJECTED = RefusedPackets(LossReason.PROHIBITED, True, (4, 3, 3), NODE, packets=2, delay=SECOND // 1000)


def result(seconds_ago: int, *refused: RefusedPackets, received: int = 0, **more: Any) -> RoundResult:
    lost = 4 - received
    fields: dict[str, Any] = {
        "check": CHECK.ref, "probe": "stamp", "type": ProbeType.STAMP, "duration": 4 * SECOND, "sent": 4,
        "remote_ip": TARGET, "losses": {LossReason.TIMEOUT: lost} if lost else {}, "refused": refused,
    }  # fmt: skip
    return RoundResult(**{**fields, "started_at": NOW - seconds_ago * SECOND, "received": received, **more})


def remembered(*results: RoundResult) -> list[RefusedPackets]:
    rounds = RefusedRounds()
    for each in results:
        rounds(CHECK, each)
    return [packets for _, packets in rounds.of(CHECK.ref, "stamp", TARGET)]


class Collector:
    """Has measured a tunnel that is silent, and has been told nothing."""

    elapsed, sent = 20 * SECOND, 300

    def __init__(self, *_: Any, **__: Any) -> None: ...

    async def collect(self) -> Evidence:
        return silent(healthy(), *BEHIND)


@pytest.mark.parametrize(
    ("rounds", "said"),
    [
        ((result(12, REJECTED),), ("LocalPolicyDenied", "Proven")),
        ((result(12, REJECTED._replace(icmp=None, sender=None)),), ("TunnelSilent", "OneOf")),
        ((result(12, RefusedPackets(LossReason.REFUSED, left=True)),), ("TunnelSilent", "OneOf")),
        ((), ("TunnelSilent", "OneOf")),
        ((result(70, REJECTED), result(12, received=4)), ("TunnelSilent", "OneOf")),
        ((replace(result(12, REJECTED), check=replace(CHECK, path="b").ref),), ("TunnelSilent", "OneOf")),
    ],
    ids=[
        "refused",
        "by nobody knows whom",
        "by who did not quote it",
        "not refused",
        "answered since",
        "another path",
    ],
)
async def test_what_rounds_were_refused_a_diagnosis_of_an_agent_knows(
    monkeypatch: pytest.MonkeyPatch, rounds: tuple[RoundResult, ...], said: tuple[str, str]
) -> None:
    monkeypatch.setattr(diagnosing, "Collector", Collector)
    refused = RefusedRounds()
    for each in rounds:
        refused(CHECK, each)
    asked = DiagnosisRequest(uid=CHECK.uid, path=CHECK.path, nonce=CHECK.nonce, request="r", known=Known())
    conclusion = await diagnosing.carried_out(
        asked, CHECK, Ring(boot_id="b", pod_uid=None), LossyRounds(), refused, {}
    )
    finding = conclusion.report.findings[0]
    assert (finding.reason, finding.confidence) == said
    evidence = evidence_from_bytes((conclusion.evidence or "").encode())
    assert (evidence.refused_before is None) == (said[0] == "TunnelSilent")


def test_only_the_newest_rounds_without_any_answer_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    each = [REJECTED._replace(packets=number) for number in range(1, 9)]
    rounds = [result(100 - 10 * number, packets) for number, packets in enumerate(each)]
    assert remembered(*rounds) == each[-NEWEST:]
    assert remembered(rounds[0], result(1, invalid=Invalidity.LATE_TICKS)) == each[:1]
    assert remembered(rounds[0], *(result(9 - number) for number in range(NEWEST))) == []
    wrong = result(5, losses={LossReason.AUTH_FAILED: 4})
    assert remembered(rounds[0], wrong) == []
    monkeypatch.setattr(refused_rounds, "MAX_KEPT", 1)
    assert remembered(rounds[0], replace(rounds[1], remote_ip="10.50.1.11")) == []


def packet(reason: LossReason | None, error: IcmpError | None = None, **more: Any) -> Packet:
    return Packet(2, 5 * SECOND, reason=reason, error=error, **more)


def icmp(kind: int, code: int, sender: str = NODE, version: int = 4, at: int = 6 * SECOND) -> IcmpError:
    return IcmpError(version, kind, code, ip_address(sender).packed if sender else b"", at)


def errors_of(*packets: Packet, method: ProbeType = ProbeType.STAMP) -> list[tuple[ErrorKind, str | None]]:
    told = [(method, NOW, each) for each in refused_packets(packets)]
    return [(each.kind, each.sender) for each in past_errors(told, TARGET) or ()]


@pytest.mark.parametrize(
    ("reason", "error", "kind", "sender"),
    [
        (LossReason.PROHIBITED, icmp(3, 3), ErrorKind.PORT_UNREACHABLE, NODE),
        (LossReason.PROHIBITED, icmp(3, 13), ErrorKind.PROHIBITED, NODE),
        (LossReason.PROHIBITED, icmp(1, 5, "fd00::1", 6), ErrorKind.PROHIBITED, "fd00::1"),
        (LossReason.UNREACHABLE, icmp(3, 0), ErrorKind.NET_UNREACHABLE, NODE),
        (LossReason.UNREACHABLE, icmp(3, 1), ErrorKind.HOST_UNREACHABLE, NODE),
        (LossReason.UNREACHABLE, icmp(1, 3, "fd00::1", 6), ErrorKind.HOST_UNREACHABLE, "fd00::1"),
        (LossReason.UNREACHABLE, icmp(3, 2, TARGET), ErrorKind.PROTOCOL_UNREACHABLE, TARGET),
        (LossReason.UNREACHABLE, icmp(11, 0), ErrorKind.TIME_EXCEEDED, NODE),
        (LossReason.REFUSED, icmp(3, 3, TARGET), ErrorKind.PORT_UNREACHABLE, TARGET),
        (LossReason.REFUSED, icmp(3, 3, ""), ErrorKind.PORT_UNREACHABLE, TARGET),
    ],
)
def test_an_icmp_error_says_of_a_round_s_packet_what_it_says_of_a_diagnosis(
    reason: LossReason, error: IcmpError, kind: ErrorKind, sender: str
) -> None:
    assert errors_of(packet(reason, error)) == [(kind, sender)]


def test_a_reset_is_the_target_s_and_what_this_host_refuses_is_nobody_s() -> None:
    assert errors_of(packet(LossReason.REFUSED), method=ProbeType.TCP) == [(ErrorKind.RESET, TARGET)]
    assert errors_of(packet(LossReason.PROHIBITED, left=False)) == [(ErrorKind.NOT_PERMITTED, None)]
    assert errors_of(packet(LossReason.UNREACHABLE, left=False)) == [(ErrorKind.NO_ROUTE, None)]


@pytest.mark.parametrize(
    "one",
    [
        packet(LossReason.TIMEOUT),
        packet(None),
        packet(LossReason.PROHIBITED, icmp(3, 13), answered=True),
        packet(LossReason.UNREACHABLE, icmp(11, 1)),
        packet(LossReason.UNREACHABLE, icmp(3, 1, "")),
        packet(LossReason.UNREACHABLE),
        packet(LossReason.AUTH_FAILED),
    ],
)
def test_what_nobody_has_refused_or_nobody_knows_who_is_no_evidence(one: Packet) -> None:
    assert errors_of(one) == []


def test_of_many_who_refuse_some_are_kept_and_figures_stay_within_bounds() -> None:
    many = [packet(LossReason.PROHIBITED, icmp(3, 13, f"10.0.0.{n}")) for n in range(1, 100)]
    often = [packet(LossReason.PROHIBITED, icmp(3, 13, "10.9.9.9")) for _ in range(5)]
    found = refused_packets([*many, *often])
    assert len(found) == MAX_REFUSERS
    assert (found[0].sender, found[0].packets, found[0].delay) == ("10.9.9.9", 5, SECOND)
    told = [
        (ProbeType.STAMP, NOW, REJECTED._replace(sender=f"10.0.0.{n}", packets=10**6, delay=10**18))
        for n in range(1, 100)
    ]
    errors = past_errors(told, TARGET) or ()
    assert len(errors) == MAX_KINDS
    assert {each.count for each in errors} == {MAX_COUNT}
    evidence = replace(healthy(), refused_before=errors)
    assert evidence_from_json(evidence_to_json(evidence)) == evidence


def test_only_probes_that_send_what_a_diagnosis_sends_say_what_becomes_of_it() -> None:
    others = [
        replace(STAMP, name="port", port=863), replace(STAMP, name="dscp", dscp=46),
        replace(STAMP, name="ttl", ttl=3),
    ]  # fmt: skip
    check = replace(CHECK, probes=(STAMP, *others))
    assert [each.name for each in probes_alike(check)] == ["stamp"]

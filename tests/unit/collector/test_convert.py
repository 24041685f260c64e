"""What was measured, as the evidence that the core takes."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from ipsecping.collector.convert import Sample, batch_of, hops_of, ike_of, mixed, path_mtu_of
from ipsecping.collector.steps import Method, Train
from ipsecping.contract import LossReason, Marking, PathMtu, ProbeType
from ipsecping.contract.bounds import MAX_COUNT
from ipsecping.contract.refused_packets import IcmpError
from ipsecping.contract.trace import Hop, Reply, ReplyKind, Trace, TraceMethod
from ipsecping.diagnosis import Part
from ipsecping.diagnosis.evidence import HopKind, IkeAnswer
from ipsecping.diagnosis.refusal import ErrorKind, PathError
from ipsecping.measure.direction import NOT_KNOWN, Anchor, Attribution
from ipsecping.measure.packet import Packet, Seen
from ipsecping.probes.ike_exchange import PortOutcome

TARGET, ROUTER, OTHER = "10.50.1.10", "10.50.1.1", "10.50.1.2"
MS = 1_000_000


def train(kind: ProbeType = ProbeType.STAMP, **fields: object) -> Train:
    made = Train(
        part=Part.METHODS,
        method=Method(type=kind, port=None if kind == ProbeType.ICMP else 862),
        address=TARGET,
        count=3,
        spacing_ms=50,
        payload=80,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def answered(rtt: int, **fields: object) -> Packet:
    return Packet(0, 0, answered=True, arrivals=1, rtt=rtt, **fields)  # type: ignore[arg-type]


def refused(reason: LossReason, *, left: bool = True) -> Packet:
    return Packet(0, 0, reason=reason, left=left)


def sample(*packets: Packet, of: Train | None = None, directions: Attribution = NOT_KNOWN) -> Sample:
    return Sample(train=of or train(), at=1, packets=packets, directions=directions)


def trace(*replies: Reply, address: str = TARGET) -> Trace:
    """One that ends at its second hop."""
    first = Hop(1, 1, (Reply("10.99.0.2", ReplyKind.TIME_EXCEEDED, proven=True),))
    return Trace(
        host=address, address=address, method=TraceMethod.UDP, port=862, source="10.244.0.7",
        source_port=40_000, size=72, started_at=0, max_ttl=12, tries=2, wait=1, sent=2, ignored=0, whole=True,
        hops=(first, Hop(2, 1, replies)),
    )  # fmt: skip


def errors(
    reason: LossReason, heard: Trace | None, *, left: bool = True, of: Train | None = None
) -> list[PathError]:
    return list(batch_of(sample(refused(reason, left=left), of=of), heard).errors)


def test_a_batch_has_counts_times_positions_and_directions() -> None:
    packets = [answered(3 * MS), Packet(0, 0), answered(1 * MS, reordered=True), answered(2 * MS)]
    batch = batch_of(sample(*packets, directions=Attribution(1, 0, Anchor())), None)
    assert (batch.sent, batch.answered, batch.answers) == (4, 3, "1011")
    assert (batch.rtt_min, batch.rtt_p50) == (1 * MS, 2 * MS)
    assert batch.rtt_p90 is not None
    assert 2 * MS < batch.rtt_p90 <= 3 * MS
    assert (batch.forward_lost, batch.reverse_lost, batch.reordered) == (1, 0, 1)
    assert batch.size == 80 + 28
    assert not batch.errors


def test_which_packets_were_answered_much_later_than_others_is_told() -> None:
    packets = [answered(1 * MS), answered(60 * MS), Packet(0, 0), answered(50 * MS), answered(300 * MS)]
    assert batch_of(sample(*packets), None).late == "01001"
    assert batch_of(sample(*packets[:1], *packets[2:4]), None).late is None


def test_what_the_reflector_saw_is_told() -> None:
    seen = Seen(source="10.244.0.7", marking=Marking(46, 3), hops=3)
    batch = batch_of(sample(answered(MS, seen=seen), answered(MS, seen=seen), answered(MS)), None)
    assert batch.sources == {"10.244.0.7": 2}
    assert (batch.dscp_seen, batch.congestion_marks, batch.ttl_seen) == (46, 2, 61)


def test_a_flood_of_copies_stays_within_what_evidence_holds() -> None:
    packet = answered(MS)
    packet.arrivals = 10**9
    assert batch_of(sample(packet), None).duplicates == MAX_COUNT


def test_a_hop_count_that_cannot_be_gives_no_ttl() -> None:
    assert batch_of(sample(answered(MS, seen=Seen(hops=-255))), None).ttl_seen is None


def test_wrong_answers_are_no_errors_of_the_path() -> None:
    batch = batch_of(sample(refused(LossReason.AUTH_FAILED)), None)
    assert batch.misanswered == {LossReason.AUTH_FAILED: 1}
    assert not batch.errors


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (LossReason.PROHIBITED, ErrorKind.NOT_PERMITTED),
        (LossReason.UNREACHABLE, ErrorKind.NO_ROUTE),
        (LossReason.MESSAGE_TOO_BIG, ErrorKind.TOO_BIG),
    ],
)
def test_what_this_host_refuses_has_no_sender(reason: LossReason, kind: ErrorKind) -> None:
    assert errors(reason, trace(), left=False) == [PathError(kind=kind, sender=None, count=1)]


@pytest.mark.parametrize(
    ("reason", "heard", "kind"),
    [
        (LossReason.UNREACHABLE, ReplyKind.HOST_UNREACHABLE, ErrorKind.HOST_UNREACHABLE),
        (LossReason.UNREACHABLE, ReplyKind.NETWORK_UNREACHABLE, ErrorKind.NET_UNREACHABLE),
        (LossReason.PROHIBITED, ReplyKind.PROHIBITED, ErrorKind.PROHIBITED),
        (LossReason.PROHIBITED, ReplyKind.PORT_UNREACHABLE, ErrorKind.PORT_UNREACHABLE),
    ],
)
def test_the_trace_names_who_refuses(reason: LossReason, heard: ReplyKind, kind: ErrorKind) -> None:
    named = PathError(kind=kind, sender=ROUTER, count=1)
    assert errors(reason, trace(Reply(ROUTER, heard, proven=True))) == [named]
    assert errors(reason, trace(Reply(ROUTER, heard))) == [replace(named, cut_short=True)]


@pytest.mark.parametrize(
    ("version", "sender", "type_and_code", "kind"),
    [
        (4, ROUTER, (3, 1), ErrorKind.HOST_UNREACHABLE),
        (4, ROUTER, (3, 13), ErrorKind.PROHIBITED),
        (4, ROUTER, (11, 0), ErrorKind.TIME_EXCEEDED),
        (6, "2001:db8::1", (1, 1), ErrorKind.PROHIBITED),
    ],
)
def test_a_packets_own_error_names_who_refuses_it_without_a_trace(
    version: int, sender: str, type_and_code: tuple[int, int], kind: ErrorKind
) -> None:
    error = IcmpError(version, *type_and_code, ip_address(sender).packed, 2)
    packet = Packet(0, 0, reason=LossReason.UNREACHABLE, error=error)
    assert batch_of(sample(packet), None).errors == (PathError(kind=kind, sender=sender, count=1),)


def test_a_port_unreachable_cut_short_is_believed_where_the_trace_has_heard_a_whole_one() -> None:
    """An error that quotes the ports alone can be made up by anybody who knows them (RFC 5927)."""
    (short,) = errors(LossReason.REFUSED, None)
    assert short == PathError(kind=ErrorKind.PORT_UNREACHABLE, sender=TARGET, count=1, cut_short=True)
    (heard,) = errors(LossReason.REFUSED, trace(Reply(TARGET, ReplyKind.PORT_UNREACHABLE, proven=True)))
    assert heard == replace(short, cut_short=False)
    assert errors(LossReason.REFUSED, trace(Reply(TARGET, ReplyKind.PORT_UNREACHABLE))) == [short]
    (reset,) = errors(LossReason.REFUSED, None, of=train(ProbeType.TCP))
    assert not reset.cut_short  # of a connection the kernel compares the numbers


def test_nobody_is_named_for_what_the_trace_did_not_hear() -> None:
    other = trace(Reply(ROUTER, ReplyKind.PROHIBITED))
    assert not errors(LossReason.UNREACHABLE, other)
    assert not errors(LossReason.PROHIBITED, replace(other, address=OTHER))
    assert not errors(LossReason.PROHIBITED, None)


@pytest.mark.parametrize("heard", [ReplyKind.HOST_UNREACHABLE, ReplyKind.PROHIBITED])
def test_of_a_silent_train_it_is_told_who_refuses_the_trace(heard: ReplyKind) -> None:
    """Errors are limited in number: all that were sent may have gone to the trace."""
    quiet, refusing = refused(LossReason.TIMEOUT), trace(Reply(ROUTER, heard), Reply(ROUTER, heard))
    (error,) = batch_of(sample(quiet, quiet, quiet), refusing).errors
    assert (error.sender, error.count, error.kind.value) == (ROUTER, 2, heard.value)
    assert not batch_of(sample(quiet, answered(MS)), refusing).errors
    assert not batch_of(sample(quiet), replace(refusing, address=OTHER)).errors


def test_a_trace_that_reached_the_target_refuses_nothing() -> None:
    ended = trace(Reply(ROUTER, ReplyKind.PROHIBITED), Reply(TARGET, ReplyKind.ANSWERED))
    assert not batch_of(sample(refused(LossReason.TIMEOUT)), ended).errors


def test_the_target_itself_refuses_a_port() -> None:
    assert errors(LossReason.REFUSED, None)[0].kind is ErrorKind.PORT_UNREACHABLE
    (error,) = errors(LossReason.REFUSED, None, of=train(ProbeType.TCP))
    assert (error.kind, error.sender) == (ErrorKind.RESET, TARGET)


def test_a_loop_uses_up_the_ttl() -> None:
    routers = [Reply(each, ReplyKind.TIME_EXCEEDED) for each in (ROUTER, OTHER) * 3]
    circle = replace(trace(), hops=tuple(Hop(ttl, 1, (each,)) for ttl, each in enumerate(routers, 1)))
    assert errors(LossReason.UNREACHABLE, circle)[0].kind is ErrorKind.TIME_EXCEEDED


def test_hops_keep_who_has_quoted_our_packet() -> None:
    ends = trace(Reply(TARGET, ReplyKind.ANSWERED, rtt=MS, proven=True))
    near, end = hops_of(ProbeType.STAMP, ends)
    assert (near.address, near.kind, near.quoted) == ("10.99.0.2", HopKind.TIME_EXCEEDED, True)
    assert (end.address, end.kind, end.quoted, end.rtt) == (TARGET, HopKind.REACHED, False, MS)


def test_hops_that_are_silent_or_several_or_refuse() -> None:
    assert [hop.kind for hop in hops_of(ProbeType.ICMP, trace())] == [HopKind.TIME_EXCEEDED, HopKind.SILENT]
    kinds = (ReplyKind.PROHIBITED, ReplyKind.HOST_UNREACHABLE, ReplyKind.TIME_EXCEEDED)
    both = trace(*(Reply(each, kind) for each, kind in zip((ROUTER, OTHER, ROUTER), kinds, strict=True)))
    assert [(hop.address, hop.kind) for hop in hops_of(ProbeType.ICMP, both)][1:] == [
        (ROUTER, HopKind.PROHIBITED),
        (OTHER, HopKind.UNREACHABLE),
    ]


def test_the_path_mtu_by_direction() -> None:
    def found(
        forward: int, reverse: int | None, *, told: bool = False, cut: bool = False
    ) -> tuple[object, ...]:
        made = path_mtu_of(PathMtu(forward=forward, reverse=reverse, too_big=told), high=1500, cut=cut)
        assert made is not None
        return made.forward, made.reverse, made.forward_told, made.reverse_told

    assert found(1500, 1500) == (1500, None, None, None)
    assert found(1400, 1400) == (1400, None, False, None)
    assert found(1446, None, told=True) == (1446, None, True, None)
    assert found(1500, 1346) == (1500, 1346, None, False)
    assert found(1500, 1346, cut=True) == (1500, 1346, None, True)
    odd = path_mtu_of(PathMtu(forward=1500, reverse=1346, too_big=False), high=1500, cut=False, whole=True)
    assert odd is not None
    assert (odd.reverse, odd.reverse_told) == (1346, None)
    assert path_mtu_of(PathMtu(forward=None, reverse=None, too_big=False), high=1500, cut=False) is None


def test_ike_by_port() -> None:
    silent = PortOutcome(4500, None, LossReason.TIMEOUT)
    closed = PortOutcome(500, None, LossReason.REFUSED)
    unsent = PortOutcome(500, None, None)
    made = ike_of([closed, silent])
    assert made is not None
    assert made.ports == {500: IkeAnswer.REFUSED, 4500: IkeAnswer.SILENT}
    assert ike_of([unsent]) is None


def test_flows_are_added_up_with_the_directions_that_are_known() -> None:
    of = train(flows=2, part=Part.CLASSES)
    first = sample(answered(MS), Packet(0, 5), of=of, directions=Attribution(1, 0, Anchor()))
    made = mixed([replace(first, source_port=1), replace(sample(Packet(0, 2), of=of), source_port=2)])
    batch = batch_of(made, None)
    assert (batch.sent, batch.answers, batch.source_port) == (3, "100", None)
    assert (batch.forward_lost, batch.reverse_lost) == (1, 0)
    assert batch.spacing == 25 * MS


@pytest.mark.parametrize("flows", [1, 2])
def test_nobody_knows_the_direction(flows: int) -> None:
    made = mixed([sample(Packet(0, 0))] * flows)
    assert (made.directions.forward, made.directions.reverse) == (None, None)

"""The packets of a trace: one flow to every router, and only what bears our packet is about it."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract.fields import canonical_address
from ipsecping.contract.trace import Label, ReplyKind
from ipsecping.net.timestamping import Ancillary, ExtendedError
from ipsecping.trace.icmp_errors import kind_of, reply_of, split
from ipsecping.trace.packets import EchoPackets, Match, StampPackets
from ipsecping.wire import icmp, stamp

UDP, ICMP = 28, 28
NUMBERS = st.integers(0, 6000)


@given(NUMBERS, st.integers(72, 1500))
def test_a_quote_of_a_udp_packet_tells_its_number(number: int, size: int) -> None:
    packets = StampPackets(ipv6=False)
    sent = packets.make(number, size)
    assert len(sent) == size - UDP
    assert packets.quoted(sent) == Match(number, proven=True)
    assert packets.quoted(sent[:12]) == Match(number, proven=True)
    assert packets.quoted(sent[:11]) == Match(number, proven=False)
    assert packets.quoted(sent[:3]) == packets.quoted(b"") == Match(None, proven=False)


def test_a_stamp_answer_and_an_echo_tell_the_number() -> None:
    packets = StampPackets(ipv6=True)
    request = packets.make(7, 92)
    sender = stamp.parse_sender(request)
    assert sender is not None
    answer = stamp.ReflectorPacket(900, 1, 1, 1, sender.sequence, sender.timestamp, 1, 60)
    assert packets.answered(bytes(stamp.pack_reflector(answer, request))) == Match(7, proven=True, left=60)
    assert packets.answered(request) == Match(7, proven=True)
    assert packets.answered(b"220 hello") == Match(None, proven=False)


def test_signed_packets_tell_the_number_as_well() -> None:
    """For a reflector that answers no others."""
    key = bytes(16)
    packets = StampPackets(ipv6=False, key=key)
    request = packets.make(7, packets.least_size)
    assert stamp.signed_with(request, (key,)) == key
    assert packets.quoted(request) == Match(7, proven=True)
    assert packets.quoted(request[:12]) == Match(7, proven=False)
    sender = stamp.parse_sender(request, stamp.AUTHENTICATED)
    assert sender is not None
    answer = stamp.ReflectorPacket(900, 1, 1, 1, sender.sequence, sender.timestamp, 1, 60)
    made = bytes(stamp.pack_reflector(answer, request, stamp.AUTHENTICATED))
    assert packets.answered(made) == Match(7, proven=True, left=60)


@pytest.mark.parametrize("ipv6", [False, True])
def test_echo_requests_differ_for_no_router(ipv6: bool) -> None:
    """Nor by the checksum: the kernel adds identifier and addresses, alike for all."""
    packets = EchoPackets(ipv6=ipv6)
    sums = {icmp.checksum(packets.make(number, 1000)) for number in range(6000)}
    assert len(sums) == 1


@given(NUMBERS)
def test_a_quote_of_an_echo_request_tells_its_number(number: int) -> None:
    packets = EchoPackets(ipv6=False)
    sent = icmp.identified(packets.make(number, 84), 4711, ipv6=False)
    assert packets.quoted(sent) == Match(number, proven=True)
    assert packets.quoted(sent[:8]) == Match(number, proven=False)
    assert packets.quoted(sent[:7]) is None
    reply = bytes([icmp.ECHO_REPLY]) + sent[1:]
    assert packets.answered(reply) == Match(number, proven=True)
    assert packets.answered(sent) is None


@given(st.binary(min_size=12, max_size=600))
def test_what_is_not_ours_is_nobodys(data: bytes) -> None:
    assert StampPackets(ipv6=False).quoted(data) is None
    assert EchoPackets(ipv6=False).quoted(data) is None
    assert EchoPackets(ipv6=True).answered(data) is None


ERRORS = [
    (2, 11, 0, ReplyKind.TIME_EXCEEDED),
    (2, 11, 1, None),
    (2, 3, 0, ReplyKind.NETWORK_UNREACHABLE),
    (2, 3, 1, ReplyKind.HOST_UNREACHABLE),
    (2, 3, 2, ReplyKind.PROTOCOL_UNREACHABLE),
    (2, 3, 3, ReplyKind.PORT_UNREACHABLE),
    (2, 3, 4, ReplyKind.MESSAGE_TOO_BIG),
    (2, 3, 13, ReplyKind.PROHIBITED),
    (2, 3, 99, ReplyKind.UNREACHABLE),
    (2, 12, 0, ReplyKind.PARAMETER_PROBLEM),
    (2, 4, 0, None),
    (2, 5, 1, None),
    (3, 3, 0, ReplyKind.TIME_EXCEEDED),
    (3, 1, 0, ReplyKind.NETWORK_UNREACHABLE),
    (3, 1, 1, ReplyKind.PROHIBITED),
    (3, 1, 3, ReplyKind.HOST_UNREACHABLE),
    (3, 1, 4, ReplyKind.PORT_UNREACHABLE),
    (3, 1, 77, ReplyKind.UNREACHABLE),
    (3, 2, 0, ReplyKind.MESSAGE_TOO_BIG),
    (3, 4, 0, ReplyKind.PARAMETER_PROBLEM),
    (1, 0, 0, None),
    (4, 0, 0, None),
]


@pytest.mark.parametrize(("origin", "kind", "code", "said"), ERRORS)
def test_errors_by_type_and_code(origin: int, kind: int, code: int, said: ReplyKind | None) -> None:
    assert kind_of(ExtendedError(113, origin, kind, code, 0, 0)) is said


def error(data: int = 0) -> ExtendedError:
    return ExtendedError(113, 2, 11, 0, 0, data, bytes([10, 0, 1, 1]))


@pytest.mark.parametrize("sender", ["::a00:1", "64:ff9b::a00:1", "2001:db8::1", "::ffff:0:a00:1"])
def test_who_sends_an_error_is_named_as_the_record_wants_it(sender: str) -> None:
    packed = ip_address(sender).packed
    told = ExtendedError(113, 3, 3, 0, 0, 0, packed)
    reply = reply_of(ReplyKind.TIME_EXCEEDED, Ancillary(error=told), b"", proven=True)
    assert reply.sender == canonical_address(sender) == sender


LABELS = bytes.fromhex("2000 0000 000c 01 01 05dc1201 00010102".replace(" ", ""))


def labels_of(data: bytes, mark: int) -> tuple[Label, ...]:
    quote, extension = split(data, error(mark))
    assert quote == data[:100]
    return reply_of(ReplyKind.TIME_EXCEEDED, Ancillary(error=error()), extension, proven=True).labels


def test_mpls_labels_behind_the_quote() -> None:
    expected = (Label(24001, 1, 1), Label(16, 0, 2))
    assert labels_of(bytes(100) + LABELS, 100) == expected
    assert labels_of(bytes(100) + LABELS, 100 | 1 << 16) == (), "the kernel says that it is malformed"


@given(st.binary(max_size=300), st.integers(0, 2**32 - 1))
def test_malformed_extensions_have_few_labels_or_none(data: bytes, mark: int) -> None:
    _, extension = split(data, error(mark))
    for content in (extension, LABELS[:8] + data, b"\x20\0\0\0" + data):
        reply = reply_of(ReplyKind.TIME_EXCEEDED, Ancillary(error=error()), content, proven=False)
        assert len(reply.labels) <= 8
    assert reply.sender == "10.0.1.1"

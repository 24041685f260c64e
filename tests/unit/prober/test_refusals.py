"""Who refused a packet decides what the refusal says: the target itself, or somebody on the way."""

import asyncio
import select
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ipsecping.contract import DnsOptions, LossReason, Options, ProbeType, StampOptions, TcpOptions
from ipsecping.contract.refused_packets import IcmpError
from ipsecping.measure.packet import Packet
from ipsecping.measure.refusers import refused_packets
from ipsecping.net.clocks import Clock
from ipsecping.net.errors import reason_of_extended_error
from ipsecping.net.timestamping import IP_RECVERR, IPV6_RECVERR, ExtendedError, parse_ancillary
from ipsecping.probes.registry import packet_method

from ...news import News
from .far_ends import full_backlog, probe

TARGET, ROUTER = "127.0.0.1", "127.0.0.9"
PORT_UNREACHABLE, ADMINISTRATIVELY_PROHIBITED, HOST_UNREACHABLE = (3, 3), (3, 13), (3, 1)


def test_the_offender_is_read_from_behind_the_extended_error() -> None:
    ipv4 = bytes.fromhex("6f000000 02 03 03 00 00000000 00000000 0200 0000 0a090002 0000000000000000")
    ipv6 = (
        bytes.fromhex("6f000000 03 01 04 00 00000000 00000000 0a00 0000 00000000")
        + bytes(15)
        + b"\1"
        + bytes(4)
    )
    for level, kind, data, offender in (
        (socket.IPPROTO_IP, IP_RECVERR, ipv4, bytes((10, 9, 0, 2))),
        (socket.IPPROTO_IPV6, IPV6_RECVERR, ipv6, bytes(15) + b"\1"),
        (socket.IPPROTO_IP, IP_RECVERR, ipv4[:16], b""),
        (socket.IPPROTO_IPV6, IPV6_RECVERR, ipv6[:30], b""),
    ):
        error = parse_ancillary([(level, kind, data)]).error
        assert error is not None
        assert error.offender == offender


@pytest.mark.parametrize(
    ("origin", "kind", "code", "by_target", "by_router"),
    [
        (2, 3, 3, LossReason.REFUSED, LossReason.PROHIBITED),
        (3, 1, 4, LossReason.REFUSED, LossReason.PROHIBITED),
        (2, 3, 13, LossReason.PROHIBITED, LossReason.PROHIBITED),
        (2, 3, 1, LossReason.UNREACHABLE, LossReason.UNREACHABLE),
        (2, 11, 0, LossReason.UNREACHABLE, LossReason.UNREACHABLE),
    ],
)
def test_a_port_unreachable_counts_as_reached_only_from_the_target(
    origin: int, kind: int, code: int, by_target: LossReason, by_router: LossReason
) -> None:
    error = ExtendedError(0, origin, kind, code, 0, 0)
    assert reason_of_extended_error(error._replace(offender=b"\1\2\3\4"), b"\1\2\3\4") is by_target
    assert reason_of_extended_error(error._replace(offender=b"\4\3\2\1"), b"\1\2\3\4") is by_router
    assert reason_of_extended_error(error, b"\1\2\3\4") is by_target


@contextmanager
def raw(protocol: int) -> Iterator[socket.socket]:
    """A raw socket, to see packets whole or to forge them."""
    try:
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol)
    except PermissionError:
        pytest.skip("a raw socket needs root")
    with sock:
        sock.settimeout(10)
        yield sock


def packet_to(port: int, watch: socket.socket) -> bytes:
    """The first packet to a port that a raw socket sees, with its IP header."""
    while True:
        packet = watch.recv(2048)
        if int.from_bytes(packet[22:24], "big") == port:
            return packet


def refuse(packet: bytes, message: tuple[int, int], by: str) -> None:
    """Send an ICMP error about a packet, as a host or a router does."""
    body = struct.pack("!BBHI", *message, 0, 0) + packet[:576]
    words = struct.unpack(f"!{len(body + body[: len(body) % 2]) // 2}H", body + b"\0" * (len(body) % 2))
    total = sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    with raw(socket.IPPROTO_ICMP) as sock:
        sock.bind((by, 0))
        sock.sendto(body[:2] + checksum.to_bytes(2, "big") + body[4:], (TARGET, 0))


def who_refused(packet: Packet) -> tuple[object, ...]:
    """What its round remembers of it."""
    (found,) = refused_packets([packet])
    assert found.delay is not None
    return (*(found.icmp or ()), found.sender)


CASES = [
    (PORT_UNREACHABLE, TARGET, LossReason.REFUSED),
    (PORT_UNREACHABLE, ROUTER, LossReason.PROHIBITED),
    (ADMINISTRATIVELY_PROHIBITED, ROUTER, LossReason.PROHIBITED),
    (HOST_UNREACHABLE, ROUTER, LossReason.UNREACHABLE),
]


@pytest.mark.parametrize(("message", "by", "reason"), CASES)
async def test_a_datagram_that_is_refused_on_the_way(
    message: tuple[int, int], by: str, reason: LossReason
) -> None:
    with raw(socket.IPPROTO_UDP) as watch, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind((TARGET, 0))
        port = mute.getsockname()[1]
        planned = probe(ProbeType.UDP_ECHO, size=16, port=port)
        session = packet_method(ProbeType.UDP_ECHO).open(planned, TARGET, Clock())
        told = News()
        packet = session.send(told)
        refuse(packet_to(port, watch), message, by)
        await told.wait()
        session.close()
    assert packet.reason is reason
    assert who_refused(packet) == (4, *message, by)


IP_HEADER, UDP_HEADER = 20, 8
PAYLOAD_AT = IP_HEADER + UDP_HEADER
CODECS = [
    (ProbeType.UDP_ECHO, None, 4),
    (ProbeType.STAMP, StampOptions(), 4),
    (ProbeType.DNS, DnsOptions(query="a.example"), 0),
]


@pytest.mark.parametrize(("kind", "options", "secret_at"), CODECS)
async def test_only_who_has_seen_the_packet_is_remembered_as_its_refuser(
    kind: ProbeType, options: Options | None, secret_at: int
) -> None:
    """Of a quote that is cut short nobody knows whose it is; one of another packet says nothing of ours."""
    with raw(socket.IPPROTO_UDP) as watch, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind((TARGET, 0))
        port = mute.getsockname()[1]
        size = {ProbeType.UDP_ECHO: 16, ProbeType.STAMP: 44, ProbeType.DNS: 0}[kind]
        session = packet_method(kind).open(
            probe(kind, size=size, port=port, options=options), TARGET, Clock()
        )
        told = News()
        packet = session.send(told)
        whole = packet_to(port, watch)
        place = PAYLOAD_AT + secret_at
        forged = whole[:place] + bytes(octet ^ 1 for octet in whole[place : place + 8]) + whole[place + 8 :]
        refuse(forged, HOST_UNREACHABLE, ROUTER)
        await asyncio.sleep(0.1)
        of_another = packet.reason
        refuse(whole[:PAYLOAD_AT], HOST_UNREACHABLE, ROUTER)
        await told.wait()
        session.close()
    assert (of_another, packet.reason) == (None, LossReason.UNREACHABLE)
    assert packet.error is None


@pytest.mark.parametrize(("message", "by", "reason"), CASES)
async def test_a_syn_that_is_refused_on_the_way(
    message: tuple[int, int], by: str, reason: LossReason
) -> None:
    with raw(socket.IPPROTO_TCP) as watch, full_backlog() as port:
        session = packet_method(ProbeType.TCP).open(
            probe(ProbeType.TCP, port=port, options=TcpOptions()), TARGET, Clock()
        )
        while select_ready(watch):  # the handshakes before
            watch.recv(2048)
        told = News()
        packet = session.send(told)
        refuse(packet_to(port, watch), message, by)
        await told.wait()
        session.close()
    assert packet.reason is reason
    assert who_refused(packet) == (4, *message, by)


def select_ready(sock: socket.socket) -> bool:
    return bool(select.select([sock], [], [], 0)[0])


def test_of_packets_that_one_sender_refuses_the_longest_wait_is_told() -> None:
    waits = (2, 3000, 10)
    errors = [IcmpError(4, *HOST_UNREACHABLE, bytes((127, 0, 0, 9)), at=wait) for wait in waits]
    packets = [
        Packet(sequence=n, sent_at=0, reason=LossReason.UNREACHABLE, error=error)
        for n, error in enumerate(errors)
    ]
    (found,) = refused_packets(packets)
    assert (found.sender, found.packets, found.delay) == (ROUTER, 3, 3000)

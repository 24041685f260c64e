"""What a target sees of the code point that a probe asks for."""

import asyncio
import socket
import struct

import pytest

from ipsecping.contract import DnsOptions, HttpOptions, Options, ProbeType, StampOptions, TcpOptions
from ipsecping.net.clocks import Clock
from ipsecping.probes.registry import packet_method

from ...own_network import own_network
from .far_ends import LOOPBACK, probe

EF = 46
IP_PKTOPTIONS = 9


def over_udp() -> list[tuple[ProbeType, Options | None, int]]:
    return [
        (ProbeType.UDP_ECHO, None, 16),
        (ProbeType.STAMP, StampOptions(), 44),
        (ProbeType.DNS, DnsOptions(query="a.example"), 0),
    ]


@pytest.mark.parametrize("host", LOOPBACK)
@pytest.mark.parametrize(("kind", "options", "size"), over_udp())
@pytest.mark.parametrize("dscp", [0, EF])
async def test_datagrams_carry_the_code_point(
    kind: ProbeType, options: Options | None, size: int, host: str, dscp: int
) -> None:
    ipv6 = ":" in host
    with socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind((host, 0))
        far.settimeout(10)
        if ipv6:
            far.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
        else:
            far.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        port = far.getsockname()[1]
        planned = probe(kind, options=options, size=size, port=port, dscp=dscp)
        session = packet_method(kind).open(planned, host, Clock())
        session.send()
        _, ((_, _, octet),), _, _ = far.recvmsg(2048, 256)
        session.close()
    assert octet[0] >> 2 == dscp


@pytest.mark.parametrize("kind", [ProbeType.TCP, ProbeType.HTTP])
async def test_tcp_segments_carry_the_code_point(kind: ProbeType) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        listener.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        port = listener.getsockname()[1]
        if kind is ProbeType.TCP:
            planned = probe(kind, port=port, dscp=EF, options=TcpOptions())
        else:
            planned = probe(kind, dscp=EF, options=HttpOptions(url=f"http://127.0.0.1:{port}/"))
        session = packet_method(kind).open(planned, "127.0.0.1", Clock())
        session.send()
        accepted, _ = await asyncio.get_running_loop().sock_accept(listener)
        with accepted:
            options = accepted.getsockopt(socket.IPPROTO_IP, IP_PKTOPTIONS, 256)
        session.close()
    assert received_tos(options) >> 2 == EF


def received_tos(options: bytes) -> int:
    """The byte in the control messages of IP_PKTOPTIONS (ip(7))."""
    header = struct.Struct("@nii")
    at = 0
    while at + header.size < len(options):
        length, level, kind = header.unpack_from(options, at)
        if (level, kind) == (socket.IPPROTO_IP, socket.IP_TOS):
            return options[at + header.size]
        at += -(-length // 8) * 8
    raise AssertionError("no IP_TOS among the options of the packet")


async def test_echo_requests_carry_the_code_point() -> None:
    with own_network(), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as watch:
        watch.settimeout(10)
        planned = probe(ProbeType.ICMP, size=56, dscp=EF)
        session = packet_method(ProbeType.ICMP).open(planned, "127.0.0.1", Clock())
        session.send()
        packet = watch.recv(2048)
        session.close()
    assert packet[1] >> 2 == EF

"""A listener on loopback: what the headers of a request and its answer say."""

import asyncio
import socket
from ipaddress import ip_network

import pytest

from ipsecping.net import timestamping
from ipsecping.reflector.admission import Admission, Drop
from ipsecping.reflector.responder import StampResponder
from ipsecping.reflector.server import Listener
from ipsecping.reflector.sessions import SessionTable
from ipsecping.wire import stamp
from ipsecping.wire.ntp import UNSYNCHRONIZED

EF, AF41 = 46, 34
COS = bytes.fromhex("80040004") + bytes([AF41 << 2, 0, 0, 0])
LOCATION = bytes.fromhex("8002001800000000 80070010") + bytes(16)


def responder(port: int) -> StampResponder:
    allow = [ip_network("127.0.0.0/8"), ip_network("::1")]
    return StampResponder(
        admission=Admission(allow=allow, rate=1000, total_rate=1000),
        sessions=SessionTable(),
        own_ports={port},
        error_estimate=lambda _: UNSYNCHRONIZED,
    )


async def answered(listen: str, target: str, request: bytes, dscp: int) -> tuple[bytes, int, tuple[str, int]]:
    """The answer, the DSCP it came with, and the port that the request left from."""
    listener = Listener(listen, 0, responder)
    ipv6 = ":" in target
    with socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        if ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << 2)
            sock.setsockopt(socket.IPPROTO_IPV6, timestamping.IPV6_RECVTCLASS, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
            sock.setsockopt(socket.IPPROTO_IP, timestamping.IP_RECVTOS, 1)
        sock.setblocking(False)
        sock.connect((target, listener.port))
        try:
            sock.send(request)
            await asyncio.wait_for(_readable(sock), 5)
            data, items, _, _ = sock.recvmsg(2048, timestamping.ANCILLARY_SIZE)
        finally:
            listener.close()
        assert listener.counters.dropped == {}
        assert listener.counters.octets_answered == listener.counters.octets_received == len(request)
        name = sock.getsockname()
    return data, (timestamping.parse_ancillary(items).traffic_class or 0) >> 2, (name[0], name[1])


async def _readable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(sock, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(sock)


def probe(tlvs: bytes = b"") -> bytes:
    return stamp.pack_sender(stamp.SenderPacket(0, 1, UNSYNCHRONIZED, 1), stamp.BASE_SIZE) + tlvs


@pytest.mark.parametrize(("listen", "target"), [("0.0.0.0", "127.0.0.2"), ("127.0.0.1",) * 2, ("::1",) * 2])
async def test_an_answer_keeps_the_class_of_its_request(listen: str, target: str) -> None:
    _, dscp, _ = await answered(listen, target, probe(), EF)
    assert dscp == EF


@pytest.mark.parametrize(("listen", "target"), [("127.0.0.1",) * 2, ("::", "::1")])
async def test_a_class_of_service_tlv_chooses_the_class_of_the_answer(listen: str, target: str) -> None:
    data, dscp, _ = await answered(listen, target, probe(COS), EF)
    assert dscp == AF41
    assert int.from_bytes(data[48:50], "big") == AF41 << 10 | EF << 4


async def test_a_location_tlv_tells_the_addresses_that_arrived() -> None:
    data, _, (source, port) = await answered("0.0.0.0", "127.0.0.2", probe(LOCATION), 0)
    assert data[50:52] == port.to_bytes(2, "big")
    assert data[53] == 8  # Source IPv4 Address
    assert data[56:60] == socket.inet_aton(source)


async def test_a_request_shorter_than_its_answer_is_counted_and_dropped() -> None:
    listener = Listener("127.0.0.1", 0, responder)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(bytes(14), ("127.0.0.1", listener.port))
        async with asyncio.timeout(5):
            while not listener.counters.received:
                await asyncio.sleep(0.005)
    listener.close()
    assert listener.counters.dropped == {Drop.TOO_SHORT: 1}
    assert listener.counters.answered == 0

"""A listener on loopback: what the headers of a request and its answer say."""

import asyncio
import socket
from collections.abc import Callable
from ipaddress import ip_network

import pytest

from ipsecping.net import timestamping
from ipsecping.reflector.admission import Admission, Drop
from ipsecping.reflector.responder import EchoResponder, Responder, StampResponder
from ipsecping.reflector.server import Listener
from ipsecping.reflector.sessions import SessionTable
from ipsecping.wire import stamp
from ipsecping.wire.ntp import UNSYNCHRONIZED

from ...peers.processes import PATIENCE

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
            await asyncio.wait_for(_readable(sock), PATIENCE)
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
        async with asyncio.timeout(PATIENCE):
            while not listener.counters.received:
                await asyncio.sleep(0.005)
    listener.close()
    assert listener.counters.dropped == {Drop.TOO_SHORT: 1}
    assert listener.counters.answered == 0


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    "make", [responder, lambda port: EchoResponder(admission=open_to_all(), own_ports=())]
)
@pytest.mark.parametrize(("size", "answered"), [(9216, 1), (9217, 0), (65_507, 0)])
async def test_a_packet_with_more_octets_than_are_answered_is_counted(
    make: Callable[[int], Responder], size: int, answered: int
) -> None:
    listener = Listener("127.0.0.1", 0, make)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(probe(bytes(size - 44)), ("127.0.0.1", listener.port))
        await until(lambda: listener.counters.received)
    listener.close()
    assert listener.counters.answered == answered
    assert listener.counters.dropped == ({} if answered else {Drop.TOO_LONG: 1})
    assert listener.counters.octets_received == size


async def test_what_the_receive_queue_drops_is_counted_even_if_nothing_comes_after_it() -> None:
    listener = Listener("127.0.0.1", 0, lambda port: EchoResponder(admission=open_to_all(), own_ports=()))
    listener._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)  # the least
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _ in range(100):
            sock.sendto(bytes(1000), ("127.0.0.1", listener.port))
        dropped = listener.counters.queue_drops
        assert 0 < dropped < 100
        await until(lambda: listener.counters.received + dropped >= 100)
    listener.close()
    assert listener.counters.queue_drops == dropped


async def test_strangers_take_no_room_among_the_peers() -> None:
    listener = Listener("0.0.0.0", 0, responder_of("127.0.0.2/32"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.2", 0))
        peer.sendto(probe(), ("127.0.0.1", listener.port))
        for _ in range(20):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.sendto(probe(), ("127.0.0.1", listener.port))
        await until(lambda: listener.counters.received == 21)
    listener.close()
    assert listener.counters.dropped == {Drop.NOT_ALLOWED: 20}
    assert listener.counters.last.keys() == {Drop.NOT_ALLOWED}
    assert listener.counters.last[Drop.NOT_ALLOWED].startswith("127.0.0.")
    assert listener.counters.answered == 1
    assert len(listener._peers) == 1


async def test_packets_of_one_peer_that_cost_much_take_nothing_from_another() -> None:
    """Finding 8: four packets of 64 KiB of empty sub-TLVs a second silenced the reflector for everybody."""
    listener = Listener("127.0.0.1", 0, responder_of("127.0.0.0/8"))
    costly = probe(bytes.fromhex("8002fdfc00000000") + bytes.fromhex("80070000") * 16_254)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hostile,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as honest,
    ):
        hostile.bind(("127.0.0.66", 0))
        honest.settimeout(5)
        for _ in range(20):
            hostile.sendto(costly, ("127.0.0.1", listener.port))
            honest.sendto(probe(), ("127.0.0.1", listener.port))
        await until(lambda: listener.counters.received == 40)
        assert [len(honest.recv(2048)) for _ in range(20)] == [44] * 20
    listener.close()
    assert listener.counters.dropped == {Drop.TOO_LONG: 20}
    assert listener.counters.queue_drops == 0


def responder_of(allowed: str) -> Callable[[int], StampResponder]:
    return lambda port: StampResponder(
        admission=Admission(allow=[ip_network(allowed)], rate=1000, total_rate=1000),
        sessions=SessionTable(),
        own_ports={port},
        error_estimate=lambda _: UNSYNCHRONIZED,
    )


def open_to_all() -> Admission:
    return Admission(allow=[ip_network("0.0.0.0/0")], rate=1000, total_rate=1000)

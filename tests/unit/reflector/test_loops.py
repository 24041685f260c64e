"""One spoofed packet between two machines that answer anything dies out; senders notice nothing of that."""

import asyncio
import socket
import sys
from collections.abc import Callable
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.net import timestamping
from ipsecping.reflector.admission import Admission, Drop
from ipsecping.reflector.loops import SourcePorts
from ipsecping.reflector.responder import EchoResponder, Reply, Responder, StampPolicy, StampResponder
from ipsecping.reflector.server import Listener
from ipsecping.reflector.sessions import SessionTable
from ipsecping.wire import stamp
from ipsecping.wire.ntp import PTP_FLAG, UNSYNCHRONIZED, ErrorEstimate, ntp_from_unix

from ...peers.processes import PATIENCE
from .requests import OWN_PORT, SECOND, probe, request, responder

PTP = ErrorEstimate(ptp=True).to_wire()
T3 = 1_767_225_600 * SECOND


def stamp_responder(port: int) -> Responder:
    return StampResponder(
        admission=admission(),
        sessions=SessionTable(),
        own_ports={port},
        error_estimate=lambda _: UNSYNCHRONIZED,
    )


def echo_responder(port: int) -> Responder:
    return EchoResponder(admission=admission(), own_ports={port})


def admission() -> Admission:
    loopback = [ip_network("127.0.0.0/8"), ip_network("::1")]
    return Admission(allow=loopback, rate=100_000, total_rate=100_000)


async def after_one_spoofed_packet(
    first: Listener, make: Callable[[int], Responder], host: str, packet: bytes
) -> Listener:
    """A second listener, in whose name a packet was sent to the first one; when nothing moves any more."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        port = sock.getsockname()[1]
        sock.sendto(packet, (host, first.port))
    second = Listener(host, port, make)
    async with asyncio.timeout(PATIENCE):
        while not second.counters.received:
            await asyncio.sleep(0.001)
    quiet = 0
    while quiet < 50:  # turns of the loop; a packet over loopback takes one
        before = first.counters.received + second.counters.received
        await asyncio.sleep(0.001)
        quiet = quiet + 1 if first.counters.received + second.counters.received == before else 0
        assert before < 1000
    return second


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("size", [44, 41, 200])
async def test_two_stamp_reflectors_stop_at_the_first_answer(host: str, size: int) -> None:
    first = Listener(host, 0, stamp_responder)
    second = await after_one_spoofed_packet(first, stamp_responder, host, probe(7, size=200)[:size])
    assert first.counters.answered == 1
    assert second.counters.answered == 0
    assert second.counters.dropped == {Drop.LOOP: 1}
    first.close()
    second.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("make", [echo_responder, stamp_responder])
async def test_whatever_the_two_speak_the_ttl_is_used_up(host: str, make: Callable[[int], Responder]) -> None:
    first = Listener(host, 0, echo_responder)
    second = await after_one_spoofed_packet(first, make, host, b"anything" * 20)
    answered = first.counters.answered + second.counters.answered
    assert 1 < answered < 70
    assert {*first.counters.dropped, *second.counters.dropped} in ({Drop.TTL_EXPIRED}, {Drop.LOOP})
    first.close()
    second.close()


@pytest.mark.parametrize(("arrived", "left"), [(255, 64), (64, 63), (61, 60), (2, 1), (1, None)])
@pytest.mark.parametrize("make", [echo_responder, stamp_responder])
async def test_an_answer_has_one_hop_less_than_its_request_had_left(
    make: Callable[[int], Responder], arrived: int, left: int | None
) -> None:
    listener = Listener("127.0.0.1", 0, make)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, arrived)
        sock.setsockopt(socket.IPPROTO_IP, timestamping.IP_RECVTTL, 1)
        sock.settimeout(5)
        sock.sendto(probe(0), ("127.0.0.1", listener.port))
        async with asyncio.timeout(PATIENCE):
            while not listener.counters.received:
                await asyncio.sleep(0.001)
        counters = listener.counters
        listener.close()
        if left is None:
            assert counters.dropped == {Drop.TTL_EXPIRED: 1}
            return
        data, [(_, _, ttl)], _, _ = sock.recvmsg(2048, 64)
    assert int.from_bytes(ttl, sys.byteorder) == left
    if make is stamp_responder:
        answer = stamp.parse_reflector(data)
        assert answer is not None
        assert answer.sender_ttl == arrived  # what the sender measures is untouched


@pytest.mark.parametrize("stateful", [True, False])
@pytest.mark.parametrize("tlvs", [b"", bytes(7), bytes.fromhex("80040004 b8000000"), bytes(1400)])
@pytest.mark.parametrize("residence", [0, 1, 30_000_000])
def test_an_answer_of_ours_is_told_from_a_request(stateful: bool, tlvs: bytes, residence: int) -> None:
    reflector = responder(policy=StampPolicy(stateful=stateful))
    for sequence in (0, 1, 2**32 - 1):
        reply = reflector.answer(request(probe(sequence) + tlvs))
        assert isinstance(reply, Reply)
        reflector.finish(reply, T3 + residence)
        assert reflector.answer(request(bytes(reply.data))) is Drop.LOOP
        assert reflector.answer(request(bytes(reply.data[:41]))) is Drop.LOOP


@pytest.mark.parametrize("estimate", [UNSYNCHRONIZED, PTP])
def test_so_is_an_answer_of_another_reflector_with_either_form_of_time(estimate: int) -> None:
    sent, received = (
        (T3 // SECOND << 32 | 5_000, (T3 // SECOND - 1) << 32 | SECOND - 5_000)
        if estimate & PTP_FLAG
        else (ntp_from_unix(T3 + 5_000), ntp_from_unix(T3 - 5_000))
    )
    answer = stamp.ReflectorPacket(3, sent, estimate, received, 3, 77, estimate, 255)
    assert responder().answer(request(bytes(stamp.pack_reflector(answer, bytes(44))))) is Drop.LOOP


@pytest.mark.parametrize(
    "padding",
    [bytes([octet]) * 27 for octet in (0, 1, 0x20, 0x55, 0xAA, 0xFF)] + [bytes(range(27)), bytes(26) + b"\1"],
)
@pytest.mark.parametrize("sent", [ntp_from_unix(T3), 0, 1, 5 << 32, 2**64 - 1])
@pytest.mark.parametrize("estimate", [UNSYNCHRONIZED, PTP, 0])
def test_a_twamp_light_senders_padding_is_not_taken_for_an_answer(
    padding: bytes, sent: int, estimate: int
) -> None:
    packet = bytes(4) + sent.to_bytes(8, "big") + estimate.to_bytes(2, "big") + padding
    assert isinstance(responder().answer(request(packet)), Reply)


@given(st.binary(min_size=27, max_size=100))
def test_nor_is_random_padding(padding: bytes) -> None:
    header = bytes(4) + ntp_from_unix(T3).to_bytes(8, "big") + UNSYNCHRONIZED.to_bytes(2, "big")
    assert isinstance(responder().answer(request(header + padding)), Reply)


def test_a_service_below_1024_is_not_answered_unless_a_sender_is_known_to_use_that_port() -> None:
    ports = SourcePorts(own={8620, 5055})
    assert [ports.refuse(port) for port in (7, 19, 53, 123, 862, 863, 1023)] == [Drop.RESERVED_PORT] * 7
    assert [ports.refuse(port) for port in (8620, 5055)] == [Drop.LOOP] * 2
    assert [ports.refuse(port) for port in (1024, 40_000, 65_535)] == [None] * 3
    permitting = SourcePorts(own={862, 5055}, permitted={862, 863})
    assert [permitting.refuse(port) for port in (862, 863)] == [None, None]
    assert permitting.refuse(861) is Drop.RESERVED_PORT
    assert permitting.refuse(5055) is Drop.LOOP


@pytest.mark.parametrize(
    "make", [responder, lambda: EchoResponder(admission=of_probes(), own_ports={OWN_PORT})]
)
def test_both_protocols_look_at_the_port(make: Callable[[], Responder]) -> None:
    reflector = make()
    assert reflector.answer(request(probe(0), port=19)) is Drop.RESERVED_PORT
    assert reflector.answer(request(probe(0), port=OWN_PORT)) is Drop.LOOP
    assert isinstance(reflector.answer(request(probe(0))), Reply)


def test_stamp_senders_that_send_from_the_stamp_port_are_answered_also_by_a_reflector_on_it() -> None:
    for own in ({862}, {8620}):
        reflector = StampResponder(
            admission=of_probes(), sessions=SessionTable(), own_ports=own, error_estimate=lambda _: 0
        )
        reply = reflector.answer(request(probe(0), port=862))
        assert isinstance(reply, Reply)
        reflector.finish(reply, T3)
        assert reflector.answer(request(bytes(reply.data), port=862)) is Drop.LOOP
    echo = EchoResponder(admission=of_probes(), own_ports={55055})
    assert echo.answer(request(probe(0), port=862)) is Drop.RESERVED_PORT


def of_probes() -> Admission:
    return Admission(allow=[ip_network("10.244.0.0/16")], rate=10, total_rate=10)

"""ICMP over a ping socket where the group may open one, else over a raw one where CAP_NET_RAW is held."""

import asyncio
import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from ipsecping.contract import ClockSource, Invalidity, PlannedProbe, ProbeType
from ipsecping.net.clocks import Clock
from ipsecping.net.connected_socket import open_connected_ping
from ipsecping.probes import icmp as icmp_probe
from ipsecping.wire import icmp

from ...own_network import own_network
from .far_ends import LOOPBACK, measure, probe

PING = probe(ProbeType.ICMP, size=56)
RANGE = Path("/proc/sys/net/ipv4/ping_group_range")


def test_both_kinds_of_socket_forbidden_spoil_the_round_and_the_remedy_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = socket.socket

    def refused(family: int = -1, kind: int = -1, protocol: int = -1, *more: Any) -> socket.socket:
        if protocol in (socket.IPPROTO_ICMP, socket.IPPROTO_ICMPV6):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(family, kind, protocol, *more)

    async def round_of(host: str) -> Any:
        with monkeypatch.context() as patched:
            patched.setattr("ipsecping.net.host_calls.socket.socket", refused)
            return await measure(PING, host)

    for host in LOOPBACK:
        result = asyncio.run(round_of(host))
        assert (result.invalid, result.sent) == (Invalidity.PING_FORBIDDEN, 0)
    assert "net.ipv4.ping_group_range" in caplog.text
    assert "CAP_NET_RAW" in caplog.text


@pytest.mark.parametrize("groups", ["1 0", "0 2147483647"])
@pytest.mark.parametrize("host", LOOPBACK)
def test_root_pings_whatever_groups_may_open_ping_sockets(groups: str, host: str) -> None:
    with own_network():
        RANGE.write_text(groups)
        result = asyncio.run(measure(PING, host))
    assert (result.invalid, result.sent, result.received) == (None, 3, 3)
    assert (result.clock, result.duplicates) == (ClockSource.KERNEL, 0)


@pytest.mark.parametrize("host", LOOPBACK)
def test_raw_sockets_beside_each_other_keep_their_answers_apart(host: str) -> None:
    """Each raw socket of a host is given every ICMP message; a filter keeps out what is another's."""

    async def together() -> list[tuple[int, int, int]]:
        planned = probe(ProbeType.ICMP, size=56, count=20)
        results = await asyncio.gather(*(measure(planned, host) for _ in range(5)))
        return [(result.received, result.duplicates, result.reordered) for result in results]

    async def foreign(planned: PlannedProbe) -> list[int]:
        sessions = [icmp_probe.open_session(planned, host, Clock()) for _ in range(3)]
        for session in sessions:
            session.send()
        await asyncio.sleep(0.2)
        for session in sessions:
            session.close()
        return [session.ledger.foreign for session in sessions]

    with own_network():
        RANGE.write_text("1 0")
        assert asyncio.run(together()) == [(20, 0, 0)] * 5
        assert asyncio.run(foreign(PING)) == [0, 0, 0]


@pytest.mark.parametrize("host", LOOPBACK)
def test_a_path_mtu_search_reads_the_same_messages_from_a_raw_socket(host: str) -> None:
    async def echoed() -> bytes:
        sock = open_connected_ping(host, dont_fragment=True)
        try:
            sock.send(icmp.pack_echo_request(b"payload", 7, ipv6=":" in host))
            await sock.wait(5_000_000_000)
            (arrival,), _ = sock.receive()
        finally:
            sock.close()
        return arrival.data

    with own_network():
        RANGE.write_text("1 0")
        message = asyncio.run(echoed())
    assert icmp.parse_echo_reply(message, ipv6=":" in host) == b"payload"


@pytest.mark.parametrize("size", [8, 9, 64, 1001])
def test_the_checksum_is_that_of_rfc_1071(size: int) -> None:
    made = icmp.identified(icmp.pack_echo_request(os.urandom(size), 1, ipv6=False), 0xABCD, ipv6=False)
    padded = made + bytes(len(made) % 2)
    total = sum(int.from_bytes(padded[at : at + 2], "big") for at in range(0, len(padded), 2))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF
    assert icmp.identifier(made) == 0xABCD
    assert icmp.identifier(made[:7]) is None


@pytest.mark.parametrize("datagram", [b"", b"\x45", b"\x41" + bytes(30), b"\x4f" + bytes(30)])
def test_a_short_ip_header_leaves_no_message(datagram: bytes) -> None:
    assert icmp.parse_echo_reply(icmp.without_ip_header(datagram), ipv6=False) is None

"""Who sends: a source that this host has not is its fault, and one that it has is what the target sees."""

import asyncio
import socket
from typing import Any

import pytest

from ipsecping.contract import (
    ContractError,
    DnsOptions,
    HttpOptions,
    IkeOptions,
    Invalidity,
    PathMtuOptions,
    ProbeType,
    TcpOptions,
)
from ipsecping.contract.methods.dns import Transport
from ipsecping.contract.sources import read_source
from ipsecping.net.timestamping import IP_RECVTTL

from ...plans import check_of
from .far_ends import LOOPBACK, closed_port, measure, probe, prober, udp_echo

ECHO = {"size": 16, "count": 2}


@pytest.mark.parametrize("source", ["192.0.2.77", "nosuch0", "::1", "2001:db8::77"])
@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (ProbeType.UDP_ECHO, {"size": 16, "port": 7}),
        (ProbeType.STAMP, {"size": 44, "port": 862}),
        (ProbeType.DNS, {"port": 53, "options": DnsOptions(query="a.example")}),
        (ProbeType.ICMP, {"size": 56}),
        (ProbeType.TCP, {"port": 7, "options": TcpOptions()}),
        (ProbeType.HTTP, {"options": HttpOptions(url="http://127.0.0.1:7/")}),
        (ProbeType.DNS, {"port": 53, "options": DnsOptions(query="a.example", transport=Transport.TCP)}),
        (ProbeType.PATH_MTU, {"port": 7, "options": PathMtuOptions()}),
        (ProbeType.IKE, {"options": IkeOptions(gateway="127.0.0.1")}),
    ],
)
async def test_a_source_that_the_host_has_not_is_no_loss(
    caplog: pytest.LogCaptureFixture, kind: ProbeType, fields: dict[str, Any], source: str
) -> None:
    result = await measure(probe(kind, source=source, **fields))
    assert (result.invalid, result.losses) == (Invalidity.SOURCE_UNAVAILABLE, {})
    assert source in caplog.text


@pytest.mark.parametrize("source", ["127.0.0.9", "lo"])
async def test_packets_leave_from_the_source(source: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind(("127.0.0.1", 0))
        far.settimeout(10)
        planned = probe(
            ProbeType.UDP_ECHO, size=16, count=1, timeout_ms=50, port=far.getsockname()[1], source=source
        )
        await measure(planned)
        _, (address, _) = far.recvfrom(100)
    assert address == ("127.0.0.1" if source == "lo" else source)


@pytest.mark.parametrize("host", LOOPBACK)
async def test_the_ttl_is_what_the_plan_says(host: str) -> None:
    ipv6 = ":" in host
    with socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_DGRAM) as far:
        if ipv6:
            far.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        else:
            far.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        far.bind((host, 0))
        far.settimeout(10)
        port = far.getsockname()[1]
        await measure(probe(ProbeType.UDP_ECHO, size=16, count=1, timeout_ms=50, port=port, ttl=7), host)
        _, ((_, _, octets),), _, _ = far.recvmsg(100, 100)
    assert octets[0] == 7


async def test_a_fixed_port_is_kept_over_rounds_and_restarts() -> None:
    seen = set[int]()

    def note(_: int, port: int) -> bool:
        seen.add(port)
        return False

    fixed = closed_port(socket.SOCK_DGRAM)
    async with udp_echo(lose=note) as port:
        planned = probe(ProbeType.UDP_ECHO, port=port, source_port=fixed, **ECHO)
        for _ in range(2):
            with prober() as made:
                for _ in range(2):
                    (result,) = await made.round(check_of(planned))
                    assert (result.invalid, result.received) == (None, 2)
    assert seen == {fixed}


async def test_a_port_that_is_taken_is_no_loss() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", 0))
        planned = probe(ProbeType.UDP_ECHO, port=7, source_port=other.getsockname()[1], **ECHO)
        result = await measure(planned)
    assert (result.sent, result.invalid) == (0, Invalidity.SOURCE_UNAVAILABLE)


async def test_two_probes_of_one_port_and_target_are_not_mixed_up() -> None:
    fixed = closed_port(socket.SOCK_DGRAM)
    async with udp_echo() as port:
        planned = probe(ProbeType.UDP_ECHO, port=port, source_port=fixed, **ECHO)
        with prober() as one, prober() as other:
            results = await asyncio.gather(one.round(check_of(planned)), other.round(check_of(planned)))
    assert sorted((result.received, str(result.invalid)) for (result,) in results) == [
        (0, "SourceUnavailable"),
        (2, "None"),
    ]


@pytest.mark.parametrize("source", ["10.0.0.1", "fe80::1", "eth0", "eth0.100", "bond0:1"[:5]])
def test_a_source_is_an_address_or_an_interface(source: str) -> None:
    assert read_source(source, "source") == source


@pytest.mark.parametrize("source", ["", "a" * 16, "a b", "a/b", "..", "eth0\n", 7, "é" * 8])
def test_what_is_neither_is_refused(source: object) -> None:
    with pytest.raises(ContractError, match="source"):
        read_source(source, "source")

"""Addresses between which no host sends anything are a mistake of the plan, and no tunnel's loss."""

import errno
import os
import socket
from typing import Any

import pytest

from ipsecping.contract import DnsOptions, IkeOptions, Invalidity, PathMtuOptions, ProbeType, TcpOptions
from ipsecping.net.errors import reason_of
from ipsecping.net.misaddressed import misaddressed

from .far_ends import measure, probe


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (ProbeType.UDP_ECHO, {"size": 16, "port": 7}),
        (ProbeType.STAMP, {"size": 44, "port": 862}),
        (ProbeType.TCP, {"port": 7, "options": TcpOptions()}),
        (ProbeType.DNS, {"port": 53, "options": DnsOptions(query="a.example")}),
        (ProbeType.ICMP, {"size": 56}),
        (ProbeType.PATH_MTU, {"port": 7, "options": PathMtuOptions()}),
        (ProbeType.IKE, {"options": IkeOptions(gateway="198.51.100.1")}),
    ],
)
async def test_what_leaves_no_host_is_no_loss(
    kind: ProbeType, fields: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    planned = probe(kind, count=1, timeout_ms=20, source="127.0.0.1", **fields)
    result = await measure(planned, "198.51.100.1")
    assert result.invalid in (Invalidity.LOCAL_SEND_FAILED, Invalidity.SOCKET_UNAVAILABLE)
    assert "to send to 198.51.100.1 from 127.0.0.1, which" in caplog.text


async def test_nor_is_what_is_no_address_of_a_host(caplog: pytest.LogCaptureFixture) -> None:
    planned = probe(ProbeType.UDP_ECHO, count=1, timeout_ms=20, size=16, port=7)
    result = await measure(planned, "255.255.255.255")
    assert result.invalid is Invalidity.LOCAL_SEND_FAILED
    assert "to send to 255.255.255.255, which is no host's address" in caplog.text


@pytest.mark.parametrize(
    ("number", "target", "is_ours"),
    [
        (errno.EINVAL, ("fe80::1", 7, 0, 0), True),
        (errno.EINVAL, ("fe80::1", 7, 0, 2), False),
        (errno.EACCES, ("::ffff:255.255.255.255", 7, 0, 0), True),
        (errno.EINVAL, ("2001:db8::1", 7, 0, 0), False),
        (errno.ENETUNREACH, ("fe80::1", 7, 0, 0), False),
    ],
)
def test_a_blackhole_route_goes_on_to_be_the_paths(
    number: int, target: tuple[str, int, int, int], is_ours: bool
) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        error = misaddressed(OSError(number, os.strerror(number)), sock, target)
    assert (reason_of(error) is None) == is_ours

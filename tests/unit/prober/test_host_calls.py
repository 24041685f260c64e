"""What socket(), setsockopt() and their like refuse is this host's fault; the path loses nothing by it."""

import errno
import os
import socket
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from ipsecping.contract import (
    ClockSource,
    DnsOptions,
    HttpOptions,
    Invalidity,
    LossReason,
    ProbeType,
    TcpOptions,
)
from ipsecping.net import message_batch
from ipsecping.net.errors import NotSent, of_route, reason_of
from ipsecping.net.host_calls import HostRefused

from .far_ends import measure, probe, silent, tcp_server, udp_echo

REFUSALS = (errno.ENOPROTOOPT, errno.EOPNOTSUPP, errno.EPROTO, errno.EPERM, errno.EACCES, errno.EMFILE)
SO_TIMESTAMPING, IP_RECVERR = (socket.SOL_SOCKET, 37), (socket.IPPROTO_IP, 11)
IP_TOS = (socket.IPPROTO_IP, socket.IP_TOS)


def refuse(monkeypatch: pytest.MonkeyPatch, number: int, options: Iterable[tuple[int, int]]) -> None:
    """As a seccomp filter does: these options of setsockopt(2) fail."""
    real: Callable[..., None] = socket.socket.setsockopt
    refused = set(options)

    def filtered(self: socket.socket, level: int, option: int, *value: Any) -> None:
        if (level, option) in refused:
            raise OSError(number, os.strerror(number))
        real(self, level, option, *value)

    monkeypatch.setattr(socket.socket, "setsockopt", filtered)


@pytest.mark.parametrize("number", REFUSALS)
async def test_a_host_without_timestamps_measures_by_its_own_clock(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    refuse(monkeypatch, number, [SO_TIMESTAMPING, IP_RECVERR])
    async with udp_echo() as port:
        result = await measure(probe(ProbeType.UDP_ECHO, size=16, port=port))
    assert (result.received, result.invalid, result.clock) == (3, None, ClockSource.USER)


@pytest.mark.parametrize("number", REFUSALS)
@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (ProbeType.UDP_ECHO, {"size": 16, "port": 7}),
        (ProbeType.STAMP, {"size": 44, "port": 862}),
        (ProbeType.TCP, {"port": 7, "options": TcpOptions()}),
        (ProbeType.HTTP, {"options": HttpOptions(url="http://127.0.0.1:7/")}),
        (ProbeType.DNS, {"port": 53, "options": DnsOptions(query="a.example")}),
        (ProbeType.ICMP, {"size": 56}),
    ],
)
@pytest.mark.parametrize("call", ["socket", "setsockopt"])
async def test_whatever_a_host_refuses_is_no_loss(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: ProbeType,
    fields: dict[str, Any],
    call: str,
    number: int,
) -> None:
    if call == "socket":
        real = socket.socket

        def refused(*arguments: Any, **options: Any) -> socket.socket:
            if arguments and arguments[0] in (socket.AF_INET, socket.AF_INET6):
                raise OSError(number, os.strerror(number))
            return real(*arguments, **options)

        with monkeypatch.context() as patched:
            patched.setattr("ipsecping.net.host_calls.socket.socket", refused)
            result = await measure(probe(kind, **fields))
    else:
        refuse(monkeypatch, number, [IP_TOS])
        result = await measure(probe(kind, dscp=46, **fields))
    assert result.invalid in (
        Invalidity.SOCKET_UNAVAILABLE,
        Invalidity.LOCAL_SEND_FAILED,
        Invalidity.PING_FORBIDDEN,
    )
    assert {
        "socket": "socket()" if result.invalid is not Invalidity.PING_FORBIDDEN else "ping_group_range",
        "setsockopt": "setsockopt(IP_TOS)",
    }[call] in caplog.text


async def test_a_sandbox_without_recvmmsg_is_no_loss(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def forbidden(self: message_batch.MessageBatch, sock: socket.socket, flags: int) -> int:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(message_batch.MessageBatch, "_receive", forbidden)
    result = await measure(probe(ProbeType.UDP_ECHO, size=16, port=7))
    assert (result.sent, result.invalid) == (0, Invalidity.SOCKET_UNAVAILABLE)
    assert "recvmmsg()" in caplog.text


async def test_a_host_that_sends_nothing_says_so_once_and_not_for_each_packet(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(self: socket.socket, *_: Any) -> int:
        raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))

    monkeypatch.setattr(socket.socket, "sendto", full)
    result = await measure(probe(ProbeType.UDP_ECHO, size=16, port=7, count=20, spacing_ms=1))
    assert (result.invalid, result.received) == (Invalidity.LOCAL_SEND_FAILED, 0)
    assert [line for line in caplog.messages if "No buffer space" in line] == [
        "127.0.0.1: packets are not sent: No buffer space available"
    ]


async def test_a_kernel_that_does_not_tell_of_a_connection_leaves_it_to_our_own_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = socket.socket.getsockopt

    def refused(self: socket.socket, level: int, option: int, *size: int) -> Any:
        if (level, option) == (socket.IPPROTO_TCP, socket.TCP_INFO):
            raise OSError(errno.ENOPROTOOPT, os.strerror(errno.ENOPROTOOPT))
        return real(self, level, option, *size)

    monkeypatch.setattr(socket.socket, "getsockopt", refused)
    async with tcp_server(silent) as port:
        result = await measure(probe(ProbeType.TCP, port=port, options=TcpOptions()))
    assert (result.received, result.invalid, result.clock) == (3, None, ClockSource.USER)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ECONNREFUSED, LossReason.REFUSED),
        (errno.EPROTO, LossReason.UNREACHABLE),
        (errno.ENOPROTOOPT, LossReason.UNREACHABLE),
        (errno.ENONET, LossReason.UNREACHABLE),
        (errno.EINVAL, LossReason.UNREACHABLE),
        (errno.EREMOTE, LossReason.UNREACHABLE),
        (errno.ESRCH, LossReason.UNREACHABLE),
        (errno.EAGAIN, None),
        (errno.EACCES, LossReason.PROHIBITED),
        (errno.EADDRNOTAVAIL, None),
        (errno.ENOBUFS, None),
    ],
)
def test_an_errno_is_read_by_the_call_that_gave_it(number: int, reason: LossReason | None) -> None:
    error = OSError(number, os.strerror(number))
    assert reason_of(error) is reason
    assert reason_of(HostRefused("bind()", error)) is None


async def test_a_host_without_ports_left_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect_ex", lambda *_: errno.EADDRNOTAVAIL)
    result = await measure(probe(ProbeType.TCP, port=7, options=TcpOptions()))
    assert result.invalid is Invalidity.LOCAL_SEND_FAILED


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        pytest.param("127.0.0.1", ("192.0.2.9", 9), None, id="from a loopback address to another host"),
        pytest.param("::", ("fe80::9", 9, 0, 0), None, id="link-local without a zone"),
        pytest.param("0.0.0.0", ("192.0.2.9", 9), LossReason.UNREACHABLE, id="a blackhole route"),
        pytest.param("::", ("2001:db8::9", 9, 0, 0), LossReason.UNREACHABLE, id="one of IPv6"),
        pytest.param("::", ("fe80::9", 9, 0, 1), LossReason.UNREACHABLE, id="one behind an interface"),
    ],
)
def test_addresses_that_go_with_no_route_are_no_loss(
    source: str, target: tuple[Any, ...], reason: LossReason | None
) -> None:
    """The kernel has one word, EINVAL, for these and for a blackhole route."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        refused = of_route(OSError(errno.EINVAL, os.strerror(errno.EINVAL)), sock, target)
    assert reason_of(refused) is reason
    assert NotSent(refused).reason is reason


@pytest.mark.parametrize(
    ("kind", "fields"),
    [(ProbeType.UDP_ECHO, {"size": 16}), (ProbeType.TCP, {"options": TcpOptions()})],
)
async def test_nor_is_what_the_kernel_refuses_for_them(
    monkeypatch: pytest.MonkeyPatch, kind: ProbeType, fields: dict[str, Any]
) -> None:
    def refused(*_: object) -> int:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(socket.socket, "sendto", refused)
    monkeypatch.setattr(socket.socket, "connect_ex", lambda *_: errno.EINVAL)
    result = await measure(probe(kind, source="127.0.0.1", port=9, count=1, **fields), "192.0.2.9")
    assert result.invalid is Invalidity.LOCAL_SEND_FAILED

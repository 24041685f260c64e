"""Kernel timestamps and other ancillary data of Linux sockets.

Source: Documentation/networking/timestamping.rst, socket(7), ip(7), ipv6(7). Python's socket module has
only a few of these constants.
"""

import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ..wire.ntp import NANOSECONDS
from .host_calls import try_option

SO_TIMESTAMPING = 37
IP_PKTINFO = 8
IP_RECVERR = 11
IP_RECVTTL = 12
IPV6_RECVERR = 25
IP_RECVTOS = 13
IPV6_RECVTCLASS = 66
MSG_ERRQUEUE = 0x2000

_TX_SOFTWARE = 1 << 1
_RX_SOFTWARE = 1 << 3
_SOFTWARE = 1 << 4
_OPT_ID = 1 << 7
_OPT_TSONLY = 1 << 11
RECEIVE_ONLY = _RX_SOFTWARE | _SOFTWARE
SEND_AND_RECEIVE = _RX_SOFTWARE | _SOFTWARE | _TX_SOFTWARE | _OPT_ID | _OPT_TSONLY

ANCILLARY_SIZE = 512
"""Bytes of ancillary data to make room for: timestamp, error, TTL and destination address."""

_EXTENDED_ERROR = struct.Struct("=IBBBxII")
ORIGIN_TIMESTAMPING = 4
_UINT = struct.Struct("=I")


class ExtendedError(NamedTuple):
    """`struct sock_extended_err`: what an entry of the error queue is about."""

    errno: int
    origin: int
    """1 local, 2 ICMP, 3 ICMPv6, 4 a send timestamp."""
    type: int
    code: int
    info: int
    data: int
    """For a send timestamp: the packet's place in the order of sending on this socket, from 0."""
    offender: bytes = b""
    """For ICMP and ICMPv6: the address that sent the error, 4 or 16 bytes; empty when it is not known."""

    @property
    def is_send_timestamp(self) -> bool:
        """This entry reports when a packet left, not an error."""
        return self.origin == ORIGIN_TIMESTAMPING


class Ancillary(NamedTuple):
    """What came beside a message; None where the kernel said nothing."""

    timestamp: int | None = None
    """Software timestamp, CLOCK_REALTIME in nanoseconds."""
    error: ExtendedError | None = None
    ttl: int | None = None
    """TTL or hop limit on arrival."""
    local_address: bytes | None = None
    """The address the packet was sent to, 4 or 16 bytes."""
    traffic_class: int | None = None
    """DSCP and ECN: the byte of the IP header."""


def parse_ancillary(items: Iterable[tuple[int, int, bytes]]) -> Ancillary:
    """Read the ancillary data of one `recvmsg`; what is unknown or cut short is passed over."""
    timestamp = error = ttl = local_address = traffic_class = None
    for level, kind, data in items:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPING):
            timestamp = _software_timestamp(data)
        elif kind in _ERROR_KINDS.get(level, ()) and len(data) >= _EXTENDED_ERROR.size:
            error = ExtendedError(*_EXTENDED_ERROR.unpack_from(data))
            if not error.is_send_timestamp:
                error = error._replace(offender=_offender(data[_EXTENDED_ERROR.size :]))
        elif (level, kind) in _TTL_KINDS and len(data) >= _UINT.size:
            (ttl,) = _UINT.unpack_from(data)
        elif (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO) and len(data) >= 12:
            local_address = data[8:12]  # ipi_addr
        elif (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO) and len(data) >= 16:
            local_address = data[:16]
        elif (level, kind) in _TRAFFIC_CLASS_KINDS and data:
            traffic_class = int.from_bytes(data[:4], sys.byteorder)  # a byte, or an int with IPv6
    return Ancillary(timestamp, error, ttl, local_address, traffic_class)


def enable_timestamps(sock: socket.socket, flags: int) -> bool:
    """Ask for software timestamps. Turning the send timestamps on anew restarts their numbering at 0.

    The receive timestamps stay on meanwhile: where no other socket has any, the kernel turns its stamping off
    and on again with a delay, and packets that come in between would have none.

    False: this host has none (emulation, sandboxes), and the program's own clock has to do.
    """
    return all(
        try_option(
            sock,
            socket.SOL_SOCKET,
            SO_TIMESTAMPING,
            each,
            without="times are taken by the program's own clock",
        )
        for each in (flags & RECEIVE_ONLY, flags)
    )


def enable_errors(sock: socket.socket, *, enable: bool = True) -> None:
    """Ask for ICMP errors with the packet that caused them, or for none; then those that wait are dropped.

    A host without them leaves losses without a reason: they are told when their timeout is over.
    """
    try_option(sock, *_errors_of(sock), enable, without="losses have no reason but the timeout")


@contextmanager
def errors_unheard(sock: socket.socket) -> Iterator[None]:
    """Have no ICMP error fail a send meanwhile; those that wait are dropped."""
    try:
        heard = sock.getsockopt(*_errors_of(sock))
    except OSError:  # a host without them
        heard = 0
    enable_errors(sock, enable=False)
    try:
        yield
    finally:
        if heard:
            enable_errors(sock)


def _errors_of(sock: socket.socket) -> tuple[int, int]:
    """Level and name of the option."""
    ipv6 = sock.family == socket.AF_INET6
    return (socket.IPPROTO_IPV6, IPV6_RECVERR) if ipv6 else (socket.IPPROTO_IP, IP_RECVERR)


_ERROR_KINDS = {socket.IPPROTO_IP: (IP_RECVERR,), socket.IPPROTO_IPV6: (IPV6_RECVERR,)}
_TRAFFIC_CLASS_KINDS = {(socket.IPPROTO_IP, socket.IP_TOS), (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)}
_TTL_KINDS = {(socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT)}


def _offender(address: bytes) -> bytes:
    """The address in the `struct sockaddr` behind an extended error (SO_EE_OFFENDER)."""
    if len(address) < 8:
        return b""
    family = int.from_bytes(address[:2], sys.byteorder)
    if family == socket.AF_INET:
        return address[4:8]
    return address[8:24] if family == socket.AF_INET6 and len(address) >= 24 else b""


_TIMESPEC, _TIMESPEC_32 = struct.Struct("=qq"), struct.Struct("=ii")


def _software_timestamp(data: bytes) -> int | None:
    """The first of three `struct timespec`: zero when this one is not a software timestamp."""
    layout = _TIMESPEC if len(data) >= 3 * _TIMESPEC.size else _TIMESPEC_32
    if len(data) < layout.size:
        return None
    seconds, nanoseconds = layout.unpack_from(data)
    return seconds * NANOSECONDS + nanoseconds or None

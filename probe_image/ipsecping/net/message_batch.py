"""Many datagrams from one socket in one system call: recvmmsg(2), for which Python has no function.

Taken one at a time, a datagram costs a system call, a copy and a dozen objects; here, the kernel writes into
slots of fixed size, which are unpacked all in one go.
"""

import ctypes
import errno
import mmap
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from struct import Struct
from typing import Any, Literal, NamedTuple

from ..addresses import without_zone
from . import timestamping
from .host_calls import HostRefused
from .timestamping import MSG_ERRQUEUE, ORIGIN_TIMESTAMPING, SO_TIMESTAMPING

SLOTS = 128
"""Datagrams taken at once."""

_NAME, _CONTROL = 32, 192
_DATA = 65_536 + 64
"""Bytes of a slot: room for any datagram, and a little more, so that slots do not all compete for the same
lines of the processor's cache."""

_ENDIAN: Literal["little", "big"] = sys.byteorder
_WORD = Struct("@N").size

_DONTWAIT = int(socket.MSG_DONTWAIT)  # the enumeration computes slowly
_SOL_SOCKET = int(socket.SOL_SOCKET)
_IOVEC = Struct("@PN")
_MESSAGE = Struct("@PIPNPNi0PI0P")
"""`struct mmsghdr`: name and its length, iovec and their number, control and its length, flags; length."""
_TAKEN = Struct(f"@{5 * Struct('P').size}xN4x0PI0P")
"""What the kernel wrote of it: length of the control data, length of the datagram."""
_SOURCE = Struct(f"28s{_NAME - 28}x")
"""`struct sockaddr_in6`; of a `struct sockaddr_in`, which is shorter, the rest stays as it was: zero."""
_NO_NAMES = bytes(SLOTS * _NAME)


def _slot(layout: str) -> Struct:
    return Struct(f"{layout}{_CONTROL - Struct(layout).size}x")


_LONGS, _HEADER = 4 * Struct("@l").size, Struct("@Nii").size
_STAMP = _slot(f"@{_WORD}xiill")
"""`struct cmsghdr` (its level and type) and the first of three `struct timespec`."""
_DEPARTURE = _slot(f"@{_WORD}xiill{_LONGS}x0P{_HEADER}x4xB7xI")
"""The same, and behind the other two a `struct sock_extended_err`: its origin and data."""
_REQUEST_LAYOUT = {
    socket.AF_INET: "@Niill4l0PNii8x4s0PNiii0PNiiB0P",
    socket.AF_INET6: "@Niill4l0PNii16s4x0PNiii0PNiii0P",
}
"""Timestamp, address asked (`struct in_pktinfo`, `struct in6_pktinfo`), TTL and traffic class, in the order
of net/socket.c, net/ipv4/ip_sockglue.c and net/ipv6/datagram.c."""
_REQUEST = {family: _slot(layout) for family, layout in _REQUEST_LAYOUT.items()}
_REQUEST_KINDS = {
    socket.AF_INET: (SO_TIMESTAMPING, timestamping.IP_PKTINFO, socket.IP_TTL, socket.IP_TOS),
    socket.AF_INET6: (SO_TIMESTAMPING, socket.IPV6_PKTINFO, socket.IPV6_HOPLIMIT, socket.IPV6_TCLASS),
}
_CONTROL_HEADER = Struct("@Nii")

SocketAddress = tuple[Any, ...]
"""As the socket module has it: (address, port), for IPv6 also flow label and zone."""

Arrival = tuple[bytes, bytes, int | None]
"""A datagram: where it comes from (as `raw_address` gives it), what it holds, and when it came by the kernel,
CLOCK_REALTIME in nanoseconds. Plain, as there are so many of them."""
Departure = tuple[int, int | None]
"""A packet's place in the order of sending on its socket, from 0, and when it left by the kernel."""

_new = tuple.__new__  # a NamedTuple's own constructor costs a call more


class Asked(NamedTuple):
    """A datagram to be answered."""

    source: bytes
    """As `raw_address` gives it."""
    data: bytes
    ancillary: timestamping.Ancillary


class Refusal(NamedTuple):
    """An error of the network about a packet."""

    target: bytes
    """Whom it was sent to."""
    quote: bytes
    """As much of it as came back."""
    error: timestamping.ExtendedError


def raw_address(family: int, target: SocketAddress) -> bytes:
    """A socket address as `Arrival.source` has it; for IPv6 without the flow label."""
    address, port = without_zone(str(target[0])), int(target[1])
    packed = family.to_bytes(2, _ENDIAN) + port.to_bytes(2, "big")
    if family == socket.AF_INET6:
        zone = int(target[3]) if len(target) > 3 else 0
        packed += bytes(4) + socket.inet_pton(family, address) + zone.to_bytes(4, _ENDIAN)
    else:
        packed += socket.inet_pton(family, address)
    return packed.ljust(28, b"\0")


def socket_address(source: bytes) -> SocketAddress:
    """The inverse of `raw_address`, as the socket module has it."""
    port = int.from_bytes(source[2:4], "big")
    if int.from_bytes(source[:2], _ENDIAN) == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, source[4:8]), port
    zone = int.from_bytes(source[24:28], _ENDIAN)
    address = socket.inet_ntop(socket.AF_INET6, source[8:24])
    return (f"{address}%{zone}" if zone else address), port, 0, zone


class MessageBatch:
    """Buffers for one `receive` after the other, of any sockets of one thread.

    Each result is a copy: the next call may come at any time.
    """

    def __init__(self) -> None:
        """Raises HostRefused where the system has no recvmmsg, or a sandbox forbids it."""
        self._recvmmsg = _find_recvmmsg()
        self._names = bytearray(SLOTS * _NAME)
        self._controls = bytearray(SLOTS * _CONTROL)
        self._data = _untouched(SLOTS * _DATA)
        iovecs = bytearray(SLOTS * _IOVEC.size)
        self._messages = bytearray(SLOTS * _MESSAGE.size)
        self._at = _address(self._messages)
        self._pointed_to = iovecs
        names, controls, vectors = _address(self._names), _address(self._controls), _address(iovecs)
        data = _address(self._data)
        for i in range(SLOTS):
            _IOVEC.pack_into(iovecs, i * _IOVEC.size, data + i * _DATA, _DATA)
            _MESSAGE.pack_into(
                self._messages, i * _MESSAGE.size, names + i * _NAME, _NAME, vectors + i * _IOVEC.size, 1,
                controls + i * _CONTROL, _CONTROL, 0, 0,
            )  # fmt: skip
        self._fresh = bytes(self._messages)
        self._try()

    def arrivals(self, sock: socket.socket) -> list[Arrival]:
        """Datagrams that have come, at most `SLOTS`, in order; without waiting. Raises OSError."""
        data, count = self._data, self._receive(sock, 0)
        return [
            (
                source,
                data[at : at + size],
                seconds * 1_000_000_000 + nanoseconds or None
                if held and kind == SO_TIMESTAMPING and level == _SOL_SOCKET
                else None,
            )
            for (source,), (held, size), (level, kind, seconds, nanoseconds), at in zip(
                _SOURCE.iter_unpack(memoryview(self._names)[: count * _NAME]),
                _TAKEN.iter_unpack(memoryview(self._messages)[: count * _MESSAGE.size]),
                _STAMP.iter_unpack(memoryview(self._controls)[: count * _CONTROL]),
                range(0, count * _DATA, _DATA),
                strict=True,
            )
        ]

    def requests(self, sock: socket.socket) -> list[Asked]:
        """The same with all that a reflector wants to know of them."""
        data, found = self._data, []
        count, family = self._receive(sock, 0), sock.family
        usual = (Struct(_REQUEST_LAYOUT[family]).size, *_REQUEST_KINDS[family])
        for (source,), (held, size), control, number in zip(
            _SOURCE.iter_unpack(memoryview(self._names)[: count * _NAME]),
            _TAKEN.iter_unpack(memoryview(self._messages)[: count * _MESSAGE.size]),
            _REQUEST[family].iter_unpack(memoryview(self._controls)[: count * _CONTROL]),
            range(count),
            strict=True,
        ):
            (_, _, first, seconds, nanoseconds, _, _, _, _, _, _, second, local,
             _, _, third, ttl, _, _, fourth, traffic_class) = control  # fmt: skip
            if (held, first, second, third, fourth) == usual:
                stamp = seconds * 1_000_000_000 + nanoseconds or None
                ancillary = _new(timestamping.Ancillary, (stamp, None, ttl, local, traffic_class))
            else:
                ancillary = timestamping.parse_ancillary(self._control(number, held))
            at = number * _DATA
            found.append(_new(Asked, (source, data[at : at + size], ancillary)))
        return found

    def error_queue(self, sock: socket.socket) -> tuple[list[Departure], list[Refusal]]:
        """What stands in the error queue, at most `SLOTS` entries in order. Raises OSError."""
        departures, refusals = list[Departure](), list[Refusal]()
        count = self._receive(sock, MSG_ERRQUEUE)
        for number, (level, kind, seconds, nanoseconds, origin, place) in enumerate(
            _DEPARTURE.iter_unpack(memoryview(self._controls)[: count * _CONTROL])
        ):
            if origin == ORIGIN_TIMESTAMPING and kind == SO_TIMESTAMPING and level == _SOL_SOCKET:
                departures.append((place, seconds * 1_000_000_000 + nanoseconds or None))
            elif (refusal := self._refusal(number)) is not None:
                refusals.append(refusal)
        return departures, refusals

    def _try(self) -> None:
        """Call it where nothing can come: later, its errors are taken for those of packets."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            try:
                self._receive(sock, 0)
            except OSError as error:
                raise HostRefused("recvmmsg()", error) from error

    def _receive(self, sock: socket.socket, flags: int) -> int:
        self._messages[:] = self._fresh
        self._names[:] = _NO_NAMES  # a socket of the other family may have left longer ones
        count = int(self._recvmmsg(sock.fileno(), self._at, SLOTS, flags | _DONTWAIT, None))
        if count >= 0:
            return count
        number = ctypes.get_errno()
        if number in (errno.EAGAIN, errno.EINTR):
            return 0
        raise OSError(number, os.strerror(number))

    def _refusal(self, number: int) -> Refusal | None:
        """Any other entry than a send timestamp, the long way."""
        held, size = _TAKEN.unpack_from(self._messages, number * _MESSAGE.size)
        error = timestamping.parse_ancillary(self._control(number, held)).error
        if error is None or error.is_send_timestamp:
            return None
        (target,) = _SOURCE.unpack_from(self._names, number * _NAME)
        return Refusal(target, self._data[number * _DATA : number * _DATA + size], error)

    def _control(self, number: int, held: int) -> Iterator[tuple[int, int, bytes]]:
        return _items(bytes(self._controls[number * _CONTROL : number * _CONTROL + held]))


def _items(control: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Control data as `socket.recvmsg` has it."""
    at = 0
    while at + _CONTROL_HEADER.size <= len(control):
        length, level, kind = _CONTROL_HEADER.unpack_from(control, at)
        if not _CONTROL_HEADER.size <= length <= len(control) - at:
            return
        yield level, kind, control[at + _CONTROL_HEADER.size : at + length]
        at += -(-length // _WORD) * _WORD


def _untouched(size: int) -> mmap.mmap:
    """Memory that takes no room until a datagram reaches it."""
    memory = mmap.mmap(-1, size)
    with suppress(OSError):  # a kernel without large pages
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    return memory


def _address(buffer: bytearray | mmap.mmap) -> int:
    return ctypes.addressof((ctypes.c_char * len(buffer)).from_buffer(buffer))


def _find_recvmmsg() -> Any:
    try:
        found = ctypes.CDLL(None, use_errno=True).recvmmsg
    except AttributeError:
        raise OSError(errno.ENOSYS, "this system has no recvmmsg: probes need Linux") from None
    found.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
    return found

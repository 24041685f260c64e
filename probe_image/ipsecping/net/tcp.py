"""A TCP connection: non-blocking, fair to others of the event loop, and bounded in what it takes in."""

import asyncio
import errno
import fcntl
import os
import socket
import struct
import termios
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, Protocol

from ..addresses import parse_address
from ..contract import LossReason
from ..contract.refused_packets import IcmpError
from . import timestamping
from .clocks import Clock
from .errors import icmp_error_of, reason_of, reason_of_extended_error
from .host_calls import new_socket, set_option
from .misaddressed import misaddressed
from .sender import DEFAULT, Sender

CHUNK = 16_384
"""Bytes taken at once."""
MAX_OCTETS = 262_144
"""Bytes that an exchange takes from the target, TLS's own included."""
UNPACED_READS = 64
"""So many times an exchange reads as soon as something comes. A target that sends byte by byte would wake
us for each, so from then on it is read at intervals."""
PACE_SECONDS = 0.01
"""These intervals."""

_BROKEN_OFF = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED})
NO_LINGER = struct.pack("=ii", 1, 0)
"""For SO_LINGER: close by a reset."""
# struct tcp_info (linux/tcp.h): 8 bytes of flags, then 32-bit fields.
_TCP_INFO_RTT_AT = 68
_TCP_INFO_TOTAL_RETRANS_AT = 100
_TCP_INFO_SIZE = 104


class ExchangeFailed(Exception):
    """An exchange failed: `reason` is the path's or the target's, None when this host is at fault."""

    def __init__(self, reason: LossReason | None, message: str, error: IcmpError | None = None) -> None:
        """`error`: the ICMP error that says so, where there is one."""
        super().__init__(message)
        self.reason = reason
        self.error = error


class Channel(Protocol):
    """Bytes there and back: a TCP connection or TLS upon one. Both raise ExchangeFailed."""

    async def send(self, data: bytes) -> int:
        """Send all of it; return when that was done (`SocketStream.sent`)."""

    async def receive(self) -> "Chunk":
        """What has come, at least one byte; none when the target has ended. Lets others run in between."""

    async def end(self) -> None:
        """Send no more; what was sent still arrives."""


class Chunk(NamedTuple):
    """Bytes, and when they came."""

    data: bytes
    at: int
    """See `SocketStream.came`."""


class SocketStream:
    """See Channel: over a connected or connecting socket, which it takes over. Belongs to one event loop."""

    def __init__(
        self,
        sock: socket.socket,
        *,
        peer: bytes = b"",
        most: int | None = None,
        stamped: bool = False,
        clock: Clock | None = None,
    ) -> None:
        """`peer`: the address of the target, in 4 or 16 bytes; `most`: bytes taken in all; `stamped`: the
        kernel says when they came."""
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._descriptor = sock.fileno()
        self._peer = peer
        self._most = most
        self._closed = False
        self._reads = self._octets = 0
        self._clock = (clock or Clock()) if stamped else None
        self.begun = self.came = self._now()
        """`begun`: when this was made, monotonic nanoseconds. `came`: when the newest bytes came: by the
        kernel, where it says so, and less the time that this host let pass before it sent what they may
        answer. Neither reading late nor that is time of the path or the target."""
        self.sent = self._sent_at = self.begun
        """`sent`: when the last was sent, less the time that this host let pass before."""
        self._held = self._held_before = 0
        """Nanoseconds let pass in all, and before what the newest bytes may answer."""
        self._holds: deque[tuple[int, int]] = deque()
        """Those that are not among the latter: when each ended, and its length."""
        self._unanswered: int | None = None

    async def send(self, data: bytes) -> int:
        """See Channel."""
        if self._unanswered is not None:
            now = self._now()
            # What came before the last send is not waited for twice.
            held = now - max(self._unanswered, self._sent_at)
            self._holds.append((now, held))
            self._held += held
            self._sent_at, self._unanswered = now, None
        await self._send(data)
        self.sent = self._now() - self._held
        return self.sent

    async def _send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._sock.send(rest) :]
            except BlockingIOError:
                await self._writable()
            except OSError as error:
                raise self._failure(error) from error

    async def receive(self, most: int = CHUNK) -> Chunk:
        """See Channel: at most so many bytes."""
        await self._pause()
        while True:
            try:
                data = self._take(most)
            except BlockingIOError:
                await self._readable()
            except OSError as error:
                raise self._failure(error) from error
            else:
                self._octets += len(data)
                if self._most is not None and self._octets > self._most:
                    raise ExchangeFailed(
                        LossReason.BAD_ANSWER, f"the target sent more than {self._most} bytes"
                    )
                return Chunk(data, self.came)

    def _take(self, most: int) -> bytes:
        """Read, and note when it came. Raises OSError."""
        clock = self._clock
        if clock is None:
            data = self._sock.recv(most)
            self._came(self._now())
            return data
        data, items, _, _ = self._sock.recvmsg(most, timestamping.ANCILLARY_SIZE)
        now, stamp = clock.read().monotonic, timestamping.parse_ancillary(items).timestamp
        at = now if stamp is None or clock.steps else stamp - clock.offset
        self._came(at if self.begun <= at <= now else now)
        return data

    def _came(self, at: int) -> None:
        """Note when bytes came: those that were here before something was sent have not waited for it."""
        while self._holds and self._holds[0][0] <= at:
            self._held_before += self._holds.popleft()[1]
        self._unanswered, self.came = at, at - self._held_before

    def _now(self) -> int:
        return time.monotonic_ns() if self._clock is None else self._clock.now()

    async def end(self) -> None:
        """See Channel."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    def cut_off(self) -> None:
        """Close the socket, and give up what the target has not taken: it would keep the kernel at it."""
        if self._closed:
            return
        unsent = fcntl.ioctl(self._descriptor, termios.TIOCOUTQ, bytes(4))
        if any(unsent):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self.close()

    def close(self) -> None:
        """Close the socket; may be called more than once, and while somebody waits."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._descriptor)
            self._loop.remove_writer(self._descriptor)
            self._sock.close()

    async def _pause(self) -> None:
        """Between two reads, whatever waits: the timeout and other probes must have their turn."""
        self._reads += 1
        if self._reads > 1:
            await asyncio.sleep(0 if self._reads <= UNPACED_READS else PACE_SECONDS)

    async def _readable(self) -> None:
        await self._event(self._loop.add_reader, self._loop.remove_reader)

    async def _writable(self) -> None:
        await self._event(self._loop.add_writer, self._loop.remove_writer)

    async def _event(self, add: Callable[..., object], remove: Callable[..., object]) -> None:
        event = asyncio.Event()
        add(self._descriptor, event.set)
        try:
            await event.wait()
        finally:
            if not self._closed:
                remove(self._descriptor)

    def _failure(self, error: OSError) -> ExchangeFailed:
        """Why it failed: by the ICMP error if there is one (Linux 6.2 and up), which says more than errno."""
        message = error.strerror or str(error)
        if error.errno in _BROKEN_OFF:
            return ExchangeFailed(LossReason.BAD_ANSWER, "the target reset the connection")
        if error.errno == errno.ETIMEDOUT:
            return ExchangeFailed(LossReason.TIMEOUT, message)
        try:
            _, items, _, _ = self._sock.recvmsg(0, timestamping.ANCILLARY_SIZE, timestamping.MSG_ERRQUEUE)
        except OSError:
            return ExchangeFailed(reason_of(error), message)
        said = timestamping.parse_ancillary(items).error
        reason = None if said is None else reason_of_extended_error(said, self._peer)
        if said is None or reason is None:
            return ExchangeFailed(reason_of(error), message)
        return ExchangeFailed(reason, message, icmp_error_of(said, at=time.monotonic_ns()))


class Stream(SocketStream):
    """A connection to a target for one exchange, closed without a trace. Opening it sends the SYN."""

    def __init__(self, address: str, port: int, *, sender: Sender = DEFAULT, talks: bool = True) -> None:
        """`talks`: more than the connection itself is asked for. Raises OSError when the path or this host
        refuses at once."""
        numeric = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        family, _, _, _, target = numeric[0]
        sock = new_socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            set_option(sock, socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # A reset instead of a FIN on close: an orderly one leaves each connection in TIME_WAIT for a
            # minute, and so a port of this host used up.
            set_option(sock, socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            timestamping.enable_errors(sock)
            sender.prepare(sock)
            number = sock.connect_ex(target)
            if number not in (0, errno.EINPROGRESS):
                raise misaddressed(OSError(number, os.strerror(number)), sock, target)
            stamped = talks and timestamping.enable_timestamps(sock, timestamping.RECEIVE_ONLY)
            super().__init__(sock, peer=parse_address(address).packed, most=MAX_OCTETS, stamped=stamped)
        except BaseException:
            sock.close()
            raise

    async def connected(self) -> int:
        """Wait for the SYN's answer; the monotonic time when it was noticed. Raises ExchangeFailed."""
        await self._writable()
        now = time.monotonic_ns()
        number = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        # A server that resets what it has just accepted has answered the SYN.
        if number not in (0, *_BROKEN_OFF):
            raise self._failure(OSError(number, os.strerror(number)))
        rtt = self.connect_rtt() if self._clock is not None else None
        self._came(now if rtt is None else min(self.begun + rtt, now))
        return now

    def connect_rtt(self) -> int | None:
        """SYN to SYN-ACK as the kernel took it, nanoseconds (in whole microseconds).

        Only before anything is sent. None when the SYN had to be sent again, or the kernel does not say.
        """
        try:
            info = self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
        except OSError:  # a sandbox
            return None
        if len(info) < _TCP_INFO_SIZE:
            return None
        (microseconds,) = struct.unpack_from("=I", info, _TCP_INFO_RTT_AT)
        (sent_again,) = struct.unpack_from("=I", info, _TCP_INFO_TOTAL_RETRANS_AT)
        return None if sent_again or not microseconds else microseconds * 1000

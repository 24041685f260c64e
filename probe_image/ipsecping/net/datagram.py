"""A connected datagram socket that says when packets left and arrived, and which ones the path refused."""

import errno
import socket
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, NamedTuple

from ..contract import LossReason
from . import timestamping
from .clocks import Clock
from .drops import DropWatch, read_receive_buffer_errors
from .dscp import set_dscp
from .errors import reason_of_errno, reason_of_extended_error

MAX_BATCH = 256
"""Messages taken per call from each of the two queues."""
_RECEIVE_BUFFER = 1 << 20
_MAX_DATAGRAM = 65_535
_TRANSIENT = (BlockingIOError, InterruptedError)


class PingForbidden(Exception):
    """This user may not open ping sockets; the message says which setting allows it."""


class Departure(NamedTuple):
    """A packet left. Monotonic nanoseconds, by the kernel."""

    key: int
    """What `send` returned for it."""
    at: int


class Arrival(NamedTuple):
    """A packet came in."""

    data: bytes
    at: int | None
    """Monotonic nanoseconds by the kernel; None when it gave no stamp or the clock was stepped meanwhile."""


class Refusal(NamedTuple):
    """A packet of ours was refused on the way."""

    quote: bytes
    """As much of the packet as the refusing router sent back, perhaps nothing."""
    reason: LossReason


class Batch(NamedTuple):
    """What has come since the last call; read at `read_at` (monotonic nanoseconds)."""

    read_at: int
    departures: list[Departure]
    refusals: list[Refusal]
    arrivals: list[Arrival]


class SendError(Exception):
    """A packet did not leave. `reason` is the path's; None when this host is at fault."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        self.reason: LossReason | None = reason_of_errno(error.errno)


class DatagramSocket:
    """Non-blocking; the owner waits for readability of `fileno()` and then calls `receive`."""

    def __init__(self, sock: socket.socket, clock: Clock, *, confirm_drops: bool) -> None:
        self._sock = sock
        self._clock = clock
        self._steps = clock.steps
        self._sent = 0
        self._peer = b""
        sock.setblocking(False)
        timestamping.enable_timestamps(sock, timestamping.SEND_AND_RECEIVE)
        timestamping.enable_errors(sock)
        with suppress(OSError):  # the system's limit holds then
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        self._drops = DropWatch(sock, confirm=read_receive_buffer_errors if confirm_drops else None)

    def connect(self, target: tuple[Any, ...]) -> None:
        """Send to and receive from this socket address only. Raises OSError."""
        self._sock.connect(target)
        self._peer = ip_address(target[0].partition("%")[0]).packed

    def fileno(self) -> int:
        """For the event loop."""
        return self._sock.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    def overflowed(self) -> bool:
        """Whether the receive queue has overflowed since the previous call."""
        return self._drops.overflowed()

    def send(self, data: bytes) -> int:
        """Send; returns the key of the packet's Departure. Raises SendError.

        An ICMP error about an earlier packet also fails the next call: that one is tried again.
        """
        try:
            self._sock.send(data)
        except OSError as first:
            try:
                if first.errno in (errno.ENOBUFS, errno.ENOMEM, errno.EMSGSIZE):
                    raise
                self._sock.send(data)
            except OSError as error:
                self._restart_numbering()
                raise SendError(error) from error
        key = self._sent
        self._sent += 1
        return key

    def receive(self) -> Batch:
        """All that has come. Send times first, so that they are known when the answer is looked at."""
        departures: list[tuple[int, int]] = []
        refusals: list[Refusal] = []
        arrivals: list[tuple[bytes, int | None]] = []
        for _ in range(MAX_BATCH):
            message = self._message(timestamping.MSG_ERRQUEUE)
            if message is None:
                break
            data, ancillary = message
            error = ancillary.error
            if error is None:
                continue
            if error.is_send_timestamp:
                if ancillary.timestamp is not None:
                    departures.append((error.data, ancillary.timestamp))
            elif reason := reason_of_extended_error(error, self._peer):
                refusals.append(Refusal(data, reason))
        for _ in range(MAX_BATCH):
            message = self._message(0)
            if message is None:
                break
            arrivals.append((message[0], message[1].timestamp))
        return self._on_monotonic_clock(departures, refusals, arrivals)

    def _on_monotonic_clock(
        self,
        departures: list[tuple[int, int]],
        refusals: list[Refusal],
        arrivals: list[tuple[bytes, int | None]],
    ) -> Batch:
        """Convert the stamps; after a step of the clock, those of this batch may be from before it."""
        read_at = self._clock.read().monotonic
        stepped = self._clock.steps != self._steps
        self._steps = self._clock.steps
        convert = self._clock.to_monotonic
        return Batch(
            read_at,
            [] if stepped else [Departure(key, convert(stamp)) for key, stamp in departures],
            refusals,
            [Arrival(data, None if stepped or stamp is None else convert(stamp)) for data, stamp in arrivals],
        )

    def _message(self, flags: int) -> tuple[bytes, timestamping.Ancillary] | None:
        """One message, or None when the queue is empty."""
        for _ in range(MAX_BATCH):
            try:
                data, items, _, _ = self._sock.recvmsg(_MAX_DATAGRAM, timestamping.ANCILLARY_SIZE, flags)
            except _TRANSIENT:
                return None
            except OSError:  # an ICMP error, which also stands in the error queue
                if flags:
                    return None
                continue
            return data, timestamping.parse_ancillary(items)
        return None

    def _restart_numbering(self) -> None:
        """A failed send may or may not have taken a key: have both sides count from 0 again."""
        with suppress(OSError):
            timestamping.enable_timestamps(self._sock, timestamping.SEND_AND_RECEIVE)
        self._sent = 0


def open_udp(address: str, port: int, clock: Clock, *, dscp: int = 0) -> DatagramSocket:
    """A socket connected to an IP address and port. Raises OSError (no route, no memory, ...)."""
    return _open(address, port, 0, clock, dscp=dscp, confirm_drops=True)


def open_ping(address: str, clock: Clock, *, dscp: int = 0) -> DatagramSocket:
    """An unprivileged ICMP or ICMPv6 echo socket. Raises PingForbidden and OSError."""
    ipv6 = ip_address(address.partition("%")[0]).version == 6
    protocol = socket.IPPROTO_ICMPV6 if ipv6 else socket.IPPROTO_ICMP
    try:
        return _open(address, 0, protocol, clock, dscp=dscp, confirm_drops=False)
    except PermissionError as error:
        raise PingForbidden(
            "ICMP needs ping sockets, which this group may not open: allow them with "
            "sysctl -w net.ipv4.ping_group_range='0 2147483647' "
            "(in a pod: securityContext.sysctls; it is a safe sysctl)"
        ) from error


def _open(
    address: str, port: int, protocol: int, clock: Clock, *, dscp: int, confirm_drops: bool
) -> DatagramSocket:
    numeric = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
    family, _, _, _, target = numeric[0]
    sock = socket.socket(family, socket.SOCK_DGRAM, protocol)
    try:
        set_dscp(sock, dscp)
        made = DatagramSocket(sock, clock, confirm_drops=confirm_drops)
        made.connect(target)
    except BaseException:
        sock.close()
        raise
    return made

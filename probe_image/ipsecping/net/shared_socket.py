"""One unconnected datagram socket for many far ends: when packets left and arrived, which were refused.

A socket of its own for each far end would cost a wake-up and several system calls for each packet. Here, all
that has come is taken in one go and handed to the flow it belongs to, by the address it comes from.
"""

import asyncio
import errno
import socket
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, Protocol

from ..contract import LossReason
from . import timestamping
from .clocks import Clock
from .drops import DropWatch, read_receive_buffer_errors
from .errors import reason_of_errno, reason_of_extended_error

MAX_BATCH = 256
"""Arrivals taken per wake-up, before others get their turn."""
MAX_AWAITED = 8192
"""Packets whose send timestamp is awaited."""
_RECEIVE_BUFFER = 4 << 20
_MAX_DATAGRAM = 65_535
_MAX_QUOTE = 2048
"""More than an ICMP error quotes of a packet (RFC 1812 section 4.3.2.3, RFC 4443 section 2.4)."""
_ERROR_QUEUE = timestamping.MSG_ERRQUEUE
_TRANSIENT = (BlockingIOError, InterruptedError)

SocketAddress = tuple[Any, ...]
"""As the socket module has it: (address, port), for IPv6 also flow label and zone."""


class Leaving(Protocol):
    """A packet, to be told when it left."""

    departed_at: int | None
    """Monotonic nanoseconds, by the kernel."""


class Receiver(Protocol):
    """Owns a flow."""

    def arrived(self, data: bytes, at: int | None, read_at: int) -> None:
        """A datagram came from the far end.

        `at` by the kernel, None when it gave no stamp or the clock was stepped meanwhile; read at `read_at`
        (monotonic nanoseconds).
        """

    def refused(self, quote: bytes, reason: LossReason) -> None:
        """A packet was refused on the way: `quote` is as much of it as was sent back, perhaps nothing."""


class SendError(Exception):
    """A packet did not leave. `reason` is the path's; None when this host is at fault."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        self.reason: LossReason | None = reason_of_errno(error.errno)


class Flow:
    """One far end's share of a shared socket."""

    __slots__ = ("_overflows", "_shared", "receiver", "target")

    def __init__(self, shared: "SharedSocket", target: SocketAddress) -> None:
        self._shared = shared
        self._overflows = shared.overflows
        self.target = target
        self.receiver: Receiver | None = None
        """Told of all that comes; None: nobody is."""

    @property
    def local_port(self) -> int:
        """The port (of a ping socket: the identifier) that packets are sent from; 0 before the first."""
        return self._shared.local_port

    def send(self, data: bytes, packet: Leaving) -> None:
        """Send one datagram; `packet` is told when it left. Raises SendError."""
        self._shared.send(data, self.target, packet)

    def drain(self) -> None:
        """Take in all that has come on the socket, for whichever flow."""
        self._shared.drain()

    def overflowed(self) -> bool:
        """Whether the socket's receive queue has overflowed since the previous call."""
        self._shared.look_for_overflow()
        before, self._overflows = self._overflows, self._shared.overflows
        return self._overflows != before

    def forget_overflows(self) -> None:
        """Nothing is under way: what the queue has dropped so far was not ours."""
        self._overflows = self._shared.overflows

    def close(self) -> None:
        """Give the share back."""
        self.receiver = None
        self._shared.remove(self)


class SharedSocket:
    """Reads itself whenever the running event loop finds it readable; closes itself after its last flow."""

    def __init__(self, sock: socket.socket, clock: Clock, *, confirm_drops: bool) -> None:
        """Takes `sock` over. `confirm_drops` as in DropWatch: for UDP. Raises OSError."""
        self._sock = sock
        self._clock = clock
        self._steps = clock.steps
        self._flows: dict[SocketAddress, Flow] = {}
        self._used: set[SocketAddress] = set()
        self._awaited: dict[int, Leaving] = {}
        self._sent = 0
        self._departures: list[tuple[Leaving, int]] = []
        self._refusals: list[tuple[SocketAddress, bytes, LossReason]] = []
        self._buffer = bytearray(_MAX_DATAGRAM)
        self._buffers = [self._buffer]
        self._view = memoryview(self._buffer)
        self.overflows = 0
        """How often the receive queue was found to have overflowed."""
        self.closed = False
        sock.setblocking(False)
        timestamping.enable_timestamps(sock, timestamping.SEND_AND_RECEIVE)
        timestamping.enable_errors(sock)
        with suppress(OSError):  # the system's limit holds then
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        self._drops = DropWatch(sock, confirm=read_receive_buffer_errors if confirm_drops else None)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock.fileno(), self.drain)

    @property
    def local_port(self) -> int:
        """See Flow."""
        port: int = self._sock.getsockname()[1]
        return port

    def __len__(self) -> int:
        return len(self._flows)

    def has_served(self, target: SocketAddress) -> bool:
        """Whether packets of this socket went to `target`: a new session needs another source port."""
        return target in self._used

    @property
    def targets_served(self) -> int:
        """How many far ends it has served up to now."""
        return len(self._used)

    def add(self, target: SocketAddress) -> Flow:
        """A flow to a far end that this socket has not served yet."""
        if target in self._used:
            raise ValueError(f"{target}: the socket has served it before")
        self._used.add(target)
        flow = self._flows[target] = Flow(self, target)
        return flow

    def remove(self, flow: Flow) -> None:
        """End a flow; the last one closes the socket."""
        if self._flows.get(flow.target) is flow:
            del self._flows[flow.target]
        if not self._flows:
            self.close()

    def close(self) -> None:
        """Close the socket; its flows get nothing more."""
        if not self.closed:
            self.closed = True
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()

    def look_for_overflow(self) -> None:
        """Count a new overflow of the receive queue, if there was one."""
        self.overflows += self._drops.overflowed()

    def send(self, data: bytes, target: SocketAddress, packet: Leaving) -> None:
        """See Flow."""
        try:
            self._sock.sendto(data, target)
        except OSError as error:
            self._send_again(error, data, target)
        awaited, key = self._awaited, self._sent
        awaited[key] = packet
        self._sent = key + 1 & 0xFFFFFFFF
        if len(awaited) > MAX_AWAITED:  # a driver that gives no send timestamps
            del awaited[next(iter(awaited))]

    def drain(self) -> None:
        """Take in all that has come, and tell the flows.

        Send times first, so that they are known when an answer is looked at. The error queue is read only
        when it can hold something: stamps that are awaited, or errors, which also fail a read.
        """
        if self.closed:
            return
        if self._awaited:
            self._read_errors(until_stamped=True)
        arrivals: list[tuple[SocketAddress, bytes, list[tuple[int, int, bytes]]]] = []
        receive, view, buffers = self._sock.recvmsg_into, self._view, self._buffers
        for _ in range(MAX_BATCH):
            try:
                size, items, _, source = receive(buffers, timestamping.RECEIVE_ANCILLARY_SIZE)
            except _TRANSIENT:
                break
            except OSError:  # an ICMP error, which also stands in the error queue
                self._read_errors()
            else:
                arrivals.append((source, bytes(view[:size]), items))
        if not (arrivals or self._departures or self._refusals):
            self._read_errors()  # what woke us must be taken, or it wakes us for ever
        self._hand_out(arrivals)

    def _hand_out(self, arrivals: list[tuple[SocketAddress, bytes, list[tuple[int, int, bytes]]]]) -> None:
        """Put the stamps on the monotonic clock; after a step, those of this batch may be from before it."""
        read_at = self._clock.read().monotonic
        stepped, self._steps = self._clock.steps != self._steps, self._clock.steps
        offset = self._clock.offset
        departures, self._departures = self._departures, []
        refusals, self._refusals = self._refusals, []
        if not stepped:
            for packet, stamp in departures:
                packet.departed_at = stamp - offset
        flows = self._flows
        for source, quote, reason in refusals:
            flow = flows.get(source)
            if flow is not None and flow.receiver is not None:
                flow.receiver.refused(quote, reason)
        for source, data, items in arrivals:
            flow = flows.get(source)
            if flow is not None and flow.receiver is not None:
                arrived = None if stepped else timestamping.software_timestamp(items)
                flow.receiver.arrived(data, None if arrived is None else arrived - offset, read_at)

    def _read_errors(self, *, until_stamped: bool = False) -> None:
        """Take the error queue in, or only as much of it as holds the stamps that are awaited."""
        awaited, receive = self._awaited, self._sock.recvmsg
        # Not one by one with the arrivals: an answer must not be looked at before its packet's send time.
        for _ in range(MAX_AWAITED):
            if until_stamped and not awaited:
                return
            try:
                data, items, _, source = receive(_MAX_QUOTE, timestamping.ANCILLARY_SIZE, _ERROR_QUEUE)
            except OSError:
                return
            left = timestamping.departure(items)
            if left is not None:
                packet = awaited.pop(left[0], None)
                if packet is not None and left[1] is not None:
                    self._departures.append((packet, left[1]))
                continue
            error = timestamping.parse_ancillary(items).error
            if error is not None and (reason := reason_of_extended_error(error, _octets(source))):
                self._refusals.append((source, data, reason))

    def _send_again(self, first: OSError, data: bytes, target: SocketAddress) -> None:
        """An ICMP error about an earlier packet also fails the next send: try again. Raises SendError."""
        self._restart_numbering()
        if first.errno in _HOPELESS:
            raise SendError(first) from first
        try:
            self._sock.sendto(data, target)
        except OSError as error:
            self._restart_numbering()
            raise SendError(error) from error

    def _restart_numbering(self) -> None:
        """A failed send may or may not have taken a number: have both sides count from 0 again."""
        self._read_errors()
        self._loop.call_soon(self.drain)  # hands out what this has taken
        self._awaited.clear()
        with suppress(OSError):
            timestamping.enable_timestamps(self._sock, timestamping.SEND_AND_RECEIVE)
        self._sent = 0


def _octets(address: SocketAddress) -> bytes:
    """Of whom a refused packet was sent to."""
    return ip_address(address[0].partition("%")[0]).packed


_HOPELESS = {errno.ENOBUFS, errno.ENOMEM, errno.EMSGSIZE}

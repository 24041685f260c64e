"""One unconnected datagram socket for many far ends: when packets left and arrived, which were refused.

A socket of its own for each far end would cost a wake-up and several system calls for each packet. Here, all
that has come is taken in one go and handed to the flow it belongs to, by the address it comes from. A socket
that is woken time and again is read at intervals instead: the kernel has stamped what waits there.
"""

import asyncio
import errno
import socket
import sys
from contextlib import suppress
from typing import Protocol

from ..contract import LossReason
from . import timestamping
from .clocks import Clock
from .drops import DropWatch, read_receive_buffer_errors
from .errors import reason_of_errno, reason_of_extended_error
from .message_batch import SLOTS, Arrival, MessageBatch, Refusal, SocketAddress, raw_address
from .timers import SLACK, running_timers

MAX_READS = 8
"""Batches taken per wake-up, before others get their turn."""
HOLD_OFF = SLACK
"""Woken again within so long (nanoseconds), a socket is read at this interval for as long as it is busy."""
MAX_AWAITED = 8192
"""Packets whose send timestamp is awaited."""
_RECEIVE_BUFFER = 4 << 20


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

    __slots__ = ("_overflows", "_shared", "key", "receiver", "target")

    def __init__(self, shared: "SharedSocket", target: SocketAddress, key: bytes) -> None:
        self._shared = shared
        self._overflows = shared.overflows
        self.target = target
        self.key = key
        """The target as a datagram's source names it."""
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
        """Take in all that has come on the socket, for whichever flow, unless it has just been done."""
        self._shared.drain_again()

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

    def __init__(
        self, sock: socket.socket, clock: Clock, batch: MessageBatch, *, confirm_drops: bool
    ) -> None:
        """Takes `sock` over. `confirm_drops` as in DropWatch: for UDP. Raises OSError."""
        self._sock = sock
        self._clock = clock
        self._batch = batch
        self._steps = clock.steps
        self._flows: dict[bytes, Flow] = {}
        self._used: set[bytes] = set()
        self._awaited: dict[int, Leaving] = {}
        self._sent = 0
        self._departures: list[tuple[Leaving, int]] = []
        self._refusals: list[Refusal] = []
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
        self._timers = running_timers()
        self._woken_at = self._drained_at = self._looked_at = 0
        self._watch()

    @property
    def local_port(self) -> int:
        """See Flow."""
        port: int = self._sock.getsockname()[1]
        return port

    def __len__(self) -> int:
        return len(self._flows)

    def has_served(self, target: SocketAddress) -> bool:
        """Whether packets of this socket went to `target`: a new session needs another source port."""
        return self._key(target) in self._used

    @property
    def targets_served(self) -> int:
        """How many far ends it has served up to now."""
        return len(self._used)

    def add(self, target: SocketAddress) -> Flow:
        """A flow to a far end that this socket has not served yet."""
        key = self._key(target)
        if key in self._used:
            raise ValueError(f"{target}: the socket has served it before")
        self._used.add(key)
        flow = self._flows[key] = Flow(self, target, key)
        return flow

    def remove(self, flow: Flow) -> None:
        """End a flow; the last one closes the socket."""
        if self._flows.get(flow.key) is flow:
            del self._flows[flow.key]
        if not self._flows:
            self.close()

    def close(self) -> None:
        """Close the socket; its flows get nothing more."""
        if not self.closed:
            self.closed = True
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()

    def look_for_overflow(self) -> None:
        """Count a new overflow of the receive queue, if there was one; unless that was done a moment ago."""
        now = self._clock.now()
        if now - self._looked_at > HOLD_OFF:
            self._looked_at = now
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

    def drain_again(self) -> None:
        """Drain, unless that was done a moment ago."""
        if self._clock.now() - self._drained_at > HOLD_OFF:
            self.drain()

    def drain(self) -> int:
        """Take in all that has come, and tell the flows. Returns how much there was."""
        self._drained_at = self._clock.now()
        arrivals: list[Arrival] = []
        for _ in range(MAX_READS):
            if self.closed:
                return 0
            try:
                some = self._batch.arrivals(self._sock)
            except OSError:  # an ICMP error, which also stands in the error queue
                self._read_errors()
                continue
            arrivals += some
            if len(some) < SLOTS:
                break
        # The error queue after the arrivals: what has been answered has left, so its send time stands there.
        # If nothing has come, something in there has woken us and must be taken, or it wakes us for ever.
        if self._awaited or not arrivals:
            self._read_errors()
        came = len(arrivals) + len(self._departures) + len(self._refusals)
        if came:
            self._hand_out(arrivals)
        return came

    def _watch(self) -> None:
        self._loop.add_reader(self._sock.fileno(), self._readable)

    def _readable(self) -> None:
        self.drain()
        before, self._woken_at = self._woken_at, self._clock.now()
        if self._woken_at - before < HOLD_OFF and not self.closed:
            self._loop.remove_reader(self._sock.fileno())
            self._timers.call_at(self._woken_at + 1, self._read_on, slack=HOLD_OFF)

    def _read_on(self) -> None:
        """Read at intervals, or at once where much comes, until nothing comes any more."""
        came = self.drain()
        if self.closed:
            return
        if came >= SLOTS:
            self._loop.call_soon(self._read_on)
        elif came:
            self._timers.call_at(self._clock.now() + 1, self._read_on, slack=HOLD_OFF)
        else:
            self._watch()

    def _hand_out(self, arrivals: list[Arrival]) -> None:
        """Put the stamps on the monotonic clock; after a step, those of this batch may be from before it."""
        read_at = self._clock.read().monotonic
        stepped, self._steps = self._clock.steps != self._steps, self._clock.steps
        offset = self._clock.offset
        departures, self._departures = self._departures, []
        refusals, self._refusals = self._refusals, []
        if not stepped:
            for packet, left in departures:
                packet.departed_at = left - offset
        flows = self._flows
        for target, quote, error in refusals:
            flow = flows.get(target)
            if flow is not None and flow.receiver is not None:
                reason = reason_of_extended_error(error, _octets(flow))
                if reason is not None:
                    flow.receiver.refused(quote, reason)
        for source, data, stamp in arrivals:
            flow = flows.get(source)
            if flow is not None and (receiver := flow.receiver) is not None:
                receiver.arrived(data, None if stepped or stamp is None else stamp - offset, read_at)

    def _read_errors(self) -> None:
        """Take the error queue in: send timestamps and errors."""
        awaited = self._awaited
        for _ in range(MAX_AWAITED // SLOTS):
            try:
                departures, refusals = self._batch.error_queue(self._sock)
            except OSError:
                return
            self._refusals += refusals
            self._departures += [
                (packet, stamp)
                for number, stamp in departures
                if (packet := awaited.pop(number, None)) is not None and stamp is not None
            ]
            if len(departures) + len(refusals) < SLOTS:
                return

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

    def _key(self, target: SocketAddress) -> bytes:
        return raw_address(self._sock.family, target)


def _octets(flow: Flow) -> bytes:
    """The address of a far end."""
    return flow.key[8:24] if flow.key[:2] == _INET6 else flow.key[4:8]


_INET6 = socket.AF_INET6.to_bytes(2, sys.byteorder)
_HOPELESS = {errno.ENOBUFS, errno.ENOMEM, errno.EMSGSIZE}

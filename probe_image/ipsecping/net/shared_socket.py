"""One unconnected datagram socket for many targets: when packets left and arrived, which were refused.

A socket of its own for each target would cost a wake-up and several system calls for each packet. Here, all
that has come is taken in one go and handed to the flow it belongs to, by the address it comes from. A socket
that is woken time and again is read at intervals instead: the kernel has stamped what waits there.
"""

import asyncio
import socket
import sys
from contextlib import suppress

from . import timestamping
from .astray import AstrayAnswers
from .clocks import Clock
from .drops import DropWatch, read_receive_buffer_errors
from .errors import icmp_error_of, reason_of_extended_error
from .floods import MUTED, FloodGate
from .flow import Flow, Leaving
from .message_batch import SLOTS, Arrival, MessageBatch, Refusal, SocketAddress, raw_address
from .read_pace import HOLD_OFF, ReadPace
from .resending import send_again
from .timers import LEISURE, running_timers

MAX_READS = 8
"""Batches taken per wake-up, before others get their turn."""
HOLD = 5_000_000
"""Once reading has taken so long (nanoseconds), others get their turn."""
SLICE = 16
"""Answers handed out between two looks at the clock: the slowest take a third of a millisecond each."""
MAX_AWAITED = 8192
"""Packets whose send timestamp is awaited."""
_RECEIVE_BUFFER = 4 << 20


class SharedSocket:
    """Reads itself whenever the running event loop finds it readable; closes itself after its last flow."""

    def __init__(
        self,
        sock: socket.socket,
        clock: Clock,
        batch: MessageBatch,
        *,
        confirm_drops: bool,
        own_filter: bytes = b"",
    ) -> None:
        """Takes `sock` over. `confirm_drops` as in DropWatch: for UDP; `own_filter` as in FloodGate.

        Raises OSError.
        """
        self.interface = 0
        """As of `sender.interface_index` when it was opened."""
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
        self.behind = False
        """More may wait than was handed out."""
        self._backlog: list[Arrival] = []
        """Read, and not handed out yet."""
        self._stepped = False
        """The clock was stepped, perhaps after what waits was stamped."""
        self._sent_before = self._refused_at_sent = self._restarted_at = 0
        self._gate = FloodGate(sock, ports=confirm_drops, own=own_filter)
        self._astray = AstrayAnswers()
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
        self._pace = ReadPace()
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
        """How many targets it has served up to now."""
        return len(self._used)

    def serves(self, target: SocketAddress) -> bool:
        """Whether it has a flow to `target` now."""
        return self._key(target) in self._flows

    def add(self, target: SocketAddress, *, again: bool = False) -> Flow:
        """A flow to a target that this socket has not served yet; `again`: that it does not serve now."""
        key = self._key(target)
        if key in (self._flows if again else self._used):
            raise ValueError(f"{target}: the socket has served it before")
        self._used.add(key)
        flow = self._flows[key] = Flow(self, target, key)
        self._gate.added(self._flows.keys())
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

    def unwanted(self, source: bytes) -> None:
        """What came from there last is nothing that a packet waits for."""
        now = self._drained_at
        if self._gate.unwanted(source, self._flows.keys(), now=now):
            self._lift_later(now)
            if self._gate.is_muted(source) and (flow := self._flows.get(source)) is not None:
                flow.turn_deaf()

    def is_muted(self, source: bytes) -> bool:
        """Whether nothing is taken from there for its flood."""
        return self._gate.is_muted(source)

    def look_for_overflow(self) -> None:
        """Count a new overflow of the receive queue, if there was one; once for each time it was drained."""
        if self._looked_at <= self._drained_at:
            self._looked_at = now = self._clock.now()
            if self._drops.overflowed():
                self.overflows += 1
                self._pace.flooded(now)

    def send(self, data: bytes, target: SocketAddress, packet: Leaving) -> None:
        """See Flow."""
        try:
            self._sock.sendto(data, target)
        except OSError as error:
            send_again(self._sock, data, target, error, self._restart_numbering)
        awaited, key = self._awaited, self._sent
        awaited[key] = packet
        self._sent = key + 1 & 0xFFFFFFFF
        if len(awaited) > MAX_AWAITED:  # a driver that gives no send timestamps
            del awaited[next(iter(awaited))]

    def drain_by(self, instant: int) -> None:
        """Drain, unless that was done since `instant` (monotonic nanoseconds)."""
        if self._drained_at < instant:
            self.drain()

    def drain(self) -> int:
        """Take in what has come, and tell the flows, until that is all or takes too long: see `behind`.

        Returns how much it was.
        """
        self._drained_at = self._clock.now()
        until, came = self._drained_at + HOLD, 0
        for _ in range(MAX_READS):
            if self.closed:
                return 0
            arrivals, more = self._take()
            # The error queue after the arrivals: what has been answered has left, so its send time stands
            # there. If nothing has come, something in there has woken us and must be taken, or it wakes us
            # for ever.
            if self._awaited or not arrivals:
                self._read_errors(until)
            new = len(arrivals) + len(self._departures) + len(self._refusals)
            if new:
                self._hand_out(arrivals, until)
            came += new
            self.behind = more or bool(self._backlog or self._refusals)
            if not self.behind:
                self._stepped = False
                break
            if self._clock.now() > until:
                break
        if self.behind and self._watched:
            self._unwatch()
            self._loop.call_soon(self._read_on)
        return came

    def _take(self) -> tuple[list[Arrival], bool]:
        """What is next to be handed out, and whether more may wait behind it."""
        if self._backlog:
            arrivals, self._backlog = self._backlog, []
            return arrivals, True
        try:
            arrivals = self._arrivals()
        except OSError:  # an ICMP error, which also stands in the error queue
            return [], True
        return arrivals, len(arrivals) == SLOTS

    def _arrivals(self) -> list[Arrival]:
        return self._batch.arrivals(self._sock)

    def _is_ours(self, quote: bytes) -> bool:
        """Whether an ICMP error is about a packet of this socket."""
        return True

    def _watch(self) -> None:
        self._watched = True
        self._loop.add_reader(self._sock.fileno(), self._readable)

    def _unwatch(self) -> None:
        """Whoever calls this has `_read_on` called."""
        self._watched = False
        self._loop.remove_reader(self._sock.fileno())

    def _readable(self) -> None:
        self.drain()
        before, self._woken_at = self._woken_at, self._clock.now()
        hold_off = self._pace.hold_off(0, now=self._woken_at)
        if self._woken_at - before < hold_off and self._watched and not self.closed:
            self._unwatch()
            self._timers.call_at(self._woken_at + 1, self._read_on, slack=hold_off)

    def _read_on(self) -> None:
        """Read at intervals, or at once where much comes, until nothing comes any more."""
        came = self.drain()
        if self.closed:
            return
        if self.behind or came >= SLOTS:
            self._loop.call_soon(self._read_on)
        elif came:
            now = self._clock.now()
            self._timers.call_at(now + 1, self._read_on, slack=self._pace.hold_off(came, now=now))
        else:
            self._watch()

    def _hand_out(self, arrivals: list[Arrival], until: int) -> None:
        """Put the stamps on the monotonic clock; after a step, those of what waits may be from before it."""
        clock = self._clock
        read_at = clock.read().monotonic
        if clock.steps != self._steps:
            self._stepped, self._steps = True, clock.steps
        stepped, offset = self._stepped, clock.offset
        if arrivals:
            self._pace.stamped = arrivals[-1][2] is not None
        departures, self._departures = self._departures, []
        if not stepped:
            for packet, left in departures:
                packet.departed_at = left - offset
        if self._refusals:
            self._hand_out_refusals(until)
        flows = self._flows
        for start in range(0, len(arrivals), SLICE):
            for source, data, stamp in arrivals[start : start + SLICE]:
                flow = flows.get(source)
                if flow is None:
                    self.unwanted(source)
                    self._astray.came(data, source, flows.values(), now=read_at)
                elif (receiver := flow.receiver) is not None:
                    receiver.arrived(data, None if stepped or stamp is None else stamp - offset, read_at)
            if clock.now() > until:
                self._backlog = arrivals[start + SLICE :]
                return

    def _hand_out_refusals(self, until: int) -> None:
        done, now = 0, self._clock.now()
        for target, quote, error in self._refusals:
            flow = self._flows.get(target)
            if flow is not None and flow.receiver is not None and self._is_ours(quote):
                reason = reason_of_extended_error(error, _octets(flow))
                if reason is not None:
                    flow.receiver.refused(quote, reason, icmp_error_of(error, at=now))
            done += 1
            if done % SLICE == 0 and self._clock.now() > until:
                break
        del self._refusals[:done]

    def _read_errors(self, until: int) -> None:
        """Take the error queue in: send timestamps and errors."""
        awaited = self._awaited
        for _ in range(MAX_AWAITED // SLOTS):
            try:
                departures, refusals = self._batch.error_queue(self._sock)
            except OSError:
                return
            if refusals:
                self._refusals += refusals
                self._count_refusals(len(refusals))
            self._departures += [
                (packet, stamp)
                for number, stamp in departures
                if (packet := awaited.pop(number, None)) is not None and stamp is not None
            ]
            if len(departures) + len(refusals) < SLOTS or self._clock.now() > until:
                return

    def _count_refusals(self, came: int) -> None:
        sent = self._sent_before + self._sent
        since, self._refused_at_sent = sent - self._refused_at_sent, sent
        now = self._clock.now()
        if self._gate.refused(came, sent=since, now=now):
            self._lift_later(now)

    def _lift_later(self, now: int) -> None:
        self._pace.flooded(now)
        self._timers.call_at(now + MUTED, self._lift, slack=LEISURE)

    def _lift(self) -> None:
        """Listen again to whom it is time to."""
        if self.closed:
            return
        for source in self._gate.lift(self._flows.keys(), now=self._clock.now()):
            if (flow := self._flows.get(source)) is not None:
                flow.listen()

    def _restart_numbering(self) -> None:
        """A failed send may or may not have taken a number: have both sides count from 0 again."""
        now = self._clock.now()
        if now - self._restarted_at > HOLD_OFF:  # many in a row, under a flood of errors, must not add up
            self._restarted_at = now
            self._read_errors(now + HOLD)
            self._loop.call_soon(self.drain)  # hands out what this has taken
        self._awaited.clear()
        timestamping.enable_timestamps(self._sock, timestamping.SEND_AND_RECEIVE)
        self._sent_before += self._sent
        self._sent = 0

    def _key(self, target: SocketAddress) -> bytes:
        return raw_address(self._sock.family, target)


def _octets(flow: Flow) -> bytes:
    """The address of a target."""
    return flow.key[8:24] if flow.key[:2] == _INET6 else flow.key[4:8]


_INET6 = socket.AF_INET6.to_bytes(2, sys.byteorder)

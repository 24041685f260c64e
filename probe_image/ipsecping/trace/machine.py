"""Decides which packet of a trace is sent next, and what a reply is about: no I/O, no clock.

`next` is asked what is to be done at an instant; whoever asks does it, and says what came (`driver`).

All TTLs are in flight at once, in ascending order and paced, as routers limit their ICMP errors; a hop that
has answered is not asked again. The packets are of one flow, so that all of them take one way through routers
that share load by ports, as Paris traceroute has it. So ports cannot tell the packets apart: a number in
their payload does. Many routers quote no more than 8 octets behind the IP header (RFC 792; RFC 1812 section
4.3.2.3 asks for more), which the kernel keeps to itself. From the first such quote on, the open hops are
asked again one after the other: then a short quote can be about one packet only.

Packets in a loop load its routers with each hop they go round, so it is left once it has shown itself.
"""

from dataclasses import replace
from enum import Enum, auto
from typing import NamedTuple

from ..contract.bounds import MAX_RTT
from ..contract.trace import (
    MAX_IGNORED,
    MAX_LIMITS,
    MAX_REPLIES,
    MAX_UNPLACED,
    Hop,
    Limit,
    Reply,
    ReplyKind,
)
from .loops import loop_among

INTERVAL = 10_000_000
"""At least so much time (nanoseconds) between two packets."""
BITS_PER_SECOND = 1_000_000
"""Large packets are further apart, so as to send no more than that."""
LEAST_PATIENCE = 100_000_000
"""At least so long (nanoseconds) a short quote is awaited, when hops are asked one after the other."""

LINGER = 5_000_000_000
"""A router that waits for a neighbour says so after three seconds or later (ARP; RFC 4861 section 7.2.2).
So long (nanoseconds), and at most four waits, a path is listened to whose end is not known."""
ENOUGH = 1_000_000_000
"""So long (nanoseconds), and twice as long as the path's end has taken, is enough for the hops before it."""
LOOP_TIMES = 3


class Step(Enum):
    """What is to be done next."""

    SEND = auto()
    """Send `packet`, and tell `sent`."""
    WAIT = auto()
    """Nothing: ask again at `due`, or once something was heard."""
    OVER = auto()
    """Nothing any more."""


class ProbePacket(NamedTuple):
    """One packet to be sent."""

    number: int
    """From 0, each once."""
    ttl: int
    size: int
    """Bytes of the IP packet."""


class Heard(NamedTuple):
    """A reply came in."""

    number: int | None
    """Of the packet that it is about; None: it does not say."""
    reply: Reply
    """Its `rtt` is not known yet."""
    at: int
    mtu: int = 0
    """With MessageTooBig: what the message states."""
    left: int | None = None
    """TTL that the packet had left at the target, as the answer says."""


class Limits(NamedTuple):
    """What a trace is bounded by; times in nanoseconds."""

    max_ttl: int
    tries: int
    wait: int
    """So long a reply is waited for before the next try, until the path's end shows how long is enough."""
    total: int
    """So long all of it may take."""


class _Hop:
    """What is known of one TTL."""

    __slots__ = ("free_at", "newest", "replies", "sent_at", "tries", "ttl")

    def __init__(self, ttl: int) -> None:
        self.ttl = ttl
        self.tries = 0
        self.newest = -1
        """Number of the newest packet; -1: none that is under way."""
        self.sent_at = 0
        self.free_at = 0
        """From then on its newest packet is not awaited any more."""
        self.replies: list[Reply] = []

    def awaits(self, now: int) -> bool:
        """Whether a packet of it is under way."""
        return not self.replies and self.tries > 0 and now < self.free_at


class TraceMachine:
    """One trace. All times in monotonic nanoseconds, passed in."""

    def __init__(self, limits: Limits, *, size: int, least_size: int, start: int) -> None:
        """Packets are of `size` bytes; where links carry less, smaller, but not below `least_size`."""
        self._limits = limits
        self._deadline = start + limits.total
        self._hops = [_Hop(ttl) for ttl in range(1, limits.max_ttl + 1)]
        self._end = limits.max_ttl
        """The path ends at this TTL, as far as is known."""
        self._end_known = False
        self._wait = limits.wait
        self._listen_until = start + min(LINGER, 4 * limits.wait)
        self._size, self._least_size = size, least_size
        self._packets: list[tuple[ProbePacket, int]] = []
        """All that were sent, by number, and when."""
        self._send_at = start
        self._unplaced: dict[tuple[str | None, ReplyKind], Reply] = {}
        self._latency = 0
        """Nanoseconds that a short quote has taken at most."""
        self._smaller: list[Limit] = []
        self._stopped = False
        self.ignored = 0
        """What came and is about no packet of ours."""
        self.due = start
        """After WAIT."""
        self.packet = ProbePacket(0, 1, size)
        """After SEND."""

    @property
    def packets_sent(self) -> int:
        """All of them."""
        return len(self._packets)

    @property
    def replies(self) -> int:
        """Hops that have answered."""
        return sum(1 for hop in self._hops[: self._end] if hop.replies)

    @property
    def limits(self) -> tuple[Limit, ...]:
        """Links on the path that were too small, in the order in which they were met."""
        return tuple(each for each in self._smaller if each.ttl <= self._end)

    @property
    def unplaced(self) -> tuple[Reply, ...]:
        """Replies of which it is not known at which hop they were made."""
        return tuple(self._unplaced.values())

    def next(self, now: int) -> Step:
        """What is to be done at `now`; the same again until it is done or time has passed."""
        unsettled = [hop for hop in self._hops[: self._end] if not self._is_settled(hop, now)]
        if self._stopped or now >= self._deadline:
            return Step.OVER
        if not unsettled:
            self.due = min(self._listen_until, self._deadline)
            return Step.OVER if self._end_known or now >= self.due else Step.WAIT
        ready = [hop for hop in unsettled if hop.tries < self._tries and not hop.awaits(now)]
        if self._unplaced and any(hop.awaits(now) for hop in unsettled):
            ready = [hop for hop in ready if not hop.tries]
        if not ready:
            self.due = min(self._deadline, *(hop.free_at for hop in unsettled if hop.awaits(now)))
            return Step.WAIT
        if now < self._send_at:
            self.due = self._send_at
            return Step.WAIT
        hop = min(ready, key=lambda each: (each.tries, each.ttl))
        self.packet = ProbePacket(len(self._packets), hop.ttl, self._size)
        return Step.SEND

    def sent(self, at: int) -> None:
        """`packet` has left."""
        packet = self.packet
        hop = self._hops[packet.ttl - 1]
        again = self._unplaced and hop.tries
        hop.tries += 1
        hop.newest, hop.sent_at = packet.number, at
        hop.free_at = at + (self._patience if again else self._wait)
        self._packets.append((packet, at))
        self._send_at = at + max(INTERVAL, packet.size * 8 * 1_000_000_000 // BITS_PER_SECOND)

    def heard(self, heard: Heard) -> None:
        """Something came that quotes a packet of ours, or answers it."""
        if heard.number is None:
            self._heard_short(heard)
        elif 0 <= heard.number < len(self._packets):
            self._heard_of(heard.number, heard)
        else:
            self.ignore()

    def ignore(self) -> None:
        """Something came that is about no packet of ours."""
        self.ignored = min(self.ignored + 1, MAX_IGNORED)

    def stop(self) -> None:
        """Break it off."""
        self._stopped = True

    def whole(self, now: int) -> bool:
        """Whether nothing is left to be found out."""
        return self.settled(now) == self._end

    def settled(self, now: int) -> int:
        """So many hops, from the first on, of which nothing more is awaited."""
        for hop in self._hops[: self._end]:
            if not self._is_settled(hop, now):
                return hop.ttl - 1
        return self._end

    def hops(self) -> tuple[Hop, ...]:
        """Those up to the end of the path."""
        return tuple(Hop(hop.ttl, hop.tries, tuple(hop.replies)) for hop in self._hops[: self._end])

    @property
    def _tries(self) -> int:
        """To tell whose a short quote is takes a second one."""
        return max(self._limits.tries, 2) if self._unplaced else self._limits.tries

    @property
    def _patience(self) -> int:
        return min(self._wait, max(LEAST_PATIENCE, 2 * self._latency))

    def _is_settled(self, hop: _Hop, now: int) -> bool:
        return bool(hop.replies) or (hop.tries >= self._tries and not hop.awaits(now))

    def _heard_of(self, number: int, heard: Heard) -> None:
        packet, sent_at = self._packets[number]
        hop = self._place(packet, heard)
        if hop.ttl > self._end:
            return
        if heard.reply.kind is ReplyKind.MESSAGE_TOO_BIG and self._shrink(packet, hop, heard):
            return
        self._add(hop, heard.reply, min(max(heard.at - sent_at, 0), MAX_RTT))

    def _place(self, packet: ProbePacket, heard: Heard) -> _Hop:
        """The hop that a reply to the packet was made at.

        Some reflectors answer with the TTL that was left of the request, so that loops are short. Such an
        answer gets back only if the request could have gone as many hops further; it says how much was left
        (RFC 8762 section 4.3.1), which tells at which hop the reflector is.
        """
        ttl = packet.ttl - heard.left + 1 if heard.left is not None else packet.ttl
        if not 1 <= ttl <= packet.ttl or any(hop.replies for hop in self._hops[ttl - 1 : packet.ttl]):
            ttl = packet.ttl
        return self._hops[ttl - 1]

    def _heard_short(self, heard: Heard) -> None:
        waiting = [hop for hop in self._hops[: self._end] if hop.awaits(heard.at)]
        if not waiting:  # of a hop that has answered otherwise, or too late
            return
        key = heard.reply.sender, heard.reply.kind
        if len(waiting) == 1:
            self._unplaced.pop(key, None)
            self._heard_of(waiting[0].newest, heard)
        elif len(self._unplaced) < MAX_UNPLACED:
            self._unplaced[key] = heard.reply
            self._latency = max(self._latency, heard.at - min(hop.sent_at for hop in waiting))

    def _add(self, hop: _Hop, reply: Reply, rtt: int) -> None:
        known = {(each.sender, each.kind) for each in hop.replies}
        if (reply.sender, reply.kind) in known or len(hop.replies) >= MAX_REPLIES:
            return
        hop.replies.append(replace(reply, rtt=rtt))
        if reply.kind is not ReplyKind.TIME_EXCEEDED:
            self._end, self._end_known = hop.ttl, True
            self._wait_no_longer_than(max(ENOUGH, 2 * rtt))
        elif not self._end_known:
            self._leave_loop()

    def _wait_no_longer_than(self, enough: int) -> None:
        """Await no hop for longer, as traceroute(8) does (-w MAX,HERE,NEAR)."""
        self._wait = min(self._limits.wait, enough)
        for hop in self._hops:
            hop.free_at = min(hop.free_at, hop.sent_at + self._wait)

    def _leave_loop(self) -> None:
        heard = {hop.ttl: hop.replies[0].sender for hop in self._hops if hop.replies}
        if loop_among(heard, times=LOOP_TIMES) is not None:
            self._end, self._end_known = max(heard), True

    def _shrink(self, packet: ProbePacket, hop: _Hop, heard: Heard) -> bool:
        """Go on with packets as small as a router wants them; False: it states no size that can be had."""
        if not self._least_size <= heard.mtu < packet.size:
            return False
        met = Limit(hop.ttl, heard.reply.sender, heard.mtu)
        if heard.mtu < self._size:
            if len(self._smaller) >= MAX_LIMITS:
                return False
            self._size = heard.mtu
            self._smaller.append(met)
        else:
            self._smaller = [
                met if replace(each, ttl=hop.ttl) == met and hop.ttl < each.ttl else each
                for each in self._smaller
            ]
        if packet.number == hop.newest and not hop.replies:
            # Once: whoever says it again has no further packet sent.
            hop.newest = -1
            hop.tries -= 1
            hop.free_at = 0
        return True

"""A path in virtual time: routers with habits, a target, and a machine that traces it."""

import heapq
from dataclasses import dataclass, field
from itertools import count

from ipsecping.contract.trace import Reply, ReplyKind, Trace, TraceMethod, check_trace
from ipsecping.trace.machine import Heard, Limits, ProbePacket, Step, TraceMachine

MS = 1_000_000
SECOND = 1000 * MS
TARGET, SOURCE = "10.50.1.10", "10.244.0.7"
LIMITS = Limits(max_ttl=30, tries=3, wait=SECOND, total=60 * SECOND)


@dataclass
class Router:
    """One hop; by default it answers at once, with all of the packet that it is about."""

    address: str
    rtt: int = MS
    silent: bool = False
    short: bool = False
    """It quotes too little to tell which packet it is about."""
    says: ReplyKind = ReplyKind.TIME_EXCEEDED
    every: int = 0
    """At most one error in so much time."""
    mtu: int = 65_535
    """Of the link behind it."""
    loss: set[int] = field(default_factory=set)
    """Packets, by their order here, that it does not answer."""
    _said_at: int = -(10**18)
    _seen: int = 0

    def reply(
        self, packet: ProbePacket, at: int, *, kind: ReplyKind | None = None, mtu: int = 0
    ) -> Heard | None:
        """What it says of a packet, and when that arrives."""
        self._seen += 1
        if self.silent or self._seen in self.loss or at - self._said_at < self.every:
            return None
        self._said_at = at
        reply = Reply(self.address, kind or self.says)
        return Heard(None if self.short else packet.number, reply, at + self.rtt, mtu)


@dataclass
class Path:
    """Routers, and the target as the last of them; None: nothing is behind the last router."""

    routers: list[Router]
    target: Router | None = None

    def reply(self, packet: ProbePacket, at: int) -> Heard | None:
        """What comes back for a packet."""
        for i, router in enumerate(self.routers, 1):
            if packet.ttl == i:
                return router.reply(packet, at)
            if router.says is not ReplyKind.TIME_EXCEEDED:
                return router.reply(packet, at)
            if packet.size > router.mtu:
                return router.reply(packet, at, kind=ReplyKind.MESSAGE_TOO_BIG, mtu=router.mtu)
        return None if self.target is None else self.target.reply(packet, at)


@dataclass
class Run:
    """What came of it."""

    machine: TraceMachine
    sent: list[tuple[int, ProbePacket]]
    ended_at: int

    @property
    def trace(self) -> Trace:
        """The record, which keeps the contract's rules."""
        made = trace_of(self.machine, whole=self.machine.whole(self.ended_at))
        check_trace(made)
        return made

    @property
    def addresses(self) -> list[str | None]:
        """Who answered first at each hop."""
        return [hop.replies[0].sender if hop.replies else None for hop in self.machine.hops()]


def trace_of(machine: TraceMachine, *, whole: bool = True, size: int = 9000) -> Trace:
    """The record of a machine's trace."""
    return Trace(
        host="far.example", address=TARGET, method=TraceMethod.UDP, port=862, source=SOURCE,
        source_port=40_000, size=size, started_at=1, max_ttl=30, tries=3, wait=SECOND,
        sent=machine.packets_sent, ignored=machine.ignored, whole=whole, hops=machine.hops(),
        limits=machine.limits, unplaced=machine.unplaced,
    )  # fmt: skip


def run(path: Path, *, limits: Limits = LIMITS, size: int = 72, least_size: int = 72) -> Run:
    """Trace the path to the end."""
    machine = TraceMachine(limits, size=size, least_size=least_size, start=0)
    now, order = 0, count()
    coming: list[tuple[int, int, Heard]] = []
    sent: list[tuple[int, ProbePacket]] = []
    while (step := machine.next(now)) is not Step.OVER:
        if step is Step.SEND:
            machine.sent(now)
            sent.append((now, machine.packet))
            heard = path.reply(machine.packet, now)
            if heard is not None:
                heapq.heappush(coming, (heard.at, next(order), heard))
            continue
        assert machine.due > now, "a machine that waits says until when"
        now = machine.due
        if coming and coming[0][0] <= now:
            now, _, heard = heapq.heappop(coming)
            machine.heard(heard)
    return Run(machine, sent, now)

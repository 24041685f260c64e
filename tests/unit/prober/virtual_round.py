"""A round in virtual time: its machine, a ledger, and a network that does with each packet as it is told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import itemgetter

from ipsecping.contract import LossReason
from ipsecping.measure.ledger import Answer, Ledger
from ipsecping.measure.packet import Packet
from ipsecping.rounds.round_machine import RoundMachine, Step

MS = 1_000_000
SECOND = 1000 * MS
MOST_STEPS = 10_000
"""A round of a few packets that has not ended after so many steps never does."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What the network and this host do with one packet. Times in nanoseconds."""

    rtt: int | None = MS
    """Until its answer comes; None: it does not."""
    lost_back: bool = False
    """The packet reached the reflector, which counted it, and its answer was lost."""
    copies: tuple[int, ...] = ()
    """When further answers come, counted from the first."""
    refused: int | None = None
    """When ICMP says that it was refused."""
    not_sent: bool = False
    """This host could not send it (ENOBUFS)."""


ANSWERED, LOST_THERE, LOST_BACK = Fate(), Fate(rtt=None), Fate(rtt=None, lost_back=True)


@dataclass
class VirtualRound:
    """Runs a machine to its end. The reflector is stateful; `fates` are those of the packets in order."""

    fates: list[Fate]
    spacing: int = 100 * MS
    timeout: int = 2 * SECOND
    closing: bool = True
    wake_late: int = 0
    """How much later than it asks for the machine is woken, and no more than its slack."""
    stalls: dict[int, int] = field(default_factory=dict)
    """How long this host stands still before the packet with this place is sent."""
    read_every: int = 10 * MS
    """How often what has come is read without being asked."""
    drains: list[tuple[bool, bool]] = field(default_factory=list)
    """What the first drains come to: complete, dropped."""
    make: Callable[..., RoundMachine] = RoundMachine
    planned: int | None = None
    """Packets to send; None: one for each fate."""
    ledger: Ledger = field(init=False)
    machine: RoundMachine = field(init=False)
    break_off_at: int | None = None
    now: int = SECOND
    over_at: int = 0
    replies: int = 0
    sent_at: list[int] = field(default_factory=list)
    on_its_way: list[tuple[int, Callable[[int], object]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ledger = Ledger(timeout=self.timeout)
        self.machine = self.make(
            self.ledger,
            count=len(self.fates) if self.planned is None else self.planned,
            spacing=self.spacing,
            start=self.now,
            timeout=self.timeout,
            closing=self.closing,
        )

    def run(self) -> "VirtualRound":
        """Until the machine says that the round is over."""
        for _ in range(MOST_STEPS):
            step = self.machine.next(self.now)
            assert self.machine.next(self.now) is step, "it says something else when asked twice"
            if step is Step.SEND:
                self.send()
            elif step is Step.DRAIN:
                assert self.machine.due <= self.now
                self.deliver(self.now)
                complete, dropped = self.drains.pop(0) if self.drains else (True, False)
                self.machine.drained(self.now, complete=complete, dropped=dropped)
            elif step is Step.WAIT:
                assert self.machine.due > self.now, "it waits for what is past"
                self.sleep(self.machine.due + min(self.wake_late, self.machine.slack))
            else:
                self.over_at = self.now
                return self
        raise AssertionError("the round does not end")

    @property
    def packets(self) -> list[Packet]:
        """Those of the round."""
        return self.machine.packets

    def send(self) -> None:
        """Send the packet that is next, after the host's stall."""
        place = len(self.packets)
        self.now += self.stalls.pop(place, 0)
        fate = self.fates[place] if place < len(self.fates) else LOST_THERE
        packet = self.ledger.record(at=self.now, observer=self.machine)
        self.sent_at.append(self.now)
        if fate.not_sent:
            self.ledger.not_sent(packet, None)
        elif fate.refused is not None:
            self._later(fate.refused, lambda _: self.ledger.refused(packet.sequence, LossReason.REFUSED))
        elif fate.rtt is not None:
            for after in (0, *fate.copies):
                self._answer(packet, fate.rtt + after)
        if self.reached(fate):
            self.replies += 1
        self.machine.sent(packet)

    @staticmethod
    def reached(fate: Fate) -> bool:
        """Whether a packet of this fate reaches the reflector."""
        return fate.rtt is not None or fate.lost_back

    def sleep(self, until: int) -> None:
        """Let time pass; what comes is read at intervals."""
        if self.break_off_at is not None and until >= self.break_off_at:
            self.now, self.break_off_at = max(self.now, self.break_off_at), None
            self.machine.break_off()
            return
        self.now = until
        self.deliver(until - until % self.read_every)

    def deliver(self, until: int) -> None:
        """Read what came by then."""
        while self.on_its_way and self.on_its_way[0][0] <= until:
            _, arrive = self.on_its_way.pop(0)
            arrive(self.now)

    def _answer(self, packet: Packet, after: int) -> None:
        answer, at = Answer(packet.sequence, 0, self.replies), packet.sent_at + after
        self._later(after, lambda read_at: self.ledger.answered(answer, arrived_at=at, read_at=read_at))

    def _later(self, after: int, action: Callable[[int], object]) -> None:
        self.on_its_way.append((self.now + after, action))
        self.on_its_way.sort(key=itemgetter(0))

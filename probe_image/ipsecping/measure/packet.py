"""One probe packet and what became of it."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ..contract import ClockSource, LossReason, Marking
from ..contract.refused_packets import IcmpError


class Seen(NamedTuple):
    """How a packet arrived, as the target tells; None where it was not asked, or does not tell."""

    source: str | None = None
    """The address it came from."""
    marking: Marking | None = None
    hops: int | None = None
    """Routers that it passed."""


class Observer(Protocol):
    """Follows a packet."""

    def updated(self, packet: "Packet") -> None:
        """The packet was answered (in time, late or again), was refused on the way, or could not be sent."""


@dataclass(slots=True, eq=False)
class Packet:
    """Times in nanoseconds of the monotonic clock."""

    sequence: int
    sent_at: int
    """Read just before the system call."""
    token: int = 0
    """What the answer must carry back beside the sequence number (STAMP: the sender's timestamp)."""
    observer: Observer | None = None
    """Told whenever this packet is answered or refused."""
    left: bool = True
    """False when this host refused to send it."""
    awaited: bool = False
    """Its observer waits for what becomes of it."""
    departed_at: int | None = None
    """When it left, by the kernel; forgotten once it has been answered."""
    reason: LossReason | None = None
    """Why it is lost, where that was said: by this host or by ICMP."""
    error: IcmpError | None = None
    """The ICMP error that said so."""
    arrivals: int = 0
    """Copies of the answer, late ones included."""
    answered: bool = False
    """An answer came in time."""
    reordered: bool = False
    """Its answer came after the answer to a packet sent later (RFC 4737 section 3.3)."""
    rtt: int | None = None
    """Round-trip time; None without an answer in time, or when a clock step broke it."""
    clock: ClockSource = ClockSource.USER
    residence: int = 0
    """How long the reflector held it (STAMP)."""
    seen: Seen | None = None
    """How it arrived, where that was asked for (STAMP)."""
    reply: int | None = None
    """The reflector's number of the first answer (STAMP)."""
    restarted: bool = False
    """Its `reply` is the first known after the reflector began its numbers anew."""
    copies: tuple[int, ...] = ()
    """Its numbers of the other answers, each once: the packet arrived there more than once."""

    @property
    def settled(self) -> bool:
        """Nothing more is awaited: answered in time, or refused."""
        return self.answered or self.reason is not None or not self.left

    @property
    def failed_here(self) -> bool:
        """This host could not send it (ENOBUFS, ENOMEM, ...): the path is not to blame."""
        return not self.left and self.reason is None

    @property
    def vanished(self) -> bool:
        """It left and no answer ever came: one of the two directions lost it."""
        return self.left and not self.arrivals

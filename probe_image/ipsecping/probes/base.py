"""What a probe type has to offer.

Most types offer a session with one address, in which packets are sent and answered at the pace of the plan
(ProbeMethod). A type whose next packet depends on what became of the one before runs its rounds by itself
(RoundMethod).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, Protocol

from ..contract import Figure, Invalidity, LossReason, PlannedCheck, PlannedProbe
from ..measure.ledger import Ledger
from ..measure.packet import Observer, Packet
from ..net.clocks import Clock

STILL, STILL_PART = 250_000_000, 4
"""A host that stood still for so long (nanoseconds), and for one part in so many of a timeout, may have let
an answer's time run out."""


def too_still(overslept: int, *, timeout: int) -> bool:
    """Whether a host stood still for so long, of which it is known that it woke so much too late."""
    return overslept > max(STILL, timeout // STILL_PART)


class RoundInvalid(Exception):
    """This host is not fit to measure; the message says what is wrong and where."""

    def __init__(self, invalidity: Invalidity, message: str) -> None:
        super().__init__(message)
        self.invalidity = invalidity


class Session(Protocol):
    """One probe's conversation with one address. May serve many rounds, also overlapping ones."""

    address: str
    ledger: Ledger

    def send(self, observer: Observer | None = None) -> Packet:
        """Send one packet now; `observer` follows it.

        One that the path refuses at once is lost with the reason; see also Packet.failed_here. Raises
        RoundInvalid, and nothing is sent, when this host lacks what it needs.
        """

    def drain(self, instant: int) -> bool:
        """Take in all that had come by `instant` (monotonic nanoseconds, past), without waiting.

        False: it was too much to take it all in at once.
        """

    def figures(self, packets: Sequence[Packet]) -> Mapping[str, Figure]:
        """Return what only its type measures, of a round of these packets that is over."""

    def drops(self) -> int:
        """How often this host has dropped answers so far: rounds that overlap compare it each for itself."""

    def dropped_since(self, drops: int) -> bool:
        """Whether it has since it had dropped some so often, or does now."""

    def close(self) -> None:
        """End the conversation."""


class ProbeMethod(NamedTuple):
    """One entry of the registry."""

    open: Callable[[PlannedProbe, str, Clock], Session]
    """Starts a session with an IP address, in a event loop. Raises OSError, PingForbidden, RoundInvalid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a round came to that its method ran by itself. Packets sent are those received and lost."""

    received: int = 0
    losses: Mapping[LossReason, int] = field(default_factory=lambda: MappingProxyType({}))
    invalid: Invalidity | None = None
    figures: tuple[Figure, ...] = ()
    """At most one of each kind."""


class RoundMethod(NamedTuple):
    """One entry of the registry, of a type that runs its rounds by itself."""

    measure: Callable[[PlannedCheck, PlannedProbe, str], Awaitable[Outcome]]
    """One round with an IP address, over within the round's own time: `(count - 1) * spacing + timeout`.

    Raises OSError, PingForbidden and RoundInvalid."""

"""One target's share of a shared socket, and what is told to whom of it."""

from typing import Protocol

from ..contract import LossReason
from ..contract.refused_packets import IcmpError
from .message_batch import SocketAddress


class Leaving(Protocol):
    """A packet, to be told when it left."""

    departed_at: int | None
    """Monotonic nanoseconds, by the kernel."""


class Receiver(Protocol):
    """Owns a flow."""

    def arrived(self, data: bytes, at: int | None, read_at: int) -> None:
        """A datagram came from the target.

        `at` by the kernel, None when it gave no stamp or the clock was stepped meanwhile; read at `read_at`
        (monotonic nanoseconds).
        """

    def astray(self, data: bytes, address: str, port: int) -> bool:
        """A datagram came from elsewhere (`address` without its zone): whether it answers one of ours."""

    def refused(self, quote: bytes, reason: LossReason, error: IcmpError | None) -> None:
        """A packet was refused: `quote` is as much of it as was sent back, perhaps nothing.

        `error`: what was said of it on the way; None: this host says so.
        """


class Shared(Protocol):
    """The socket, as its flows see it (`SharedSocket`)."""

    overflows: int
    """How often the receive queue was found to have overflowed."""
    behind: bool
    """More may wait than was handed out."""

    @property
    def local_port(self) -> int:
        """The port that packets are sent from."""

    def send(self, data: bytes, target: SocketAddress, packet: Leaving) -> None:
        """Send one datagram. Raises NotSent."""

    def drain_by(self, instant: int) -> None:
        """Take in what has come, unless that was done since `instant` (monotonic nanoseconds)."""

    def look_for_overflow(self) -> None:
        """Count a new overflow of the receive queue."""

    def unwanted(self, source: bytes) -> None:
        """What came from there last is nothing that a packet waits for."""

    def is_muted(self, source: bytes) -> bool:
        """Whether nothing is taken from there for its flood."""

    def remove(self, flow: "Flow") -> None:
        """End a flow."""


class Flow:
    """One target's share of a shared socket."""

    __slots__ = ("_deaf", "_floods", "_shared", "key", "receiver", "target")

    def __init__(self, shared: Shared, target: SocketAddress, key: bytes) -> None:
        self._shared = shared
        self._floods = 0
        self.target = target
        self.key = key
        """The target as a datagram's source names it."""
        self._deaf: Receiver | None = None
        """The receiver of a muted target."""
        self.receiver: Receiver | None = None
        """Told of all that comes; None: nobody is."""

    @property
    def local_port(self) -> int:
        """The port (of a ping socket: the identifier) that packets are sent from; 0 before the first."""
        return self._shared.local_port

    def send(self, data: bytes, packet: Leaving) -> None:
        """Send one datagram; `packet` is told when it left. Raises NotSent."""
        self._shared.send(data, self.target, packet)

    def drain(self, instant: int) -> bool:
        """Take in what had come on the socket by `instant`, for whichever flow; not twice.

        False: there was too much to take it all in now.
        """
        self._shared.drain_by(instant)
        return not self._shared.behind

    def unwanted(self) -> None:
        """What came last is nothing that a packet waits for."""
        self._shared.unwanted(self.key)

    def drops(self) -> int:
        """How often datagrams of the target were dropped so far.

        The receive queue overflowed, or the target sent so many that nothing more was taken from it.
        """
        self._shared.look_for_overflow()
        return self._shared.overflows + self._floods

    def dropped_since(self, drops: int) -> bool:
        """Whether it happened since it had happened so often, or happens now."""
        return self.drops() != drops or self._shared.is_muted(self.key)

    def turn_deaf(self) -> None:
        """The target is muted: pass over what still waits of it."""
        self._floods += 1
        self._deaf, self.receiver = self.receiver, None

    def listen(self) -> None:
        """The target is heard again."""
        self._deaf, self.receiver = None, self._deaf

    def close(self) -> None:
        """Give the share back."""
        self._deaf = self.receiver = None
        self._shared.remove(self)

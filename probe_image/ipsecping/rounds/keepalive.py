"""One packet in each flow of a probe between its rounds, so that a NAT on the way keeps their mappings."""

import time
from collections.abc import Callable, Sequence

from ..net.timers import Timers
from ..probes.base import Session
from .quiet_packets import QuietPackets

_SECOND = 1_000_000_000


class Keepalive:
    """Keeps the place of a round among those of its session, so that all books are closed in order.

    The packets are sent at once when it begins, before any packet of a round to come: a gap in the
    reflector's numbers then is of rounds alone, or of keepalives alone.
    """

    __slots__ = ("_ended", "_packets", "_sessions", "_under_way", "over", "sent_at")

    def __init__(
        self, sessions: Sequence[Session], *, timeout: int, timers: Timers, ended: Callable[[], None]
    ) -> None:
        """`ended` is called once nothing more is awaited."""
        self._sessions = sessions
        self._packets = [
            QuietPackets(session, count=1, spacing=_SECOND, timeout=timeout, timers=timers)
            for session in sessions
        ]
        self._under_way = len(self._packets)
        self._ended = ended
        self.over = False
        """Nothing more is awaited."""
        self.sent_at = 0
        """When its packets left, monotonic nanoseconds."""

    def run(self) -> None:
        """Send a packet in each flow."""
        self.sent_at = time.monotonic_ns()
        for session, packets in zip(self._sessions, self._packets, strict=True):
            packets.run(self._one_over)
            for packet in packets.sent:  # one, or none where this host lacks what it needs
                session.ledger.leave_out(packet)

    def stopped(self) -> bool:
        """Wait for nothing any more: nobody wants to know."""
        for packets in self._packets:
            packets.stop()
        return True

    def close_book(self, *, now: int) -> None:
        """Forget the packets."""
        for packets in self._packets:
            packets.close_book()

    def _one_over(self, error: Exception | None) -> None:
        """What kept it from being sent, the next round will say, which cannot send either."""
        self._under_way -= 1
        if not self._under_way:
            self.over = True
            self._ended()

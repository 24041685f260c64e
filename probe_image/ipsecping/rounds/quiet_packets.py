"""A few packets in a session that no figure tells of: they keep a mapping alive, or ask a control."""

import time
from collections.abc import Callable, Sequence

from ..measure.packet import Packet
from ..net.timers import Timers
from ..probes.base import Session
from .round_driver import RoundDriver
from .round_machine import RoundMachine


class QuietPackets:
    """Packets of one session, sent and waited for as those of a round. Belongs to one event loop.

    They are numbered like all others, so that the reflector's numbers stay what they tell of the rounds
    before and after. Whoever has them sent closes their book, in the order of sending.
    """

    __slots__ = ("_driver", "_session")

    def __init__(
        self, session: Session, *, count: int, spacing: int, timeout: int, timers: Timers, start: int = 0
    ) -> None:
        """`start`: when the first is due; all in nanoseconds, the start on the monotonic clock (0: now)."""
        self._session = session
        machine = RoundMachine(
            session.ledger,
            count=count,
            spacing=spacing,
            start=max(start, time.monotonic_ns()),
            timeout=timeout,
            closing=False,
        )
        self._driver = RoundDriver(session, machine, timers)

    def run(self, over: Callable[[Exception | None], None]) -> None:
        """Send them; `over` is called once nothing more is awaited, perhaps at once, with what ended it."""
        self._driver.run(over)

    @property
    def sent(self) -> Sequence[Packet]:
        """Those that have been sent so far."""
        return self._driver.machine.packets

    def stop(self) -> None:
        """Send no more, wait for nothing, and call nobody."""
        self._driver.stop()

    def close_book(self) -> int:
        """Forget the packets; returns how many of them were answered in time."""
        if self.sent:
            self._session.ledger.attribute(self.sent)
        return sum(packet.answered for packet in self.sent)

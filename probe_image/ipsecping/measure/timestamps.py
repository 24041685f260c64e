"""Do the kernel's timestamps come as they used to?

Some drivers give none at all: then the result's clock source says so, and nothing is wrong. But a socket
whose packets had both stamps until now and have them no longer gives round-trip times that are not
comparable with the earlier ones.
"""

from collections.abc import Sequence

from ..contract import ClockSource
from .packet import Packet

MAX_MISSING = 0.1
"""More than this share of a round's answered packets without a kernel stamp is a miss ..."""
ENOUGH = 10
"""... once so many packets of the rounds before had both stamps, but for that share."""
MAX_DOUBTED = 3
"""After so many misses in succession to have none is the new rule: another driver sends the packets now."""


class StampRule:
    """What one probe's packets have as a rule. Rounds are shown to it one after the other."""

    __slots__ = ("_doubted", "_regular")

    def __init__(self) -> None:
        self._regular = 0
        self._doubted = 0

    @property
    def usual(self) -> bool:
        """Packets have had both stamps until now."""
        return self._regular >= ENOUGH and not self._doubted

    def broken(self, packets: Sequence[Packet]) -> bool:
        """Whether the kernel left out timestamps in this round. A round without answers has none to miss."""
        clocks = [packet.clock for packet in packets if packet.answered]
        if not clocks:
            return False
        missing = len(clocks) - clocks.count(ClockSource.KERNEL)
        if missing <= MAX_MISSING * len(clocks):
            self._regular += len(clocks)
            self._doubted = 0
            return False
        if self._regular < ENOUGH:
            self._regular = 0
            return False
        self._doubted += 1
        if self._doubted == MAX_DOUBTED:
            self._regular = self._doubted = 0
        return True

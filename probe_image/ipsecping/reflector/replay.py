"""Has a signed packet been here before? One window for each session, kept by number and by timestamp.

Somebody on the way can record a signed packet and send it again. A session therefore takes each sequence
number once, and none that is too old for its window (as ESP does, RFC 4303 section 3.4.3).

A sender may also begin anew at number 0 under the same port and SSID, as routers with a fixed configuration
do. What it signs then has later timestamps than all before, which no recorded packet has: the window starts
afresh, and from then on nothing older than that moment is taken.
"""

WINDOW = 4096
"""Numbers below the highest that are still told apart."""


class ReplayWindow:
    """The numbers of one session."""

    __slots__ = ("_floor", "_highest", "_latest", "_seen")

    def __init__(self) -> None:
        self._highest = -1
        self._seen = 0
        """Bit n: the number `highest - n` was here."""
        self._latest = -1
        self._floor = -1
        """Timestamps of an earlier life of the session end here."""

    def admit(self, sequence: int, timestamp: int) -> bool:
        """Whether the packet is new; it is taken note of then. `timestamp`: the sender's, as on the wire."""
        if timestamp <= self._floor:
            return False
        behind = self._highest - sequence
        if behind < 0:
            self._seen = (self._seen << -behind | 1) & _MASK if -behind < WINDOW else 1
            self._highest = sequence
        elif behind < WINDOW and not self._seen >> behind & 1:
            self._seen |= 1 << behind
        elif timestamp > self._latest:
            self._floor, self._highest, self._seen = self._latest, sequence, 1
        else:
            return False
        self._latest = max(self._latest, timestamp)
        return True


_MASK = (1 << WINDOW) - 1

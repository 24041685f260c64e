"""Decides what a round of packets does, and when: a state machine without I/O, clock or timer.

`next` is asked what is to be done at an instant; whoever asks does it and says what happened. So all that
decides a round's figures (when a packet is due, how long its answer is awaited, whether one more packet would
tell the direction of a loss, when the round is over) stands here, and can be tested in virtual time.
`round_driver` asks with the real clock. After h11 and aioquic, which do so for protocols
(https://sans-io.readthedocs.io).
"""

from collections.abc import Iterable, Iterator
from enum import Enum, auto
from typing import NamedTuple

from ..contract import Invalidity
from ..contract.bounds import MAX_CLOSING, MAX_COUNT
from ..measure.ledger import Ledger
from ..measure.packet import Packet
from ..probes.base import STILL, too_still

LATE_LIMIT = 1_000_000_000
"""A packet that leaves so much later than planned (nanoseconds), and others behind it, may spoil a round."""
PATIENCE = 100_000_000
"""At least so long (nanoseconds) is waited for duplicates, and before a packet is taken for probably lost."""
PACKET_SLACK = 50_000_000
"""A packet may leave later by a twentieth of its spacing, but not by more than this (nanoseconds)."""
WAIT_SLACK = 50_000_000
"""So much later (nanoseconds) is soon enough to see whether a round is over."""
RETRY_INTERVAL = 10_000_000
"""Nanoseconds between two attempts to take in what came, where a flood leaves too much for one."""
MAX_RETRIES = 100
"""Attempts of that kind in one round."""


class Step(Enum):
    """What is to be done next."""

    SEND = auto()
    """Send a packet, and tell `sent`."""
    DRAIN = auto()
    """Take in all that had come by `due`, and tell `drained`."""
    WAIT = auto()
    """Nothing: ask again at `due`, or later by at most `slack`."""
    OVER = auto()
    """Nothing any more."""


# Looking up a member of an enumeration takes longer than all the rest of `next`.
SEND, DRAIN, WAIT, OVER = Step.SEND, Step.DRAIN, Step.WAIT, Step.OVER


GRAVEST_FIRST = (Invalidity.LOCAL_SEND_FAILED, Invalidity.RECEIVE_QUEUE_DROPS, Invalidity.LATE_TICKS)
"""What a machine notices. Late packets come last: where the kernel saw all, they may have spoilt nothing."""


def gravest(found: Iterable[Invalidity | None]) -> Invalidity | None:
    """Of what the machines of one round have noticed, what is told of the round."""
    noticed = set(found)
    return next((each for each in GRAVEST_FIRST if each in noticed), None)


class Place(NamedTuple):
    """What one of several flows has to know of the others, to keep out of their way."""

    steps: Iterator[int]
    """From each planned packet to the next, nanoseconds."""
    slack: int
    """As `RoundMachine.slack`, which may be less."""
    most: int
    """So many packets its round may have."""


class RoundMachine:
    """One round's packets in one session. All times in monotonic nanoseconds, passed in.

    Packets have deadlines: one that leaves late delays no other. The round is over when nothing more is
    awaited. With `closing`, further packets follow when their answers would tell in which direction the last
    ones were lost. They are packets of the round like any other, so that the round's figures agree with
    what a packet counter on the way sees.
    """

    __slots__ = (
        "_behind",
        "_closing",
        "_drained_by",
        "_dropped",
        "_failed_here",
        "_largest_rtt",
        "_latest",
        "_ledger",
        "_lingers",
        "_looks",
        "_most",
        "_most_closing",
        "_outstanding",
        "_overslept",
        "_patience",
        "_retry_at",
        "_spacing",
        "_steps",
        "_timeout",
        "_to_send",
        "_wake_by",
        "due",
        "packets",
        "slack",
    )

    def __init__(
        self,
        ledger: Ledger,
        *,
        count: int,
        spacing: int,
        start: int,
        timeout: int,
        closing: bool = True,
        place: Place | None = None,
    ) -> None:
        """Send `count` packets, the i-th at `start + i * spacing`, late by at most a twentieth of that.

        Then wait until each is answered or refused, or its `timeout` has passed. `place`: among other flows.
        """
        self._ledger = ledger
        self._most = MAX_COUNT if place is None else place.most
        self._steps = None if place is None else place.steps
        self._to_send, self._spacing = count, spacing
        self._timeout = self._patience = timeout
        self._most_closing = MAX_CLOSING if closing else 0
        self._closing = self._looks = self._outstanding = self._largest_rtt = 0
        self._drained_by = self._retry_at = self._behind = 0
        self._lingers = True
        self._dropped = self._failed_here = False
        # By how much the latest packet left too late, of those with others behind them, and by how much the
        # latest look came too late while answers were awaited; and when the next look is due, 0 for none.
        self._latest = self._overslept = self._wake_by = 0
        self.due = start
        """The instant that the last step is about."""
        self.slack = min(spacing // 20, PACKET_SLACK if place is None else place.slack)
        """How much later than `due` is soon enough; after WAIT."""
        self.packets: list[Packet] = []
        """In order of sequence."""

    @property
    def sending(self) -> bool:
        """Planned packets are still to be sent."""
        return self._to_send > 0

    @property
    def on_time(self) -> bool:
        """No packet left so late that the next one was due."""
        return self._latest <= self._spacing

    @property
    def invalid(self) -> Invalidity | None:
        """What this host has spoilt of the round, so far: to be asked once it is over.

        Dropped answers can only make losses: where each packet was answered or refused, they spoilt nothing.
        """
        if self._failed_here:
            return Invalidity.LOCAL_SEND_FAILED
        if self._dropped and self._outstanding:
            return Invalidity.RECEIVE_QUEUE_DROPS
        return Invalidity.LATE_TICKS if self._latest > LATE_LIMIT else None

    @property
    def stood_still(self) -> bool:
        """A packet was not answered, and for a good part of its time this host may not have looked.

        What the kernel keeps with the time when it came is read all the same; an exchange runs out of time.
        """
        return self._outstanding > 0 and too_still(self._overslept, timeout=self._timeout)

    @property
    def stalled(self) -> bool:
        """This host stood still while an answer was awaited, and may have stamped it late."""
        return self._overslept > STILL

    def next(self, now: int) -> Step:
        """What is to be done at `now`; the same again until it is done or time has passed."""
        if self._to_send:
            late = now - self.due
            if late < 0:
                return WAIT
            if self._outstanding and late > self._overslept:  # else nothing could have been missed
                self._overslept = max(self._overslept, now - max(self.due, self.packets[-1].sent_at))
            # The last one leaves none behind it late; of several flows, another's may follow.
            if late > self._latest and (self._to_send > 1 or self._steps is not None):
                self._latest = late
            return SEND
        return self._once_sent(now)

    def sent(self, packet: Packet) -> None:
        """A packet was sent, or this host or the path has refused it at once."""
        self.packets.append(packet)
        if not packet.settled:
            packet.awaited = True
            self._outstanding += 1
        if self._to_send:
            self._to_send -= 1
            self.due += self._spacing if self._steps is None else next(self._steps)
        else:
            self._closing += 1
            self._looks = self._closing

    def updated(self, packet: Packet) -> None:
        """A packet was answered or refused (see Observer)."""
        rtt = packet.rtt
        if rtt is not None and rtt > self._largest_rtt:
            if not self._largest_rtt:
                self._looks = 0  # only from now on it is known what is usual
            self._largest_rtt = rtt
        if not packet.left and packet.failed_here:
            self._failed_here = True
        if packet.awaited and packet.settled:
            packet.awaited = False
            self._outstanding -= 1

    def drained(self, now: int, *, complete: bool, dropped: bool) -> None:
        """What had come by `due` was taken in; not `complete`: a part of it, there was too much.

        `dropped`: this host has dropped answers.
        """
        if not complete and self._behind < MAX_RETRIES:
            self._behind += 1
            self._retry_at = now + RETRY_INTERVAL
        else:
            self._drained_by = self.due
            dropped = dropped or not complete
        self._dropped |= dropped

    def break_off(self) -> None:
        """Send no more, and wait for answers no longer than they usually take."""
        self._to_send = self._most_closing = 0
        self._patience = min(self._timeout, self._usual)
        self._lingers = False

    def decided(self, now: int) -> list[Packet]:
        """The packets of which it is known what became of them.

        Those that are still awaited after `break_off` are lost only if their timeout has passed.
        """
        timed_out = now - self._timeout
        return [packet for packet in self.packets if not packet.awaited or packet.sent_at <= timed_out]

    def _once_sent(self, now: int) -> Step:
        """What is to be done once all planned packets are sent."""
        if not self.packets:  # broken off before the first
            return OVER
        if self._wake_by:
            if self._outstanding:
                self._overslept = max(self._overslept, now - self._wake_by)
            self._wake_by = 0
        last = self.packets[-1].sent_at
        while self._outstanding:
            patience = min(self._patience, self._usual << self._looks)
            if (step := self._once_drained(now, last + patience)) is not None:
                return step
            timed_out = patience == self._patience
            if (timed_out or self._largest_rtt) and self._may_close():
                return SEND
            if timed_out:
                return OVER
            self._looks += 1
        rest = self._largest_rtt + min(self._patience, self._usual) if self._lingers else 0
        return self._once_drained(now, last + rest) or OVER

    def _once_drained(self, now: int, instant: int) -> Step | None:
        """None once `instant` has come and all that came before it was taken in."""
        if now < instant:
            return self._wait(instant, WAIT_SLACK)
        if self._drained_by >= instant:
            return None
        if now < self._retry_at:
            return self._wait(self._retry_at, RETRY_INTERVAL)
        self.due = instant
        return DRAIN

    def _wait(self, due: int, slack: int) -> Step:
        self.due, self.slack, self._wake_by = due, slack, due + slack
        return WAIT

    def _may_close(self) -> bool:
        """Whether one more packet would tell something; once it does not, none will be sent."""
        if self._closing >= self._most_closing or len(self.packets) >= self._most:
            return False
        if not self._ledger.would_closing_tell(self.packets, closing=self._closing):
            self._most_closing = 0
        return self._most_closing > 0

    @property
    def _usual(self) -> int:
        """Within so long, answers and their duplicates have come as a rule."""
        return max(PATIENCE, 2 * self._largest_rtt)

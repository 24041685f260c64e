"""Many deadlines on one timer of the event loop.

An asyncio timer for each packet costs more than the packet, and so does waking up for it: on a virtual
machine some 100 us of CPU time, and much more where others use the processor's caches in between. Here,
deadlines stand in slots, and a slot is served in one go when it has passed: that makes the batches. What may
be a little late says so (`slack`). What may be late by more than `SLACK` shares a slot that has to be served
anyway, if there is one in time.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from heapq import heappop, heappush
from weakref import WeakKeyDictionary

log = logging.getLogger(__name__)

SLOT = 1_000_000
"""Nanoseconds. A deadline without slack is served at most so much late, and never early."""
SLACK = 10_000_000
"""So much later (nanoseconds) is soon enough for most things. Deadlines with more slack stand in slots that
are a multiple of this apart."""
LEISURE = 50_000_000
"""So much later (nanoseconds) is soon enough for the beginnings and ends of rounds. Done many in a row they
cost a third less: the code for them is in the processor's caches then."""
MAX_BURST = 32
"""Packets that stand in one slot, as long as others have room: what leaves in one go has to find room in the
queues of every link on the way, and a shaper there may drop what is more."""
RATE_WINDOW = 1_000_000_000
"""The rate of packets is counted over at least so long (nanoseconds)."""
MAX_CANCELLED = 1024
"""At least so many cancelled deadlines are kept before they are swept out."""

Action = Callable[[], None]


class Deadline:
    """An entry of the agenda that can be cancelled. Done by calling it."""

    __slots__ = ("_action", "_agenda")

    def __init__(self, action: Action, agenda: "Agenda") -> None:
        self._action: Action | None = action
        self._agenda = agenda

    def __call__(self) -> None:
        """Do what is to be done, unless it was cancelled."""
        action, self._action = self._action, None
        if action is None:
            self._agenda.cancelled -= 1
        else:
            action()

    def cancel(self) -> None:
        """Forget it; may be called at any time."""
        if self._action is not None:
            self._action = None
            self._agenda.cancelled += 1
            self._agenda.sweep()

    @property
    def over(self) -> bool:
        """Done or cancelled."""
        return self._action is None


class Agenda:
    """What is to be done when. Pure: times (monotonic nanoseconds) are passed in."""

    def __init__(self) -> None:
        self._slots: dict[int, list[Action]] = {}
        """By the instant at which they are due."""
        self._order: list[int] = []
        """A heap of the instants."""
        self._packets: dict[int, int] = {}
        """How many of those due at an instant are packets."""
        self._served = self._counted_since = 0
        self._crowded = False
        """There are so many packets that each slot is full anyway: waiting longer would gain nothing."""
        self._entries = 0
        self.cancelled = 0
        """Entries that stand in it for nothing."""

    def __len__(self) -> int:
        return self._entries - self.cancelled

    @property
    def next(self) -> int | None:
        """When there is something to be done, perhaps only to find it cancelled; None: never."""
        return self._order[0] if self._order else None

    def add(self, at: int, action: Action, slack: int = SLOT, *, packet: bool = False) -> int:
        """`action` is to be done at `at`; those of the same slot in the order in which they were added.

        `packet`: it sends one. Returns when it will be due: less than `slack` (at least `SLOT`) after `at`.
        """
        if slack <= SLACK or (packet and self._crowded):
            width = SLOT if slack < SLOT else min(slack - slack % SLOT, SLACK)
            due = -(-at // width) * width
        elif packet:
            due = self._slot_with_room(at, slack)
        else:
            due = self._slot_in_use(at, slack)
        if packet:
            self._packets[due] = self._packets.get(due, 0) + 1
        slot = self._slots.get(due)
        if slot is None:
            slot = self._slots[due] = []
            heappush(self._order, due)
        self._entries += 1
        slot.append(action)
        return due

    def due(self, now: int) -> list[Action]:
        """Take out all that is due at `now`, slot by slot: each has to be called."""
        found: list[Action] = []
        while self._order and self._order[0] <= now:
            instant = heappop(self._order)
            found += self._slots.pop(instant)
            self._served += self._packets.pop(instant, 0)
        self._entries -= len(found)
        if (elapsed := now - self._counted_since) >= RATE_WINDOW:
            self._crowded = self._served * SLACK >= MAX_BURST * elapsed
            self._served, self._counted_since = 0, now
        return found

    def _slot_with_room(self, at: int, slack: int) -> int:
        """The first slot in time with packets, but not too many; else one without, and rather one in use."""
        first = -(-at // SLACK) * SLACK
        free, in_use, packets = first, 0, self._packets
        for due in range(first, at + slack, SLACK):
            held = packets.get(due, 0)
            if 0 < held < MAX_BURST:
                return due
            if not held:
                free = due
                if due in self._slots or (not in_use and due % LEISURE == 0):
                    in_use = due
        return in_use or free

    def _slot_in_use(self, at: int, slack: int) -> int:
        """The slot in time that such deadlines meet in, or another one that is served anyway."""
        meeting = -(-at // slack) * slack
        if meeting not in self._slots:
            for due in range(-(-at // SLACK) * SLACK, at + slack, SLACK):
                if due in self._slots:
                    return due
        return meeting

    def sweep(self) -> None:
        """Cancelled deadlines must not pile up until their time comes."""
        if self.cancelled <= max(MAX_CANCELLED, len(self)):
            return
        for key, slot in self._slots.items():
            kept = [action for action in slot if not (isinstance(action, Deadline) and action.over)]
            self._entries -= len(slot) - len(kept)
            self.cancelled -= len(slot) - len(kept)
            self._slots[key] = kept


class Timers:
    """Serves an agenda. Belongs to one event loop; get it with `running_timers`."""

    def __init__(self) -> None:
        self._agenda = Agenda()
        self._handle: asyncio.TimerHandle | None = None
        self._armed_for = 0
        self._serving = False
        self._origin = secrets.randbelow(SLACK)
        """Where the slots begin: the agents of a node must not all send in the same instant."""

    def call_at(self, instant: int, action: Action, *, slack: int = SLOT, packet: bool = False) -> None:
        """Call `action` once the monotonic clock (nanoseconds) has reached `instant`, soon if it has.

        `packet`: it sends one; see Agenda.
        """
        due = self._agenda.add(instant - self._origin, action, slack, packet=packet) + self._origin
        if not self._serving and (self._handle is None or due < self._armed_for):
            self._arm(due)

    def at(self, instant: int, action: Action, *, slack: int = SLOT) -> Deadline:
        """The same for what may have to be cancelled."""
        deadline = Deadline(action, self._agenda)
        self.call_at(instant, deadline, slack=slack)
        return deadline

    def _serve(self) -> None:
        self._handle = None
        self._serving = True
        for action in self._agenda.due(time.monotonic_ns() - self._origin):
            try:
                action()
            except Exception:
                log.exception("a deadline's action failed")
        self._serving = False
        if (instant := self._agenda.next) is not None:
            self._arm(instant + self._origin)

    def _arm(self, instant: int) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._armed_for = instant
        self._handle = asyncio.get_running_loop().call_at(instant / 1e9, self._serve)


_BY_LOOP: "WeakKeyDictionary[asyncio.AbstractEventLoop, Timers]" = WeakKeyDictionary()


def running_timers() -> Timers:
    """The timers of the running event loop."""
    loop = asyncio.get_running_loop()
    timers = _BY_LOOP.get(loop)
    if timers is None:
        timers = _BY_LOOP[loop] = Timers()
    return timers

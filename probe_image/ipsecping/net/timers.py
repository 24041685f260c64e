"""Many deadlines on one timer of the event loop.

An asyncio timer for each packet costs more than the packet, and so does waking up for it: on a virtual
machine some 100 us of CPU time. Here, deadlines stand in slots, and a slot is served in one go when it has
passed: that makes the batches. What may be a little late says so (`slack`), and stands in fewer slots.
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
"""So much later (nanoseconds) is soon enough for whatever is not a packet, and for packets far apart."""
LEISURE = 50_000_000
"""So much later (nanoseconds) is soon enough for the beginnings and ends of rounds. Done many in a row they
cost a third less: the code for them is in the processor's caches then."""
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
        self._entries = 0
        self.cancelled = 0
        """Entries that stand in it for nothing."""

    def __len__(self) -> int:
        return self._entries - self.cancelled

    @property
    def next(self) -> int | None:
        """When there is something to be done, perhaps only to find it cancelled; None: never."""
        return self._order[0] if self._order else None

    def add(self, at: int, action: Action, slack: int = SLOT) -> int:
        """`action` is to be done at `at`; those of the same slot in the order in which they were added.

        Returns when it will be due: at the end of its slot, less than `slack` (at least `SLOT`) after `at`.
        """
        width = slack - slack % SLOT if slack > SLOT else SLOT
        due = -(-at // width) * width
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
            found += self._slots.pop(heappop(self._order))
        self._entries -= len(found)
        return found

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

    def call_at(self, instant: int, action: Action, *, slack: int = SLOT) -> None:
        """Call `action` once the monotonic clock (nanoseconds) has reached `instant`, soon if it has."""
        due = self._agenda.add(instant - self._origin, action, slack) + self._origin
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

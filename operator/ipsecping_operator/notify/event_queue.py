"""Events that wait for a webhook: in order for each check, and bounded. Pure.

Where there are too many, the oldest is dropped of the check with the most, of the namespace with the most:
neither flapping nor many checks push others' out. Namespaces take turns, and in each of them its checks.

Times are seconds of a steady clock.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass, field

from ipsecping_operator.backoff import Attempts, Backoff, Chance

from .cloud_event import CheckEvent

RETRIES = Backoff(first=1.0, longest=300.0, spread=0.5)
"""Pauses before the event of a check is tried again."""
REST = Backoff(first=0.5, longest=30.0, spread=0.5)
"""Pauses of all of them while nothing is taken: one attempt finds that the receiver is back."""
LONGEST_ASKED = 600.0
"""Seconds that a receiver may ask for at most (Retry-After)."""
KEPT = 6 * 3600.0
"""Seconds after which an event that was not taken is given up."""
MOST_OF_A_CHECK = 32
MOST_BYTES = 8 << 20


@dataclass(slots=True)
class _Waiting:
    event: CheckEvent
    until: float


@dataclass(slots=True)
class _Lane:
    """The events of one check."""

    namespace: str
    attempts: Attempts
    waiting: deque[_Waiting] = field(default_factory=deque)
    in_flight: bool = False
    not_before: float = float("-inf")

    @property
    def oldest(self) -> int:
        """Place of the oldest event that is not under way."""
        return int(self.in_flight)


class _Namespace:
    """The checks of one namespace that have events, in the order of their turns."""

    __slots__ = ("by_length", "bytes", "lanes")

    def __init__(self) -> None:
        self.lanes: OrderedDict[str, _Lane] = OrderedDict()
        self.by_length = tuple(dict[str, None]() for _ in range(MOST_OF_A_CHECK + 2))
        """Checks by how many events they have: finding who has the most takes no look at all of them."""
        self.bytes = 0

    def with_most(self) -> str | None:
        """The check with the most events, one of which is not under way."""
        for length in range(len(self.by_length) - 1, 0, -1):
            for uid in self.by_length[length]:
                if length > self.lanes[uid].oldest:
                    return uid
        return None


class EventQueue:
    """One event of a check is under way at a time, so that a receiver gets them in order."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._namespaces: OrderedDict[str, _Namespace] = OrderedDict()
        self._count = 0
        self._bytes = 0
        self._rest = Attempts(REST)
        self._rests_until = float("-inf")

    def __len__(self) -> int:
        return self._count

    def put(self, uid: str, event: CheckEvent, *, namespace: str, now: float) -> int:
        """Let an event of the check, which is of that namespace, wait.

        Returns how many others were dropped for it.
        """
        lane = self._lanes.get(uid)
        if lane is None:
            lane = self._lanes[uid] = _Lane(namespace, Attempts(RETRIES))
            self._namespaces.setdefault(namespace, _Namespace()).lanes[uid] = lane
        self._change(uid, lane, _Waiting(event, now + KEPT))
        dropped = 0
        if len(lane.waiting) > MOST_OF_A_CHECK:
            dropped += self._drop(uid, lane.oldest)
        while self._bytes > MOST_BYTES:
            victim = self._with_most()
            if victim is None:
                break
            dropped += self._drop(victim, self._lanes[victim].oldest)
        return dropped

    def next(self, *, now: float) -> tuple[str, CheckEvent] | None:
        """Take the event that is to be sent now, with its check; None: none is."""
        if now < self._rests_until:
            return None
        for namespace, its in self._namespaces.items():
            for uid, lane in its.lanes.items():
                if not lane.in_flight and now >= lane.not_before:
                    lane.in_flight = True
                    its.lanes.move_to_end(uid)
                    self._namespaces.move_to_end(namespace)
                    return uid, lane.waiting[0].event
        return None

    def next_time(self) -> float | None:
        """Return when there may be one to be sent; None: nothing waits that is not under way."""
        times = (lane.not_before for lane in self._lanes.values() if not lane.in_flight)
        first = min(times, default=None)
        return None if first is None else max(first, self._rests_until)

    def put_back(self, uid: str) -> None:
        """Let the event of a check that was under way wait on: nobody knows whether it was taken."""
        self._lanes[uid].in_flight = False

    def over(self, uid: str) -> None:
        """Forget the event of a check that was under way: it was taken, or never will be."""
        self._rest.succeeded()
        self._rests_until = float("-inf")
        lane = self._lanes[uid]
        lane.in_flight = False
        lane.attempts.succeeded()
        lane.not_before = float("-inf")
        self._drop(uid, 0)

    def give_up(self, *, now: float) -> list[str]:
        """Drop what has waited for too long, of all checks: few are tried while nothing is taken.

        Returns the check of each.
        """
        dropped = list[str]()
        for uid, lane in list(self._lanes.items()):
            while len(lane.waiting) > lane.oldest and now >= lane.waiting[lane.oldest].until:
                self._drop(uid, lane.oldest)
                dropped.append(uid)
        return dropped

    def waits(self, uid: str) -> bool:
        """Whether an event of the check waits or is under way."""
        return uid in self._lanes

    def failed(self, uid: str, *, asked: float, now: float, chance: Chance) -> None:
        """Let an event wait for another attempt, `asked` seconds at least."""
        asked = min(asked, LONGEST_ASKED)
        self._rest.failures += 1
        self._rests_until = now + max(REST.pause(self._rest.failures, chance=chance), asked)
        lane = self._lanes[uid]
        lane.in_flight = False
        lane.attempts.failures += 1
        lane.not_before = now + max(RETRIES.pause(lane.attempts.failures, chance=chance), asked)

    def _drop(self, uid: str, place: int) -> int:
        """Drop one event of a check."""
        lane = self._lanes[uid]
        self._change(uid, lane, place)
        if not lane.waiting:
            del self._lanes[uid]
            its = self._namespaces[lane.namespace]
            del its.lanes[uid]
            if not its.lanes:
                del self._namespaces[lane.namespace]
        return 1

    def _change(self, uid: str, lane: _Lane, event: _Waiting | int) -> None:
        """Put an event behind the others, or take away the one in that place."""
        its = self._namespaces[lane.namespace]
        its.by_length[len(lane.waiting)].pop(uid, None)
        if isinstance(event, _Waiting):
            lane.waiting.append(event)
            size, count = len(event.event.body), 1
        else:
            size, count = -len(lane.waiting[event].event.body), -1
            del lane.waiting[event]
        self._bytes += size
        its.bytes += size
        self._count += count
        if lane.waiting:
            its.by_length[len(lane.waiting)][uid] = None

    def _with_most(self) -> str | None:
        """The check to drop an event of; None: all that there are are under way."""
        for its in sorted(self._namespaces.values(), key=lambda each: each.bytes, reverse=True):
            if (uid := its.with_most()) is not None:
                return uid
        return None

"""What a fault of the operator is: where it happened, what it was, and how long it stands. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

FIRST_PAUSE, LONGEST_PAUSE = 60.0, 1800.0
"""Seconds that a fault stands after it was seen last, when it has come back; doubled each time.

Otherwise a fault that comes and goes would have the status written, and an event posted, each time.
"""
REMEMBERED = 3600.0
"""Seconds after which a fault that is over is forgotten, and one that is seen again is logged again."""
MOST_KEPT = 64
"""Faults remembered of one check, and of the operator as a whole; more are only counted."""
PACKAGE = __name__.partition(".")[0]


class Where(StrEnum):
    """What the operator was about. Of several faults the first in this order is told."""

    doing: str

    def __new__(cls, value: str, doing: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.doing = doing
        return member

    RECONCILE = ("reconcile", "carrying out the spec")
    WATCH = ("watch", "filing what a watch has shown")
    RESULT = ("result", "counting a result")
    JUDGE = ("judge", "judging the check")
    WRITE = ("write", "writing the status")
    EVENT = ("event", "telling an event")
    METRICS = ("metrics", "exporting the check's metrics")
    CLOCK = ("clock", "following a step of the clock")
    DIAGNOSIS = ("diagnosis", "diagnosing the check")
    NOTIFY = ("notify", "telling others of the check")
    SWEEP = ("sweep", "comparing with the API")
    WATCHDOG = ("watchdog", "looking for checks that nobody judges")
    TASK = ("task", "running a task")
    LOOP = ("loop", "running a timer or a callback")


@dataclass(frozen=True, slots=True)
class Fault:
    """What happened, in words that do not depend on data: the exception's own text is only logged."""

    where: Where
    kind: str
    """Class of the exception."""
    place: str
    """Module and line of our own code in which it was raised, or that called what raised it."""

    @property
    def message(self) -> str:
        """Of the condition."""
        return (
            f"a fault of the operator, not of the tunnel: {self.kind} in {self.place} while "
            f"{self.where.doing}; nothing is claimed about the tunnel until that is over. The operator's "
            "log has the traceback: please report it, and see whether a newer version mends it"
        )


def fault_of(where: Where, error: BaseException) -> Fault:
    """Read the fault from its exception."""
    place, trace = "unknown code", error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__"))
        if module.partition(".")[0] == PACKAGE:
            place = f"{module.removeprefix(PACKAGE + '.')}:{trace.tb_lineno}"
        trace = trace.tb_next
    return Fault(where, type(error).__name__, place)


@dataclass(slots=True)
class Standing:
    """A fault about one check, from when it was first seen until a while after it is over."""

    fault: Fault
    seen: float
    """When it was last seen; this and `until` on the steady clock."""
    until: float
    """Not over before."""
    returns: int = 0
    """How often it came back after it was over; of a write: how often it was tried again."""
    over: bool = False
    """What failed has succeeded since."""

    def stands(self, now: float) -> bool:
        """Whether the check is to be reported as InternalError for it."""
        return not self.over or now < self.until


FaultKey = tuple[Where, str]
"""Where, and what of the check it is about (a probe, an object): one success clears no other fault."""


_ORDER = {where: place for place, where in enumerate(Where)}
_PAUSED_AT_ONCE = frozenset({Where.WRITE})
"""Each attempt costs a request that is refused: they have pauses from the first on."""


class StandingFaults:
    """The faults about one check. Pure: seconds of a steady clock are passed in."""

    __slots__ = ("_standing",)

    def __init__(self) -> None:
        self._standing: dict[FaultKey, Standing] = {}

    def __len__(self) -> int:
        return len(self._standing)

    def about(self, where: Where) -> list[str]:
        """What the faults of this kind are about: the keys that they were noted under."""
        return [about for place, about in self._standing if place is where]

    def note(self, fault: Fault, key: str, *, now: float) -> bool:
        """Let the fault stand; whether it is news."""
        known = self._standing.get((fault.where, key))
        if known is None:
            if len(self._standing) >= MOST_KEPT:
                key = ""
            pause = FIRST_PAUSE if fault.where in _PAUSED_AT_ONCE else 0.0
            news = (fault.where, key) not in self._standing
            self._standing[fault.where, key] = Standing(fault, seen=now, until=now + pause)
            return news
        stood, before = known.stands(now), known.fault
        if known.over or fault.where in _PAUSED_AT_ONCE:
            known.returns += 1
            known.until = now + min(FIRST_PAUSE * 2.0 ** min(known.returns - 1, 20), LONGEST_PAUSE)
        known.over, known.seen, known.fault = False, now, fault
        return not stood or before != fault

    def over(self, where: Where, *, key: str | None = None) -> None:
        """What may have failed has succeeded; without a key: all that it may have been about."""
        for (place, about), standing in self._standing.items():
            if place is where and key in (None, about):
                standing.over = True

    def gravest(self, *, trying: Collection[Where] = (), now: float) -> Fault | None:
        """What the check is to be reported under; of what is being tried now only what is in a pause."""
        found = [
            each.fault
            for (where, _), each in self._standing.items()
            if (now < each.until if where in trying else each.stands(now))
        ]
        return min(found, key=lambda fault: _ORDER[fault.where], default=None)

    def pauses(self, where: Where, *, now: float) -> bool:
        """Whether such a fault stands, and it is not yet time to try again."""
        standing = self._standing.get((where, ""))
        return standing is not None and now < standing.until

    def tries(self, where: Where, *, now: float) -> bool:
        """Whether such a fault stands, and it is time to try again."""
        standing = self._standing.get((where, ""))
        return standing is not None and not standing.over and now >= standing.until

    def forget_old(self, *, now: float) -> None:
        """Forget what has been over for long."""
        for key, each in list(self._standing.items()):
            if each.over and now > max(each.until, each.seen + REMEMBERED):
                del self._standing[key]

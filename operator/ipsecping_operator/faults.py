"""Faults of the operator itself: counted, logged, and remembered for the check that they befell.

A check about which a fault stands is reported as Healthy=Unknown, InternalError: nothing is claimed about a
tunnel by an operator that failed at judging it.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, Self

from . import logs

FIRST_HOLD, LONGEST_HOLD = 60.0, 1800.0
"""Seconds that a fault stands after it was seen last, when it has come back; doubled each time.

Otherwise a fault that comes and goes would have the status written, and an event posted, each time.
"""
REMEMBERED = 3600.0
"""Seconds after which a fault that is over is forgotten, and one that is seen again is logged again."""
MOST_KEPT = 64
"""Faults remembered of one check, and of the operator as a whole; more are only counted."""
PACKAGE = __name__.partition(".")[0]

_log = logging.getLogger(__name__)


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
    SWEEP = ("sweep", "comparing with the API")
    WATCHDOG = ("watchdog", "looking for checks that nobody judges")
    TASK = ("task", "running a task")
    LOOP = ("loop", "running a timer or a callback")


_ORDER = {where: place for place, where in enumerate(Where)}
_HELD_AT_ONCE = frozenset({Where.WRITE})
"""Each attempt costs a request that is refused: they have pauses from the first on."""


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
        held = self._standing.get((fault.where, key))
        if held is None:
            if len(self._standing) >= MOST_KEPT:
                key = ""
            pause = FIRST_HOLD if fault.where in _HELD_AT_ONCE else 0.0
            news = (fault.where, key) not in self._standing
            self._standing[fault.where, key] = Standing(fault, seen=now, until=now + pause)
            return news
        stood, before = held.stands(now), held.fault
        if held.over or fault.where in _HELD_AT_ONCE:
            held.returns += 1
            held.until = now + min(FIRST_HOLD * 2.0 ** min(held.returns - 1, 20), LONGEST_HOLD)
        held.over, held.seen, held.fault = False, now, fault
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


class Subject(Protocol):
    """A check that a fault may be about."""

    @property
    def uid(self) -> str:
        """Of the custom resource."""

    @property
    def metadata(self) -> Mapping[str, Any] | None:
        """Of the custom resource; None where that is not there."""

    @property
    def faults(self) -> StandingFaults:
        """Those about it."""


class Faults:
    """The one place that every fault of the operator comes to. None of its methods raises."""

    def __init__(
        self, *, count: Callable[[Where], None], steady: Callable[[], float] = time.monotonic
    ) -> None:
        """`steady` gives seconds on a clock that nobody sets."""
        self._count = count
        self._steady = steady
        self._logged: dict[tuple[str, Fault], float] = {}
        self.changed: Callable[[str], None] = lambda uid: None
        """Told the UID of a check about which another fault stands than before."""

    def note(
        self, where: Where, error: BaseException, state: Subject | None = None, *, key: str = ""
    ) -> None:
        """Count the fault, log it unless it was logged lately, and let it stand for the check."""
        try:
            self._count(where)
            fault = fault_of(where, error)
            self._tell(fault, error, state)
            if state is None:
                return
            news = state.faults.note(fault, key, now=self._steady())
            if news and state.metadata is not None:
                self.changed(state.uid)
        except Exception:
            _log.exception("noting a fault (%s): a fault of the operator", where)

    def over(self, state: Subject, where: Where, *, key: str | None = None) -> None:
        """What may have failed has succeeded; without a key: all that it may have been about."""
        state.faults.over(where, key=key)

    @contextmanager
    def guard(self, where: Where, state: Subject | None = None, *, key: str = "") -> Iterator[None]:
        """Note what is raised inside, and go on after it."""
        try:
            yield
        except Exception as error:
            self.note(where, error, state, key=key)
        else:
            if state is not None:
                self.over(state, where, key=key)

    def standing(self, state: Subject, *, trying: Collection[Where] = ()) -> Fault | None:
        """What the check is to be reported under; of what is being tried now only what is in a pause."""
        return state.faults.gravest(trying=trying, now=self._steady()) if state.faults else None

    def pauses(self, state: Subject, where: Where) -> bool:
        """Whether such a fault stands, and it is not yet time to try again."""
        return state.faults.pauses(where, now=self._steady())

    def tries(self, state: Subject, where: Where) -> bool:
        """Whether such a fault stands, and it is time to try again."""
        return state.faults.tries(where, now=self._steady())

    def forget_old(self, state: Subject) -> None:
        """Forget what has been over for long."""
        state.faults.forget_old(now=self._steady())

    def _tell(self, fault: Fault, error: BaseException, state: Subject | None) -> None:
        now = self._steady()
        about = ("" if state is None else state.uid, fault)
        last = self._logged.get(about)
        if last is not None and now - last < REMEMBERED:
            return
        self._logged.pop(about, None)
        while len(self._logged) >= 16 * MOST_KEPT:
            del self._logged[next(iter(self._logged))]
        self._logged[about] = now
        _log_of(state).error("%s: a fault of the operator", fault.where.doing, exc_info=error)


def _log_of(state: Subject | None) -> logging.Logger | logs.Log:
    return _log if state is None or state.metadata is None else logs.for_check(__name__, state.metadata)

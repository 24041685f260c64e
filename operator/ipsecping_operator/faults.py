"""Faults of the operator itself: counted, logged, and remembered for the check that they befell.

A check about which a fault stands is reported as Healthy=Unknown, InternalError: nothing is claimed about a
tunnel by an operator that failed at judging it.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from .fault_types import Fault, Standing, Where, fault_of
from .state import CheckState

FIRST_HOLD, LONGEST_HOLD = 60.0, 1800.0
"""Seconds that a fault stands after it was seen last, when it has come back; doubled each time.

Otherwise a fault that comes and goes would have the status written, and an event posted, each time.
"""
REMEMBERED = 3600.0
"""Seconds after which a fault that is over is forgotten, and one that is seen again is logged again."""
MOST_KEPT = 64
"""Faults remembered of one check, and of the operator as a whole; more are only counted."""

_log = logging.getLogger(__name__)


_ORDER = {where: place for place, where in enumerate(Where)}
_HELD_AT_ONCE = frozenset({Where.WRITE})
"""Each attempt costs a request that is refused: they have pauses from the first on."""


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
        self, where: Where, error: BaseException, state: CheckState | None = None, *, key: str = ""
    ) -> None:
        """Count the fault, log it unless it was logged lately, and let it stand for the check."""
        try:
            self._count(where)
            fault = fault_of(where, error)
            self._tell(fault, error, state)
            if state is not None and self._keep(state, fault, key) and state.body is not None:
                self.changed(state.uid)
        except Exception:
            _log.exception("noting a fault (%s): a fault of the operator", where)

    def over(self, state: CheckState, where: Where, *, key: str | None = None) -> None:
        """What may have failed has succeeded; without a key: all that it may have been about."""
        for (place, about), standing in state.faults.items():
            if place is where and key in (None, about):
                standing.over = True

    @contextmanager
    def guard(self, where: Where, state: CheckState | None = None, *, key: str = "") -> Iterator[None]:
        """Note what is raised inside, and go on after it."""
        try:
            yield
        except Exception as error:
            self.note(where, error, state, key=key)
        else:
            if state is not None:
                self.over(state, where, key=key)

    def standing(self, state: CheckState, *, trying: Collection[Where] = ()) -> Fault | None:
        """What the check is to be reported under; of what is being tried now only what is in a pause."""
        if not state.faults:
            return None
        now = self._steady()
        found = [
            each.fault
            for (where, _), each in state.faults.items()
            if (now < each.until if where in trying else each.stands(now))
        ]
        return min(found, key=lambda fault: _ORDER[fault.where], default=None)

    def pauses(self, state: CheckState, where: Where) -> bool:
        """Whether such a fault stands, and it is not yet time to try again."""
        standing = state.faults.get((where, ""))
        return standing is not None and self._steady() < standing.until

    def tries(self, state: CheckState, where: Where) -> bool:
        """Whether such a fault stands, and it is time to try again."""
        standing = state.faults.get((where, ""))
        return standing is not None and not standing.over and self._steady() >= standing.until

    def forget_old(self, state: CheckState) -> None:
        """Forget what has been over for long."""
        now = self._steady()
        for key, each in list(state.faults.items()):
            if each.over and now > max(each.until, each.seen + REMEMBERED):
                del state.faults[key]

    def _keep(self, state: CheckState, fault: Fault, key: str) -> bool:
        """Whether it is news."""
        now = self._steady()
        held = state.faults.get((fault.where, key))
        if held is None:
            if len(state.faults) >= MOST_KEPT:
                key = ""
            pause = FIRST_HOLD if fault.where in _HELD_AT_ONCE else 0.0
            news = (fault.where, key) not in state.faults
            state.faults[fault.where, key] = Standing(fault, seen=now, until=now + pause)
            return news
        stood, before = held.stands(now), held.fault
        if held.over or fault.where in _HELD_AT_ONCE:
            held.returns += 1
            held.until = now + min(FIRST_HOLD * 2.0 ** min(held.returns - 1, 20), LONGEST_HOLD)
        held.over, held.seen, held.fault = False, now, fault
        return not stood or before != fault

    def _tell(self, fault: Fault, error: BaseException, state: CheckState | None) -> None:
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


def _log_of(state: CheckState | None) -> logging.Logger | logging.LoggerAdapter[logging.Logger]:
    if state is None or state.body is None:
        return _log
    meta = state.body["metadata"]
    return logging.LoggerAdapter(
        _log, {"namespace": meta["namespace"], "check": meta["name"], "uid": state.uid}
    )

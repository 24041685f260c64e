"""Faults of the operator itself: counted, logged, and remembered for the check that they befell.

A check about which a fault stands is reported as Healthy=Unknown, InternalError: nothing is claimed about a
tunnel by an operator that failed at judging it.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from . import logs
from .check.state import CheckState
from .fault_types import MOST_KEPT, REMEMBERED, Fault, Where, fault_of

_log = logging.getLogger(__name__)


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
            if state is None:
                return
            news = state.faults.note(fault, key, now=self._steady())
            if news and state.metadata is not None:
                self.changed(state.uid)
        except Exception:
            _log.exception("noting a fault (%s): a fault of the operator", where)

    def over(self, state: CheckState, where: Where, *, key: str | None = None) -> None:
        """What may have failed has succeeded; without a key: all that it may have been about."""
        state.faults.over(where, key=key)

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
        return state.faults.gravest(trying=trying, now=self._steady()) if state.faults else None

    def pauses(self, state: CheckState, where: Where) -> bool:
        """Whether such a fault stands, and it is not yet time to try again."""
        return state.faults.pauses(where, now=self._steady())

    def tries(self, state: CheckState, where: Where) -> bool:
        """Whether such a fault stands, and it is time to try again."""
        return state.faults.tries(where, now=self._steady())

    def forget_old(self, state: CheckState) -> None:
        """Forget what has been over for long."""
        state.faults.forget_old(now=self._steady())

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


def _log_of(state: CheckState | None) -> logging.Logger | logs.Log:
    return _log if state is None or state.metadata is None else logs.for_check(__name__, state.metadata)

"""Follow a step of the wall clock: how long ago something was measured does not change with it."""

import logging

from ipsecping_operator.cache.store import Store
from ipsecping_operator.collect.collector import Collector
from ipsecping_operator.diagnosis.diagnoses import Diagnoses
from ipsecping_operator.fault_types import Where
from ipsecping_operator.faults import Faults
from ipsecping_operator.notify.notifier import Notifier
from ipsecping_operator.report.reporter import Reporter

_log = logging.getLogger(__name__)


class ClockSteps:
    """Shifts what is remembered of checks, of their agents' clocks, of diagnoses under way and of alerts."""

    def __init__(
        self,
        *,
        store: Store,
        collector: Collector,
        diagnoses: Diagnoses,
        notifier: Notifier,
        reporter: Reporter,
        faults: Faults,
    ) -> None:
        self._store = store
        self._diagnoses = diagnoses
        self._collector = collector
        self._notifier = notifier
        self._reporter = reporter
        self._faults = faults

    def follow(self, by: int) -> None:
        """Shift everything by so many nanoseconds, by which the clock was set forward (back: negative).

        Raises nothing: a check that cannot be shifted is measured anew.
        """
        _log.warning("the clock was set %s by %.1f s", "forward" if by > 0 else "back", abs(by) / 1e9)
        with self._faults.guard(Where.CLOCK):
            self._collector.shift(by)
        with self._faults.guard(Where.CLOCK):
            self._diagnoses.shift(by)
        with self._faults.guard(Where.NOTIFY):
            self._notifier.shift(by)
        for uid, state in list(self._store.checks.items()):
            try:
                state.shift(by)
            except Exception as error:
                self._faults.note(Where.CLOCK, error, state)
                # Some of it was shifted and some was not: better to measure anew.
                state.measured.discard()
            else:
                self._faults.over(state, Where.CLOCK)
            self._reporter.report_soon(uid)

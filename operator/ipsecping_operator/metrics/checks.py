"""The metrics of all checks, worked out when they are scraped."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from ipsecping_operator.check.state import CheckState

from .described import Failed
from .families import families


class CheckCollector(Collector):
    """Exports every check that was valid at least once; a check that has gone leaves no series.

    One that cannot be exported costs no other check anything: it keeps nothing but its conditions, which then
    say Healthy=Unknown.
    """

    def __init__(
        self,
        checks: Mapping[str, CheckState],
        *,
        failed: Failed,
        exported: Callable[[CheckState], None],
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """`failed` is told of a check that cannot be exported; `exported` of one with faults that was."""
        self._checks = checks
        self._failed = failed
        self._exported = exported
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        """Return nothing, so that the registry need not collect in order to register."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield all families, in the order of their documentation."""
        # Written out piece by piece, while checks come and go.
        states = [state for state in self._checks.values() if state.metadata and state.applied.compiled]
        now, out = self._clock(), set[str]()

        def failed(state: CheckState, error: Exception) -> None:
            out.add(state.uid)
            self._failed(state, error)

        for each in families():
            yield each.of(states, now, out, failed)
        for state in states:
            if state.faults and state.uid not in out:
                self._exported(state)

    def export(self, state: CheckState) -> None:
        """Work out all samples of one check. Raises what that raises."""
        if state.metadata and state.applied.compiled:
            now = self._clock()
            for each in families():
                each.samples(state, now)

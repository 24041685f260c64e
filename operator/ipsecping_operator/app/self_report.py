"""What the running operator says of itself in its metrics, its health and its log."""

import logging
import time
from collections.abc import Sequence

from ipsecping_operator.cache.store import Store
from ipsecping_operator.cache.sweep import Listed
from ipsecping_operator.collect.collector import Collector
from ipsecping_operator.metrics.health import Health, Phase
from ipsecping_operator.metrics.operator import OperatorMetrics
from ipsecping_operator.observe.belonging import Stray
from ipsecping_operator.observe.kinds import WATCHED
from ipsecping_operator.observe.projection import Meta

from .watchdog import Findings

_log = logging.getLogger(__name__)


class SelfReport:
    """Turns what the parts find into gauges and health."""

    def __init__(self, metrics: OperatorMetrics, health: Health) -> None:
        self._metrics = metrics
        self._health = health

    def leading(self) -> None:
        """Say that the operator leads from now on."""
        for kind in WATCHED:
            self._metrics.saw(kind.name)
            self._metrics.unseen(kind.name, 0)
        self._health.phase = Phase.LEADING
        self._metrics.leader.set(1)

    def dropped(self, meta: Meta, why: Stray) -> None:
        """Count and log an object that bears a check's label and is not the check's."""
        self._metrics.dropped(meta.kind, why)
        _log.debug(
            "%s %s/%s bears the label of check %s and is not the check's: %s",
            meta.kind,
            meta.namespace,
            meta.name,
            meta.check_uid,
            why,
        )

    def watched(self, seen: Findings) -> None:
        """Take over what the watchdog found in a pass over all checks."""
        self._metrics.faulty.set(seen.faulty)
        self._metrics.overdue.set(len(seen.overdue))
        self._metrics.comparison_age.set(seen.oldest)
        self._metrics.unwritten.set(seen.unwritten)
        self._health.watched, self._health.unjudged = time.monotonic(), seen.lost

    def unseen(self, never: Sequence[Listed]) -> None:
        """Say which objects the API has that their watches have never shown, or will not: deaf ones."""
        unseen = {kind.name: [one.name for one in never if one.kind == kind.name] for kind in WATCHED}
        for kind, names in unseen.items():
            self._metrics.unseen(kind, len(names))
        self._health.unseen = {kind: names for kind, names in unseen.items() if names}
        # What was missed stays so when the versions have grown again.
        self._health.older = self._health.older or [one.name for one in never if one.older]
        if never:
            _log.error("%s", self._health.problem(time.monotonic()))

    def gauge(self, store: Store, collector: Collector) -> None:
        """Set the gauges that are looked up whenever the metrics are made."""
        self._metrics.streams.set(collector.reading)
        self._metrics.unreadable.set(collector.unreadable)
        self._metrics.checks.set(sum(state.metadata is not None for state in store.checks.values()))

"""What the operator tells of itself."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from ipsecping_operator.check.rejection import Rejection
from ipsecping_operator.fault_types import Where
from ipsecping_operator.observe.belonging import Stray
from ipsecping_operator.status.diagnosis import OUTCOMES

REFUSED = "Refused"
DELIVERED, FAILED, DROPPED = "Delivered", "Failed", "Dropped"
NOTIFIED = (DELIVERED, FAILED, REFUSED, DROPPED)
"""What becomes of notifications."""


class OperatorMetrics:
    """Counters and gauges of the operator's own work, in a registry of their own."""

    def __init__(self, *, lease: str = "") -> None:
        """`lease`: NAMESPACE/NAME of the Lease that this operator waits for; empty where there is none."""
        # A second series for each counter, which Prometheus does not need.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.reconciles = Histogram(
            "ipsecping_operator_reconcile_seconds",
            "Time one reconciliation of one check took.",
            buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30),
            registry=self.registry,
        )
        self.reconcile_errors = Counter(
            "ipsecping_operator_reconcile_errors",
            "Reconciliations that failed and are repeated.",
            registry=self.registry,
        )
        self._requests = Counter(
            "ipsecping_operator_api_requests",
            "Requests to the Kubernetes API; of watches and of Kopf's only those that it puts off (429).",
            ("verb", "code"),
            registry=self.registry,
        )
        self._writes = Counter(
            "ipsecping_operator_status_writes",
            "Statuses written, found unchanged, failed, or edited by somebody else and written again.",
            ("outcome",),
            registry=self.registry,
        )
        self._results = Counter(
            "ipsecping_operator_results",
            "Results received, by whether they were counted: Accepted, or the reason why not.",
            ("outcome",),
            registry=self.registry,
        )
        for outcome in ("Accepted", *Rejection):
            self._results.labels(outcome)
        self.held_back = Counter(
            "ipsecping_operator_agent_streams_held_back_seconds",
            "Time that streams were not read because agents send more than their plans make.",
            registry=self.registry,
        )
        self._diagnoses = Counter(
            "ipsecping_operator_diagnoses",
            "Diagnoses of checks, by what they came to; Refused: reports that break the contract, or are "
            "about something else than was asked, which came to NotRun.",
            ("outcome",),
            registry=self.registry,
        )
        for outcome in (*OUTCOMES, REFUSED):
            self._diagnoses.labels(outcome)
        self._watch = Gauge(
            "ipsecping_operator_watch_event_timestamp_seconds",
            "When the newest event of a kind was seen, or the watch began, Unix time.",
            ("kind",),
            registry=self.registry,
        )
        self._unseen = Gauge(
            "ipsecping_operator_watch_unseen_objects",
            "Objects that the API holds and the watch has not shown in time: above 0 it has gone deaf.",
            ("kind",),
            registry=self.registry,
        )
        self._faults = Counter(
            "ipsecping_operator_faults",
            "Faults of the operator itself, by what it was about: each is a bug.",
            ("where",),
            registry=self.registry,
        )
        for where in Where:
            self._faults.labels(where.value)
        self.faulty = Gauge(
            "ipsecping_operator_faulty_checks",
            "Checks about which nothing is claimed because of a fault of the operator (InternalError).",
            registry=self.registry,
        )
        self.overdue = Gauge(
            "ipsecping_operator_overdue_checks",
            "Checks whose results were not compared with their status within two intervals.",
            registry=self.registry,
        )
        self.comparison_age = Gauge(
            "ipsecping_operator_comparison_age_ratio",
            "Age of the oldest comparison of a check's results with its status, in parts of two of its "
            "intervals (at least 10 s, at most 5 m): above 1 it is overdue.",
            registry=self.registry,
        )
        self.unwritten = Gauge(
            "ipsecping_operator_unwritten_checks",
            "Checks whose status has long not been what was decided: the API is away, or refuses.",
            registry=self.registry,
        )
        self._notifications = Counter(
            "ipsecping_operator_notifications",
            "Alerts and events by whom they were for and what became of them: Delivered, Failed (an attempt, "
            "which is repeated), Refused by the receiver, Dropped because others had no room or it took too "
            "long.",
            ("receiver", "outcome"),
            registry=self.registry,
        )
        self._notifications_waiting = Gauge(
            "ipsecping_operator_notifications_waiting",
            "Alerts and events that a receiver has still to be told of.",
            ("receiver",),
            registry=self.registry,
        )
        self._notifications_left_out = Gauge(
            "ipsecping_operator_notifications_left_out",
            "Alerts that fire and that a receiver is not told of, for their namespace has used its share of "
            "what it is told of.",
            ("receiver",),
            registry=self.registry,
        )
        self._notified = Gauge(
            "ipsecping_operator_notification_success_timestamp_seconds",
            "When a receiver took something last, Unix time; 0 before the first time.",
            ("receiver",),
            registry=self.registry,
        )
        self._dropped = Counter(
            "ipsecping_operator_objects_dropped",
            "Objects seen that bear a check's label and are not the check's, by why not.",
            ("kind", "reason"),
            registry=self.registry,
        )
        self.leader = Gauge(
            "ipsecping_operator_leader",
            "1 when this operator works, 0 when it waits for the Lease that the label names.",
            ("lease",),
            registry=self.registry,
        ).labels(lease)
        self.streams = Gauge(
            "ipsecping_operator_agent_streams", "Agents whose results are followed.", registry=self.registry
        )
        self.unreadable = Gauge(
            "ipsecping_operator_agents_unreadable",
            "Agents of those that cannot be read at present.",
            registry=self.registry,
        )
        self.checks = Gauge("ipsecping_operator_checks", "Checks known.", registry=self.registry)

    def request(self, verb: str, code: str) -> None:
        """Count a request to the API."""
        self._requests.labels(verb, code).inc()

    def write(self, outcome: str) -> None:
        """Count what became of a status."""
        self._writes.labels(outcome).inc()

    def result(self, rejection: Rejection | None, count: int) -> None:
        """Count results accepted (None) or dropped."""
        self._results.labels("Accepted" if rejection is None else rejection.value).inc(count)

    def diagnosis(self, outcome: str) -> None:
        """Count a diagnosis that is over, or a report that was refused."""
        self._diagnoses.labels(outcome).inc()

    def notifies(self, receiver: str) -> None:
        """Have the series of a receiver from the start on."""
        for outcome in NOTIFIED:
            self._notifications.labels(receiver, outcome)
        self._notified.labels(receiver)
        self.notifications_wait(receiver, 0)
        self.notifications_left_out(receiver, 0)

    def notification(self, receiver: str, outcome: str, count: int = 1) -> None:
        """Count alerts or events by what became of them, one of NOTIFIED."""
        self._notifications.labels(receiver, outcome).inc(count)
        if outcome == DELIVERED:
            self._notified.labels(receiver).set(time.time())

    def notifications_wait(self, receiver: str, count: int) -> None:
        """Set how many the receiver has still to be told of."""
        self._notifications_waiting.labels(receiver).set(count)

    def notifications_left_out(self, receiver: str, count: int) -> None:
        """Set how many alerts that fire the receiver is not told of."""
        self._notifications_left_out.labels(receiver).set(count)

    def fault(self, where: Where) -> None:
        """Count a fault of the operator."""
        self._faults.labels(where.value).inc()

    def dropped(self, kind: str, reason: Stray) -> None:
        """Count an object that was not filed."""
        self._dropped.labels(kind, reason.value).inc()

    def unseen(self, kind: str, count: int) -> None:
        """Set how many objects of this kind their watch has not shown."""
        self._unseen.labels(kind).set(count)

    def saw(self, kind: str) -> None:
        """Note that an event of this kind came through a watch now."""
        self._watch.labels(kind).set(time.time())

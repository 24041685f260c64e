"""The alerts that a check deserves: the same names and labels as by the rules for Prometheus. Pure."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from ipsecping.contract import ProbeType
from ipsecping.printable import printable
from ipsecping_operator.api.conditions import ConditionStatus, HealthyReason
from ipsecping_operator.status.conditions import Condition

from . import alert_kinds as kinds
from .alert_kinds import AlertKind
from .findings import ProbeFinding

Labels = tuple[tuple[str, str], ...]
"""Sorted, without empty ones: what Alertmanager knows an alert by."""
ProbeKey = tuple[str, str]
"""Path and probe."""
FLAPPING_OUTAGES = 4
UNDECIDED = 60.0 * kinds.UNDECIDED_MINUTES
"""Seconds."""
MAX_TEXT = 2048
"""Characters of an annotation."""
_OF_A_PATH = ("path", "target", "remote_ip")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert; it fires once it has lasted for its kind's time."""

    kind: AlertKind
    path: str
    """Empty where it is about the whole check, or a gateway."""
    labels: Labels
    summary: str
    description: str
    later: float = 0.0
    """Seconds that it has to last beyond that time, for as long as it may be part of something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is known of one check whose alerts are wanted."""

    routing: Mapping[str, Mapping[str, str]]
    """Path to the labels that its alerts are routed by; some may be empty."""
    found: Sequence[ProbeFinding]
    ready: Condition | None
    healthy: Condition | None
    lately_down: Set[ProbeKey]
    """Probes in whose window an outage lies."""
    undecided: Set[ProbeKey]
    """Probes that lose, and were not answered since: it may be the beginning of an outage."""
    outages: int
    """Begun within an hour."""
    diagnosis: str
    """What was found in the outage that lasts; empty: nothing."""


def path_down(found: Sequence[ProbeFinding], path: str) -> bool | None:
    """Return whether a path carries nothing at all; None where that is not known.

    IKE goes to the gateway, beside the tunnel. A probe of more patience than the others delays nothing.
    """
    known = [each for each in found if each.path == path and each.type is not ProbeType.IKE]
    told = [each for each in known if each.down is not None]
    return (
        any(each.down for each in told) and all(each.down or each.silent for each in told) if told else None
    )


def alerts_of(subject: Subject) -> Iterator[Alert]:
    """Yield the alerts of one check."""
    downs = {path: path_down(subject.found, path) for path in subject.routing}
    known = [down for down in downs.values() if down is not None]
    for path, routing in subject.routing.items():
        found = [each for each in subject.found if each.path == path]
        yield from _of_path(subject, routing, found, down=downs[path] is True, all_down=all(known))
    first = next(iter(subject.routing.values()))
    whole = {key: value for key, value in first.items() if key not in _OF_A_PATH}
    where = f"{first['tunnel_name']}: "
    if subject.outages >= FLAPPING_OUTAGES and subject.healthy is not None:
        yield _alert(
            kinds.FLAPPING,
            whole,
            f"{where}{subject.outages} outages of {first['check']} in an hour",
            f"{kinds.FLAPPING.meaning} Healthy is now: {subject.healthy.status} ({subject.healthy.reason})",
        )
    if subject.ready is not None and subject.ready.status is not ConditionStatus.TRUE:
        yield _alert(
            kinds.CHECK_NOT_READY,
            whole,
            f"{where}check {first['check']} {kinds.CHECK_NOT_READY.summary}",
            f"Ready is not True: {subject.ready.reason}: {subject.ready.message}",
        )


def _of_path(
    subject: Subject,
    routing: Mapping[str, str],
    found: Sequence[ProbeFinding],
    *,
    down: bool,
    all_down: bool,
) -> Iterator[Alert]:
    def alert(kind: AlertKind, probes: Sequence[ProbeFinding], *, later: float = 0.0) -> Iterator[Alert]:
        if probes:
            address = f" ({routing['remote_ip']})" if routing["remote_ip"] else ""
            where = f"on {routing['check']}/{routing['path']} to {routing['target']}{address}"
            summary = f"{routing['tunnel_name']}: {kind.summary} {where}"
            described = _description(kind, probes, subject, routing)
            yield _alert(kind, routing, summary, described, later=later)

    silent = kinds.PROBE_DOWN if not down else kinds.TUNNEL_DOWN if all_down else kinds.PATH_DOWN
    yield from alert(silent, [each for each in found if each.down])
    yield from alert(kinds.CERTIFICATE_EXPIRING, [each for each in found if each.certificate_ends])
    reasons = {each.reason for each in found}
    for kind in kinds.BY_REASON:
        if not reasons.isdisjoint(kind.reasons):
            deserve = [each for each in found if _deserves(each, kind, subject)]
            decided = [each for each in deserve if not (kind.part_of_outage and _undecided(each, subject))]
            yield from alert(kind, decided or deserve, later=0.0 if decided else UNDECIDED)


def _deserves(found: ProbeFinding, kind: AlertKind, subject: Subject) -> bool:
    if found.reason not in kind.reasons:
        return False
    if kind.part_of_outage and (found.path, found.probe) in subject.lately_down:
        return False
    return not (found.reason is HealthyReason.PROBE_FAILED and found.certificate_ends)


def _undecided(found: ProbeFinding, subject: Subject) -> bool:
    return (found.path, found.probe) in subject.undecided


def _description(
    kind: AlertKind, probes: Sequence[ProbeFinding], subject: Subject, routing: Mapping[str, str]
) -> str:
    said = "; ".join(dict.fromkeys(each.message for each in probes))
    named = ", ".join(f"{each.probe} ({each.reason})" for each in probes)
    parts = [f"{said}.", kind.meaning, f"Probes: {named}."]
    if kind.diagnosed and subject.diagnosis:
        step = f"kubectl -n {routing['namespace']} describe itc {routing['check']}"
        parts.append(f"Diagnosis: {subject.diagnosis}; next step: {step}.")
    return " ".join(part for part in parts if part)


def _alert(
    kind: AlertKind, routing: Mapping[str, str], summary: str, description: str, *, later: float = 0.0
) -> Alert:
    return Alert(
        kind=kind,
        path=routing.get("path", ""),
        labels=labels_of(kind, routing),
        summary=printable(summary, MAX_TEXT),
        description=printable(description, MAX_TEXT),
        later=later,
    )


def labels_of(kind: AlertKind, routing: Mapping[str, str]) -> Labels:
    """Return the labels of an alert of that kind, routed so."""
    labels = {**routing, "alertname": kind.alertname, "severity": kind.severity(routing["severity"])}
    return tuple(sorted((key, value) for key, value in labels.items() if value))

"""What rules for alerts go by: how each check's alerts are routed, and why it is not healthy."""

from collections.abc import Iterator, Sequence
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.samples import Sample

from ipsecping.contract.fields import canonical_address
from ipsecping_operator.api.conditions import ConditionStatus, ConditionType
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile.compiled import CompiledPath
from ipsecping_operator.verdict.probe import ProbeVerdict

from . import instances
from .described import Described
from .labels import CHECK_LABELS, PROBE_LABELS, check_labels, probe_labels

SECOND = 1_000_000_000
PERCENTILES = (50, 90, 99)


def _routing(family: Any, state: CheckState, _: int) -> None:
    check = state.applied.compiled
    assert check is not None
    if not check.alerting.enabled:
        return
    for path in check.paths:
        family.samples.append(Sample(family.name, routing_labels(state, path), 1))


def routing_labels(state: CheckState, path: CompiledPath) -> dict[str, str]:
    """Return the labels that alerts about a path of a compiled check are routed by; some may be empty."""
    check = state.applied.compiled
    assert check is not None
    # The check's own labels first: no key of theirs can take the place of one of ours.
    return {
        **check.alerting.labels,
        **dict(zip(CHECK_LABELS, check_labels(state), strict=True)),
        "path": path.plan.path,
        "target": path.plan.target,
        "remote_ip": _remote_ip(state, path),
        "gateway": check.gateway or "",
        "severity": check.alerting.severity.lower(),
    }


def _remote_ip(state: CheckState, path: CompiledPath) -> str:
    """The address, or how many there are: a label that names each would be an alert for each.

    Until a restarted operator has read results again, it is what the status tells, or the target is an
    address itself: alerts go on as they were.
    """
    found: Sequence[str] = instances.addresses(state, path.plan.path)
    told = state.reported.last.addresses.get(path.plan.path)
    if not found and told is not None and told.target in (None, path.plan.target):
        found = told.ips
    if not found and (literal := canonical_address(path.plan.target)) is not None:
        found = (literal,)
    return f"{len(found)} addresses" if len(found) > 1 else "".join(found)


def _reasons(family: Any, state: CheckState, _: int) -> None:
    for kind, held in state.reported.last.conditions.items():
        family.add_metric([*check_labels(state), kind.value, held.status.value, held.reason], 1)


def _maintenance(family: Any, state: CheckState, _: int) -> None:
    held = state.reported.last.conditions.get(ConditionType.MAINTENANCE)
    if held is not None:
        family.add_metric(check_labels(state), float(held.status is ConditionStatus.TRUE))


def _findings(family: Any, state: CheckState, _: int) -> None:
    for labels, verdict in _judged(state):
        finding = verdict.finding
        family.add_metric(
            [*labels, verdict.probe.expect.value, finding.status.value, finding.reason.value], 1
        )


def _silent(family: Any, state: CheckState, _: int) -> None:
    for labels, verdict in _judged(state):
        if verdict.silent:
            family.add_metric(labels, 1)


def _percentiles(family: Any, state: CheckState, _: int) -> None:
    for labels, verdict in _judged(state):
        values = () if verdict.figures is None else verdict.figures.percentiles(*PERCENTILES)
        for percent, value in zip(PERCENTILES, values, strict=False):
            family.add_metric([*labels, f"p{percent}"], value / SECOND)


def _certificates(family: Any, state: CheckState, _: int) -> None:
    for labels, verdict in _judged(state):
        assert state.applied.compiled is not None
        least = state.applied.compiled.thresholds.certificate_ns.get(verdict.probe.name)
        if least is not None:
            family.add_metric(labels, least / SECOND)


def _judged(state: CheckState) -> Iterator[tuple[list[str], ProbeVerdict]]:
    """What the last verdict says of each probe, beside its labels."""
    check = state.applied.compiled
    assert check is not None
    targets = {path.plan.path: path.plan.target for path in check.paths}
    verdict = None if state.reported.without_figures else state.reported.last.verdict
    for probe in () if verdict is None else verdict.probes:
        key = probe.path, probe.probe.name
        if (series := state.measured.series.get(key)) is not None:
            yield probe_labels(state, key, series), probe
        elif probe.path in targets:  # nothing was ever measured by it
            yield [*check_labels(state), *key, probe.probe.type, targets[probe.path]], probe


FAMILIES = (
    Described(
        GaugeMetricFamily,
        "ipsecping_alerting_info",
        "Always 1; how alerts about a path are routed (spec.alerting), with the labels that the check adds. "
        "None where alerts are off.",
        (*CHECK_LABELS, "path", "target", "remote_ip", "gateway", "severity"),
        _routing,
    ),
    Described(
        GaugeMetricFamily,
        "ipsecping_check_reason",
        "1 for the status and reason that a condition has.",
        (*CHECK_LABELS, "type", "status", "reason"),
        _reasons,
    ),
    Described(
        GaugeMetricFamily,
        "ipsecping_check_maintenance",
        "1 while a window of spec.maintenance is open, else 0; none where the check has no windows.",
        CHECK_LABELS,
        _maintenance,
    ),
    Described(
        GaugeMetricFamily,
        "ipsecping_probe_finding",
        "1 for what the limits say of a probe: a status and a reason of the condition Healthy.",
        (*PROBE_LABELS, "expect", "status", "reason"),
        _findings,
    ),
    Described(
        GaugeMetricFamily,
        "ipsecping_probe_silent",
        "1 for a probe that is not Down by its own thresholds.downAfter, but would be by the check's.",
        PROBE_LABELS,
        _silent,
    ),
    Described(
        GaugeMetricFamily,
        "ipsecping_rtt_percentile_seconds",
        "Round-trip time over the check's window: p50, p90, p99.",
        (*PROBE_LABELS, "percentile"),
        _percentiles,
    ),
    Described(
        GaugeMetricFamily,
        "ipsecping_certificate_required_seconds",
        "How long the certificate must still be valid (tls.minValidDays).",
        PROBE_LABELS,
        _certificates,
    ),
)

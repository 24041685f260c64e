"""What checks and their probes are judged by."""

from collections.abc import Mapping
from decimal import Decimal

from prometheus_client.core import GaugeMetricFamily

from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import Thresholds

from .described import Described
from .labels import CHECK_LABELS, check_labels

SECOND = 1_000_000_000


def _of_checks(family: GaugeMetricFamily, state: CheckState, _: int) -> None:
    assert state.applied.compiled is not None
    for kind, limit in _limits(state.applied.compiled.thresholds).items():
        family.add_metric([*check_labels(state), kind], limit)


def _of_probes(family: GaugeMetricFamily, state: CheckState, _: int) -> None:
    """Of each probe those that differ from the check's."""
    check = state.applied.compiled
    assert check is not None
    if not check.own_thresholds:
        return
    common = _limits(check.thresholds)
    for probe, thresholds in check.own_thresholds.items():
        for kind, limit in _limits(thresholds).items():
            if common.get(kind) != limit:
                family.add_metric([*check_labels(state), probe, kind], limit)


def _limits(thresholds: Thresholds) -> Mapping[str, float]:
    """Return the limits that are set, by kind."""
    some = {
        **{f"rtt_{name}_seconds": limit for name, limit in sorted(thresholds.rtt_ns.items())},
        "jitter_seconds": thresholds.jitter_ns,
        "burst_seconds": thresholds.burst_ns,
    }
    limits = {
        "loss_ratio": float(thresholds.loss_percent / Decimal(100)),
        "down_after_rounds": float(thresholds.down_after),
        "recover_after_rounds": float(thresholds.recover_after),
        "window_seconds": thresholds.window_ms / 1000,
        **{kind: limit / SECOND for kind, limit in some.items() if limit is not None},
    }
    return limits if thresholds.path_mtu is None else {**limits, "path_mtu_bytes": float(thresholds.path_mtu)}


FAMILIES = (
    Described(
        GaugeMetricFamily,
        "ipsecping_threshold",
        "Limit that the check is judged by; of a probe with one of its own, see ipsecping_probe_threshold.",
        (*CHECK_LABELS, "kind"),
        _of_checks,
    ),
    Described(
        GaugeMetricFamily,
        "ipsecping_probe_threshold",
        "Limit that a probe is judged by in place of the check's (spec.probes[].thresholds).",
        (*CHECK_LABELS, "probe", "kind"),
        _of_probes,
    ),
)

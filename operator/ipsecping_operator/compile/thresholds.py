"""Limits that windows are judged by: from the spec, and back as an effective spec has them."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from ipsecping.contract import AuditFinding
from ipsecping_operator.api import defaults, durations
from ipsecping_operator.api.methods import Audit
from ipsecping_operator.api.spec import CheckSpec
from ipsecping_operator.api.thresholds import ProbeThresholds
from ipsecping_operator.api.thresholds import Thresholds as ThresholdsSpec

from .compiled import DAY, NOTHING, Thresholds
from .durations import shortest


def compile_thresholds(spec: CheckSpec) -> Thresholds:
    """Fill in every default."""
    given = spec.thresholds or ThresholdsSpec()
    whole = Thresholds(
        window_ms=durations.milliseconds(given.window or defaults.WINDOW),
        loss_percent=Decimal(defaults.LOSS_PERCENT),
        rtt_ns=NOTHING,
        down_after=defaults.DOWN_AFTER,
        recover_after=given.recover_after or defaults.RECOVER_AFTER,
        prefer_after=given.prefer_after or defaults.PREFER_AFTER,
        accepted=_accepted(spec),
        certificate_ns=MappingProxyType(
            {probe.name: days * DAY for probe in spec.probe_list if (days := probe.min_valid_days)}
        ),
    )
    return _limited(whole, given)


def compile_own_thresholds(spec: CheckSpec, whole: Thresholds) -> Mapping[str, Thresholds]:
    """Return those of each probe that is judged by others than the check's, `whole`."""
    own = {
        probe.name: limited
        for probe in spec.probe_list
        if probe.thresholds and (limited := _limited(whole, probe.thresholds)) != whole
    }
    return MappingProxyType(own) if own else NOTHING


def _limited(limits: Thresholds, given: ThresholdsSpec | ProbeThresholds) -> Thresholds:
    """Put each limit that is given in place of the one that was there."""
    changes: dict[str, Any] = {}
    if given.loss_percent is not None:
        changes["loss_percent"] = Decimal(given.loss_percent)
    if given.rtt is not None:
        times = given.rtt.model_dump(exclude_none=True).items()
        rtt_ns = {**limits.rtt_ns, **{key: durations.nanoseconds(text) for key, text in times}}
        changes["rtt_ns"] = MappingProxyType(rtt_ns)
    if given.jitter is not None:
        changes["jitter_ns"] = durations.nanoseconds(given.jitter)
    if given.burst is not None:
        changes["burst_ns"] = durations.nanoseconds(given.burst)
    if given.path_mtu is not None:
        changes["path_mtu"] = given.path_mtu
    if given.down_after is not None:
        changes["down_after"] = given.down_after
    return replace(limits, **changes)


def effective_thresholds(limits: Thresholds) -> dict[str, Any]:
    """Write them as a spec with nothing left out."""
    return {
        "window": shortest(limits.window_ms * 10**6),
        "recoverAfter": limits.recover_after,
        "preferAfter": limits.prefer_after,
        **_limits(limits),
    }


def effective_own_thresholds(limits: Thresholds, whole: Thresholds) -> dict[str, Any]:
    """Write those of a probe that differ from the check's, `whole`."""
    effective, others = _limits(limits), _limits(whole)
    if "rtt" in effective:
        times = others.get("rtt", {})
        effective["rtt"] = {key: value for key, value in effective["rtt"].items() if times.get(key) != value}
    return {key: value for key, value in effective.items() if value not in (others.get(key), {})}


def _limits(limits: Thresholds) -> dict[str, Any]:
    thresholds: dict[str, Any] = {
        "lossPercent": str(limits.loss_percent),
        "downAfter": limits.down_after,
    }
    if limits.rtt_ns:
        thresholds["rtt"] = {key: shortest(value) for key, value in limits.rtt_ns.items()}
    if limits.jitter_ns is not None:
        thresholds["jitter"] = shortest(limits.jitter_ns)
    if limits.burst_ns is not None:
        thresholds["burst"] = shortest(limits.burst_ns)
    if limits.path_mtu is not None:
        thresholds["pathMTU"] = limits.path_mtu
    return thresholds


def _accepted(spec: CheckSpec) -> Mapping[str, tuple[AuditFinding, ...]]:
    audits = ((probe.name, probe.given(Audit)) for probe in spec.probe_list)
    accepted = {name: audit.accept for name, audit in audits if audit is not None and audit.accept}
    return MappingProxyType(accepted) if accepted else NOTHING

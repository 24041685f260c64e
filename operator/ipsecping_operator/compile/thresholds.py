"""Limits that windows are judged by: from the spec, and back as an effective spec has them."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from ipsecping.contract import AuditFinding
from ipsecping_operator.api import defaults, durations
from ipsecping_operator.api.methods import Audit
from ipsecping_operator.api.spec import CheckSpec
from ipsecping_operator.api.thresholds import Thresholds as ThresholdsSpec

from .compiled import DAY, NOTHING, Thresholds
from .durations import shortest


def compile_thresholds(spec: CheckSpec) -> Thresholds:
    """Fill in every default."""
    given = spec.thresholds or ThresholdsSpec()
    limits = given.rtt.model_dump(exclude_none=True) if given.rtt else {}
    loss = defaults.LOSS_PERCENT if given.loss_percent is None else given.loss_percent
    return Thresholds(
        window_ms=durations.milliseconds(given.window or defaults.WINDOW),
        loss_percent=Decimal(loss),
        rtt_ns=MappingProxyType({key: durations.nanoseconds(text) for key, text in limits.items()}),
        jitter_ns=durations.nanoseconds(given.jitter) if given.jitter else None,
        burst_ns=durations.nanoseconds(given.burst) if given.burst else None,
        path_mtu=given.path_mtu,
        down_after=given.down_after or defaults.DOWN_AFTER,
        recover_after=given.recover_after or defaults.RECOVER_AFTER,
        prefer_after=given.prefer_after or defaults.PREFER_AFTER,
        accepted=_accepted(spec),
        certificate_ns=MappingProxyType(
            {probe.name: days * DAY for probe in spec.probe_list if (days := probe.min_valid_days)}
        ),
    )


def effective_thresholds(limits: Thresholds) -> dict[str, Any]:
    """Write them as a spec with nothing left out."""
    thresholds: dict[str, Any] = {
        "window": shortest(limits.window_ms * 10**6),
        "lossPercent": str(limits.loss_percent),
        "downAfter": limits.down_after,
        "recoverAfter": limits.recover_after,
        "preferAfter": limits.prefer_after,
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

"""Short ways to make what the operator's tests are about."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ipsecping.contract import (
    Histogram,
    Invalidity,
    LossReason,
    PlannedCheck,
    PlannedProbe,
    ProbeType,
    RoundResult,
)
from ipsecping_operator.compile.compiled import (
    DAY,
    NOTHING,
    CompiledCheck,
    CompiledPath,
    Cron,
    Interval,
    KeyRef,
    MaintenanceWindow,
    Placement,
    Thresholds,
)

from ...result_figures import keywords

SECOND = 1_000_000_000
MS = 1_000_000
NOON = int(datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()) * SECOND
UID = "11111111-2222-3333-4444-555555555555"


def probe(name: str = "ping", **changes: Any) -> PlannedProbe:
    """Ten ICMP packets 100 ms apart, unless told otherwise."""
    values: dict[str, Any] = {
        "type": ProbeType.ICMP,
        "count": 10,
        "spacing_ms": 100,
        "timeout_ms": 1100,
        "size": 56,
        "port": None,
    }
    return PlannedProbe(name=name, **(values | changes))


def plan(*probes: PlannedProbe, path: str = "default", **changes: Any) -> PlannedCheck:
    values: dict[str, Any] = {
        "uid": UID,
        "namespace": "network",
        "name": "hq",
        "generation": 1,
        "tunnel_name": "hq-dc1",
        "target": "203.0.113.10",
        "interval_ms": 30_000,
    }
    return PlannedCheck(path=path, probes=probes or (probe(),), **(values | changes))


def check(
    *plans: PlannedCheck,
    schedule: Interval | Cron | None = None,
    suspend: bool = False,
    loss_percent: str = "1",
    rtt_ms: dict[str, int] | None = None,
    down_after: int = 3,
    recover_after: int = 1,
    window_s: int = 300,
    jitter_ms: int | None = None,
    path_mtu: int | None = None,
    burst_ms: int | None = None,
    certificate_days: dict[str, int] | None = None,
    keys: dict[str, KeyRef] | None = None,
    host_network: bool = False,
    every_node: bool = False,
    maintenance: Sequence[MaintenanceWindow] = (),
    own: Mapping[str, Mapping[str, Any]] = NOTHING,
) -> CompiledCheck:
    """One path, one ICMP probe every 30 s, default thresholds, unless told otherwise.

    `own` are limits of probes, by name and field of Thresholds.
    """
    plans = plans or (plan(),)
    placement = Placement(node_selector={}, tolerations=(), host_network=host_network, every_node=every_node)
    first = plans[0]
    thresholds = Thresholds(
        window_ms=window_s * 1000,
        loss_percent=Decimal(loss_percent),
        rtt_ns={name: limit * MS for name, limit in (rtt_ms or {}).items()},
        down_after=down_after,
        recover_after=recover_after,
        jitter_ns=None if jitter_ms is None else jitter_ms * MS,
        path_mtu=path_mtu,
        burst_ns=None if burst_ms is None else burst_ms * MS,
        certificate_ns={name: days * DAY for name, days in (certificate_days or {}).items()},
    )
    return CompiledCheck(
        uid=first.uid,
        namespace=first.namespace,
        name=first.name,
        generation=first.generation,
        tunnel_name=first.tunnel_name,
        schedule=schedule or Interval(interval_ms=30_000),
        suspend=suspend,
        thresholds=thresholds,
        own_thresholds={name: replace(thresholds, **changes) for name, changes in own.items()},
        files={name: {"auth": key} for name, key in (keys or {}).items()},
        paths=tuple(CompiledPath(plan=each, placement=placement) for each in plans),
        maintenance=tuple(maintenance),
    )


def result(
    *,
    of: PlannedCheck | None = None,
    probe_name: str = "ping",
    at: int = NOON,
    sent: int = 10,
    received: int | None = None,
    rtt_ms: Sequence[float] | float = 12,
    invalid: Invalidity | None = None,
    reason: LossReason = LossReason.TIMEOUT,
    losses: dict[LossReason, int] | None = None,
    duration: int = 2 * SECOND,
    **changes: Any,
) -> RoundResult:
    """A round of ten packets, all answered after 12 ms, unless told otherwise."""
    source = of or plan()
    received = sent if received is None else received
    times = [rtt_ms] * received if isinstance(rtt_ms, int | float) else rtt_ms
    return RoundResult(
        check=source.ref,
        probe=probe_name,
        type=next(p.type for p in source.probes if p.name == probe_name),
        started_at=at,
        duration=duration,
        sent=sent,
        received=received,
        losses=losses or ({reason: sent - received} if sent > received else {}),
        rtt=Histogram.of(int(time * MS) for time in times),
        invalid=invalid,
        **keywords(changes),
    )

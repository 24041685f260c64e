"""Plans and results to write out."""

from types import MappingProxyType
from typing import Any

from ipsecping.contract import (
    ClockSource,
    Histogram,
    Invalidity,
    LossReason,
    PlannedCheck,
    PlannedProbe,
    ProbeType,
    RoundResult,
)
from ipsecping.outputs.figures import Measured

from ...result_figures import keywords

MS = 1_000_000
NOON = 1_795_608_000_000_000_000
"""2026-11-25T12:00:00Z, nanoseconds."""
PROBE = PlannedProbe(
    name="datapath", type=ProbeType.STAMP, count=10, spacing_ms=100, timeout_ms=2000, size=112, port=862
)


def check(**changed: Any) -> PlannedCheck:
    content: dict[str, Any] = {
        "uid": "u",
        "namespace": "network",
        "name": "hq-dc1",
        "generation": 3,
        "tunnel_name": "hq-dc1",
        "path": "primary",
        "target": "203.0.113.10",
        "interval_ms": 30_000,
        "probes": (PROBE,),
    }
    return PlannedCheck(**(content | changed))


def measured(planned: PlannedCheck | None = None, **changed: Any) -> Measured:
    """Ten packets sent, one lost, nine round trips of 12 ms."""
    planned = planned or check()
    content: dict[str, Any] = {
        "check": planned.ref,
        "probe": "datapath",
        "type": ProbeType.STAMP,
        "started_at": NOON,
        "duration": 1500 * MS,
        "sent": 10,
        "received": 9,
        "forward_lost": 0,
        "reverse_lost": 1,
        "losses": MappingProxyType({LossReason.TIMEOUT: 1}),
        "rtt": Histogram.of([12 * MS] * 9),
        "jitter_sum": 4 * MS,
        "jitter_count": 8,
        "clock": ClockSource.KERNEL,
        "remote_ip": "203.0.113.10",
    }
    return Measured(planned, RoundResult(**keywords(content | changed)))


def invalid(planned: PlannedCheck | None = None) -> Measured:
    return measured(planned, invalid=Invalidity.CPU_THROTTLED)

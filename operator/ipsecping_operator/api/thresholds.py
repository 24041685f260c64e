"""What a check is judged by."""

from typing import Annotated, Any, TypeAlias

from pydantic import Field

from .methods import MODELS, Mtu
from .rules import Model
from .scalars import Percent, duration

Latency: TypeAlias = duration("0.001ms", "1m")  # type: ignore[valid-type]


class RttThresholds(Model):
    """Round-trip times above which the tunnel is unhealthy; those that are absent are not judged."""

    p50: Latency | None = None
    """Limit of the median."""
    p90: Latency | None = None
    """Limit of the 90th percentile."""
    p99: Latency | None = None
    """Limit of the 99th percentile."""


def _explain_rtt(schema: dict[str, Any]) -> None:
    untimed = [model.declared().member for model in MODELS.values() if not model.declared().timed]
    schema["description"] = (
        f"Limits of the round-trip time, for all probes except {', '.join(untimed)} and those that expect "
        "Blocked. Default: not judged."
    )


class Thresholds(Model):
    """Limits that the window is judged by."""

    window: duration("1s", "24h", whole_milliseconds=True) | None = None  # type: ignore[valid-type]
    """Sliding window over which loss and round-trip times are judged, 1s to 24h; it always contains at least
    the last three rounds, even if they took longer. Default: 5m."""
    loss_percent: Percent | None = None
    """Loss above which the tunnel is unhealthy, in percent: an integer, or a string with decimals. Default:
    1."""
    rtt: Annotated[RttThresholds | None, Field(json_schema_extra=_explain_rtt)] = None
    jitter: Latency | None = None
    """Limit of the mean difference between successive round-trip times, for the same probes as rtt.
    Default: not judged."""
    burst: duration("1ms", "24h") | None = None  # type: ignore[valid-type]
    """Longest time for which consecutive packets of one round may be lost, from the sending of the first lost
    one to that of the next one answered. A round sends for count x spacing, so it shows no longer bursts.
    Default: not judged."""
    path_mtu: Annotated[Mtu | None, Field(alias="pathMTU")] = None
    """Least path MTU: size in bytes that the largest IP packet that passes must have. Two searches in
    succession decide. Default: not judged."""
    down_after: Annotated[int, Field(ge=1, le=100)] | None = None
    """Number of consecutive rounds without any answer after which the tunnel is down. Default: 3."""
    recover_after: Annotated[int, Field(ge=1, le=100)] | None = None
    """Number of consecutive good rounds (answered, and afterwards no limit exceeded) after which an unhealthy
    probe is healthy again. Until then the probe, its path and the check keep their reason. A restarted
    operator counts from zero. Default: 1."""
    prefer_after: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Number of consecutive rounds for which a path must have been healthy before it is preferred again to
    one that follows it in the spec, so that a path that comes and goes is not. Default: 5."""


class ProbeThresholds(Model):
    """Limits of one probe: each one given here replaces that of spec.thresholds."""

    loss_percent: Percent | None = None
    """Loss above which the probe is unhealthy, in percent: an integer, or a string with decimals.
    Default: spec.thresholds.lossPercent."""
    rtt: RttThresholds | None = None
    """Limits of the probe's round-trip time; a percentile that is absent here has the limit of
    spec.thresholds.rtt. Default: spec.thresholds.rtt."""
    jitter: Latency | None = None
    """Limit of the mean difference between successive round-trip times, for a count of 2 or more.
    Default: spec.thresholds.jitter."""
    burst: duration("1ms", "24h") | None = None  # type: ignore[valid-type]
    """Limit of the time in which packets of one round are lost one after the other.
    Default: spec.thresholds.burst."""
    path_mtu: Annotated[Mtu | None, Field(alias="pathMTU")] = None
    """Bytes that the largest IP packet which passes must have at least, with pathMTU only.
    Default: spec.thresholds.pathMTU."""
    down_after: Annotated[int, Field(ge=1, le=100)] | None = None
    """Consecutive rounds without one answer after which the probe is down.
    Default: spec.thresholds.downAfter."""

"""What a check is judged by."""

from typing import Annotated

from pydantic import Field

from .rules import Model
from .scalars import Percent, duration

Latency = duration("0.001ms", "1m")


class RttThresholds(Model):
    """Round-trip times above which the tunnel is unhealthy; those that are absent are not judged."""

    p50: Latency | None = None  # type: ignore[valid-type]
    """Limit of the median."""
    p90: Latency | None = None  # type: ignore[valid-type]
    """Limit of the 90th percentile."""
    p99: Latency | None = None  # type: ignore[valid-type]
    """Limit of the 99th percentile."""


class Thresholds(Model):
    """Limits that the window is judged by."""

    window: duration("1s", "24h", whole_milliseconds=True) | None = None  # type: ignore[valid-type]
    """Rolling time over which loss and round-trip times are judged, 1s to 24h; holds at least the last three
    rounds, however long that takes. Default: 5m."""
    loss_percent: Percent | None = None
    """Loss above which the tunnel is unhealthy, in per cent: an integer, or a string with decimals.
    Default: 1."""
    rtt: RttThresholds | None = None
    """Limits of the round-trip time. Default: not judged."""
    down_after: Annotated[int, Field(ge=1, le=100)] | None = None
    """Consecutive rounds without one answer after which the tunnel is down. Default: 3."""

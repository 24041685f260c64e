"""What a check compiles to: everything the rest of the operator needs to know about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ipsecping.contract import PlannedCheck


class InvalidSpec(ValueError):
    """A spec that only an edit can mend: Ready=False, reason InvalidSpec, Stalled=True.

    `field` is the path a user reads (`spec.schedule.timeZone`), `message` says what is wrong and the remedy.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A round every so many milliseconds, by an agent in a Deployment."""

    interval_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """One round whenever the cron line fires, by a CronJob. `time_zone` is an IANA name, UTC when absent."""

    line: str
    time_zone: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Limits a window is judged by; None or an absent key means not judged. RTT limits in nanoseconds."""

    window_ms: int
    loss_percent: Decimal
    rtt_ns: Mapping[str, int]
    """Keyed p50, p90, p99."""
    down_after: int
    """Consecutive rounds without one answer after which a probe is Down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where the pods of one path run, in the form the pod spec takes."""

    node_selector: Mapping[str, str]
    tolerations: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledPath:
    """One workload: the plan of one path and where it runs."""

    plan: PlannedCheck
    placement: Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledCheck:
    """A valid check with every default filled in."""

    uid: str
    namespace: str
    name: str
    generation: int
    tunnel_name: str
    schedule: Interval | Cron
    suspend: bool
    thresholds: Thresholds
    paths: tuple[CompiledPath, ...]

    @property
    def round_ms(self) -> int:
        """Longest time one round can take: the slowest probe's last packet plus its timeout."""
        return max(
            (probe.count - 1) * probe.spacing_ms + probe.timeout_ms
            for path in self.paths
            for probe in path.plan.probes
        )

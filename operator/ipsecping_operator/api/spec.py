"""The spec: what a user asks to be measured."""

from typing import Annotated

from pydantic import Field

from . import defaults, durations
from .placement import Placement
from .probes import Probe
from .rules import ListMap, Model, Rule
from .scalars import Name, Target
from .schedule import Schedule
from .thresholds import Thresholds


class Tunnel(Model):
    """The tunnel that is watched."""

    name: Name | None = None
    """Name of the tunnel, the label tunnel_name of the metrics. Default: metadata.name."""


def _interval_ms(spec: "CheckSpec") -> int:
    return durations.milliseconds(spec.schedule.interval_text if spec.schedule else defaults.INTERVAL)


def _fits(spec: "CheckSpec") -> bool:
    return spec.is_cron or all(probe.sending_ms < _interval_ms(spec) for probe in spec.probes or ())


_CRON = "has(self.schedule) && has(self.schedule.cron)"
_INTERVAL_MS_CEL = (
    "(has(self.schedule) && has(self.schedule.interval)"
    f" && self.schedule.interval.matches('{durations.PATTERN}')"
    f" ? duration(self.schedule.interval).getMilliseconds() : {durations.milliseconds(defaults.INTERVAL)})"
)
_SENDING_MS_CEL = (
    f"((has(probe.count) ? probe.count : {defaults.COUNT}) - 1) * "
    f"(has(probe.spacing) && probe.spacing.matches('{durations.PATTERN}')"
    f" ? duration(probe.spacing).getMilliseconds() : {durations.milliseconds(defaults.SPACING)})"
)


class CheckSpec(Model):
    """What is measured, how often, from where, and what counts as healthy."""

    target: Target
    """Far end of the tunnel as the applications reach it, inside the tunnel's traffic selector: an IPv4
    address, an IPv6 address or a DNS name."""
    tunnel: Tunnel | None = None
    """The tunnel that is watched."""
    schedule: Schedule | None = None
    """When rounds run. Default: every 30s."""
    suspend: bool | None = None
    """True stops measuring and keeps the check; Healthy is Unknown meanwhile. Default: false."""
    placement: Placement | None = None
    """Where probe pods run. Default: anywhere."""
    probes: Annotated[
        tuple[Probe, ...] | None, Field(min_length=1, max_length=defaults.MAX_PROBES), ListMap("name")
    ] = None
    """Measuring methods, at most 16 (8 with cron). Default: one probe `ping` of type icmp."""
    thresholds: Thresholds | None = None
    """Limits that the measurements are judged by."""

    rules = (
        Rule(
            cel=f"!has(self.probes) || ({_CRON}) || "
            f"self.probes.all(probe, {_SENDING_MS_CEL} < {_INTERVAL_MS_CEL})",
            holds=_fits,
            field=".probes",
            message="(count - 1) x spacing of every probe must be shorter than spec.schedule.interval "
            f"(defaults: count {defaults.COUNT}, spacing {defaults.SPACING}, interval {defaults.INTERVAL})",
        ),
        Rule(
            cel=f"!has(self.probes) || !({_CRON}) || self.probes.size() <= {defaults.MAX_PROBES_CRON}",
            holds=lambda self: not self.is_cron or len(self.probes or ()) <= defaults.MAX_PROBES_CRON,
            field=".probes",
            message=f"at most {defaults.MAX_PROBES_CRON} probes with spec.schedule.cron",
        ),
        Rule(
            cel=f"!has(self.probes) || !({_CRON}) || self.probes.all(probe, "
            f"!has(probe.count) || probe.count <= {defaults.MAX_COUNT_CRON})",
            holds=lambda self: (
                not self.is_cron
                or all((probe.count or 0) <= defaults.MAX_COUNT_CRON for probe in self.probes or ())
            ),
            field=".probes",
            message=f"count must be at most {defaults.MAX_COUNT_CRON} with spec.schedule.cron",
        ),
    )

    @property
    def is_cron(self) -> bool:
        """Rounds run by a cron line rather than at an interval."""
        return self.schedule is not None and self.schedule.cron is not None

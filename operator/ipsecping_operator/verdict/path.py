"""The verdict on one path, and how paths differ. Pure."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias, get_args

from ipsecping.contract import Expect
from ipsecping_operator.api.conditions import ConditionStatus

from .finding import Finding
from .probe import ProbeVerdict

Direction: TypeAlias = Literal["Forward", "Reverse", "Both"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
_SURE = 11
"""Chi-square of one degree of freedom for p = 0.001: losses fall on both ways alike, or they do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathVerdict:
    """One path: the worst finding of its probes."""

    name: str
    finding: Finding
    probes: tuple[ProbeVerdict, ...]

    @property
    def healthy(self) -> bool:
        """Known to be."""
        return self.finding.status is ConditionStatus.TRUE

    @property
    def head(self) -> ProbeVerdict:
        """The probe whose figures stand for the path: the first that is to get through, else the first."""
        wanted = (each for each in self.probes if each.probe.expect is Expect.REACHABLE)
        return next(wanted, self.probes[0])

    @property
    def since(self) -> int | None:
        """For rounds without one answer: when the first of them began."""
        return min((probe.since for probe in self.probes if probe.since is not None), default=None)


@dataclass(frozen=True, slots=True)
class Difference:
    """How one path differs from the preferred one over the window, by the first probe of both."""

    rtt: int | None
    """Of the median round-trip times (nanoseconds); None where one has none."""
    loss: Decimal
    """Of the shares of packets lost, -1 to 1."""


def difference(path: PathVerdict, preferred: PathVerdict) -> Difference | None:
    """How `path` differs from the preferred one; None where one of them has no figures, or both are one.

    Their rounds begin in the same instant, so that it is the paths that differ, not the time of day.
    """
    mine, its = path.head.figures, preferred.head.figures
    if path.name == preferred.name or mine is None or its is None:
        return None
    medians = [each for figures in (mine, its) for each in figures.percentiles(50)]
    return Difference(
        rtt=medians[0] - medians[1] if len(medians) == 2 else None,
        loss=Decimal(mine.lost) / mine.sent - Decimal(its.lost) / its.sent,
    )


def loss_direction(path: PathVerdict) -> Direction | None:
    """On which way the path loses, by the probes that tell; None where too few losses have a direction.

    One way where as uneven losses are none of chance (p < 0.001), else both.
    """
    tallies = [probe.figures for probe in path.probes if probe.figures is not None]
    forward, reverse = sum(t.forward_lost for t in tallies), sum(t.reverse_lost for t in tallies)
    if forward + reverse <= _SURE:
        return None
    if (forward - reverse) ** 2 > _SURE * (forward + reverse):
        return "Forward" if forward > reverse else "Reverse"
    return "Both"

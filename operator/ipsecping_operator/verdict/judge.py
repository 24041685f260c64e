"""The verdict: what the windows say under the thresholds, now. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from ipsecping.contract import PlannedProbe
from ipsecping_operator.api.conditions import ConditionStatus, HealthyReason
from ipsecping_operator.compile.compiled import CompiledCheck, Cron, Thresholds

from . import messages
from .deadline import stale_at
from .tally import Tally
from .window import Window

ProbeKey = tuple[str, str]
"""(path, probe): names within a check."""

# The worst first: the first of these that some probe has is the check's.
_SEVERITY = (
    HealthyReason.DOWN,
    HealthyReason.LOSS_HIGH,
    HealthyReason.LATENCY_HIGH,
    HealthyReason.STALE_RESULTS,
    HealthyReason.MEASUREMENT_INVALID,
    HealthyReason.NO_RESULTS,
    HealthyReason.SUSPENDED,
    HealthyReason.WITHIN_THRESHOLDS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A truth with its reason and a message that stands alone."""

    reason: HealthyReason
    message: str

    @property
    def status(self) -> ConditionStatus:
        """The condition status that goes with the reason."""
        return self.reason.status


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeVerdict:
    """One probe on one path: the finding and the figures it rests on."""

    path: str
    probe: PlannedProbe
    finding: Finding
    figures: Tally | None
    """The window added up; None when it holds no valid round."""
    since: int | None
    """For Down: when the first unanswered round began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathVerdict:
    """One path: the worst finding of its probes."""

    name: str
    finding: Finding
    probes: tuple[ProbeVerdict, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One check at one instant."""

    finding: Finding
    paths: tuple[PathVerdict, ...]
    since: int | None
    """For Down: when the first unanswered round began."""
    last_result: int | None
    """End of the newest round of any probe."""
    next_change: int | None
    """The next instant at which time alone could change the verdict."""

    @property
    def preferred(self) -> PathVerdict:
        """The first healthy path in the spec's order, else the first."""
        return next((p for p in self.paths if p.finding.status is ConditionStatus.TRUE), self.paths[0])

    @property
    def probes(self) -> tuple[ProbeVerdict, ...]:
        """All probes of all paths in the spec's order."""
        return tuple(probe for path in self.paths for probe in path.probes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What is known about when results are due."""

    since: int
    """No result can be missed before this: creation, resumption, or delivery of an edited plan."""
    known_last: int | None = None
    """The newest result an earlier run of the operator wrote into the status."""


def judge(
    check: CompiledCheck, windows: Mapping[ProbeKey, Window], *, expected: Expectation, now: int
) -> Verdict:
    """Judge every probe, path and the check by what the windows hold at `now`.

    Forget what has left the windows before calling. A False finding outweighs Unknown, Unknown outweighs
    True; among equals the worst reason speaks.
    """
    deadlines: list[int] = []
    paths = []
    for path in check.paths:
        verdicts = []
        for probe in path.plan.probes:
            window = windows.get((path.plan.path, probe.name)) or Window(length=0)
            due = None if check.suspend else _due(check, probe, window, expected)
            deadlines += [instant for instant in (due, window.expires()) if instant is not None]
            verdicts.append(_judge_probe(check, path.plan.path, probe, window, due=due, now=now))
        worst = _worst(verdict.finding for verdict in verdicts)
        paths.append(PathVerdict(name=path.plan.path, finding=worst, probes=tuple(verdicts)))
    probes = [probe for path in paths for probe in path.probes]
    finding = _summary(check, probes)
    lasts = [window.last.end for window in windows.values() if window.last is not None]
    return Verdict(
        finding=finding,
        paths=tuple(paths),
        since=min((p.since for p in probes if p.since is not None), default=None),
        last_result=max([*lasts, expected.known_last or 0]) or None,
        next_change=min((instant for instant in deadlines if instant > now), default=None),
    )


def _due(check: CompiledCheck, probe: PlannedProbe, window: Window, expected: Expectation) -> int | None:
    """When the probe's silence becomes stale; None while no result was ever seen, or none is due."""
    newest = window.last
    cron = isinstance(check.schedule, Cron)
    known = expected.known_last if newest is None else (newest.start if cron else newest.end)
    if known is None:
        return None
    own = (probe.count - 1) * probe.spacing_ms + probe.timeout_ms
    return stale_at(check.schedule, since=max(known, expected.since), round_ms=own)


def _judge_probe(
    check: CompiledCheck, path: str, probe: PlannedProbe, window: Window, *, due: int | None, now: int
) -> ProbeVerdict:
    where = f"{path}/{probe.name}"
    total = window.total()
    figures = total if total is not None and total.rounds else None
    silent = window.silent_run()
    since = None
    if check.suspend:
        finding = Finding(
            reason=HealthyReason.SUSPENDED, message="the check is suspended: nothing is measured"
        )
    elif total is None and due is None:
        finding = Finding(
            reason=HealthyReason.NO_RESULTS, message=messages.no_results(where, check.schedule, now=now)
        )
    elif total is None or (due is not None and now >= due):
        last = window.last.end if window.last else None
        finding = Finding(
            reason=HealthyReason.STALE_RESULTS, message=messages.stale(where, check.schedule, last=last)
        )
    elif figures is None or window.invalid_run() >= check.thresholds.down_after:
        finding = Finding(
            reason=HealthyReason.MEASUREMENT_INVALID,
            message=messages.invalid(where, total, run=window.invalid_run()),
        )
    elif silent is not None and silent.rounds >= check.thresholds.down_after:
        finding, since = (
            Finding(reason=HealthyReason.DOWN, message=messages.down(where, silent)),
            silent.start,
        )
    else:
        finding = _by_thresholds(check.thresholds, where, figures)
    return ProbeVerdict(path=path, probe=probe, finding=finding, figures=figures, since=since)


def _by_thresholds(limits: Thresholds, where: str, figures: Tally) -> Finding:
    window = limits.window_ms * 1_000_000
    if Decimal(100 * figures.lost) > limits.loss_percent * figures.sent:
        return Finding(
            reason=HealthyReason.LOSS_HIGH,
            message=messages.loss_high(where, figures, limit=limits.loss_percent, window=window),
        )
    for name, limit in sorted(limits.rtt_ns.items(), key=lambda item: int(item[0][1:])):
        measured = figures.rtt.percentile(float(name[1:]))
        if measured is not None and measured > limit:
            return Finding(
                reason=HealthyReason.LATENCY_HIGH,
                message=messages.latency_high(
                    where, figures, name=name, measured=measured, limit=limit, window=window
                ),
            )
    return Finding(
        reason=HealthyReason.WITHIN_THRESHOLDS,
        message=messages.within(where, figures, window=window),
    )


def _worst(findings: Iterable[Finding]) -> Finding:
    return min(findings, key=lambda finding: _SEVERITY.index(finding.reason))


def _summary(check: CompiledCheck, probes: list[ProbeVerdict]) -> Finding:
    """The check's finding: the worst probe's, and how many others are no better than suspect."""
    worst = _worst(probe.finding for probe in probes)
    if check.suspend or len(probes) == 1:
        return worst
    if worst.status is ConditionStatus.TRUE:
        return Finding(
            reason=worst.reason, message=f"{worst.message}; all {len(probes)} probes within their thresholds"
        )
    others = sum(probe.finding.status is not ConditionStatus.TRUE for probe in probes) - 1
    if others == 0:
        return Finding(
            reason=worst.reason, message=f"{worst.message}; {_the_rest(len(probes) - 1)} within thresholds"
        )
    return Finding(
        reason=worst.reason,
        message=f"{worst.message}; {others} more of {len(probes)} probes not healthy",
    )


def _the_rest(count: int) -> str:
    return "the other probe" if count == 1 else f"the other {count} probes"

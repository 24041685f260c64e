"""Judge what the windows hold by the thresholds, at one instant. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from ipsecping.contract import Expect, PlannedProbe
from ipsecping_operator.api.conditions import ConditionStatus
from ipsecping_operator.compile.compiled import CompiledCheck, Cron

from .comparison import remarks
from .deadline import stale_at
from .finding import Finding, worst
from .hysteresis import Latches
from .instance import Instance
from .instances import ManyWindows, judge_instances
from .probe import ProbeVerdict, judge_probe
from .window import Window

ProbeKey = tuple[str, str]
"""(path, probe): names within a check."""
NO_LATCHES: Mapping[ProbeKey, Latches] = MappingProxyType({})
NOT_EDITED: Mapping[ProbeKey, PlannedProbe] = MappingProxyType({})
NO_NODES: Mapping[str, Mapping[str, int]] = MappingProxyType({})
NO_INSTANCES: Mapping[ProbeKey, Mapping[Instance, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class PathVerdict:
    """One path: the worst finding of its probes."""

    name: str
    finding: Finding
    probes: tuple[ProbeVerdict, ...]

    @property
    def head(self) -> ProbeVerdict:
        """The probe whose figures stand for the path: the first that is to get through, else the first."""
        wanted = (each for each in self.probes if each.probe.expect is Expect.REACHABLE)
        return next(wanted, self.probes[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One check at one instant."""

    finding: Finding
    paths: tuple[PathVerdict, ...]
    since: int | None
    """For rounds without one answer: when the first of them began."""
    last_result: int | None
    """End of the newest round of any probe."""
    next_change: int | None
    """The next instant at which time alone could change the verdict."""
    check: CompiledCheck | None = None
    """What was judged."""

    @property
    def preferred(self) -> PathVerdict:
        """The first healthy path in the spec's order, else the first."""
        return next((p for p in self.paths if p.finding.status is ConditionStatus.TRUE), self.paths[0])

    @property
    def latches(self) -> dict[ProbeKey, Latches]:
        """What the next verdict has to know of this one."""
        return {(probe.path, probe.probe.name): probe.latches for probe in self.probes}

    @property
    def instance_latches(self) -> dict[ProbeKey, dict[Instance, Latches]]:
        """The same of probes with instances."""
        return {
            (probe.path, probe.probe.name): {
                of: each.latches for of, each in probe.instances.verdicts.items()
            }
            for probe in self.probes
            if probe.instances is not None
        }

    @property
    def probes(self) -> tuple[ProbeVerdict, ...]:
        """All probes of all paths in the spec's order."""
        return tuple(probe for path in self.paths for probe in path.probes)

    def shifted(self, by: int) -> "Verdict":
        """As `ProbeVerdict.shifted`."""
        paths = (
            replace(path, probes=tuple(probe.shifted(by) for probe in path.probes)) for path in self.paths
        )
        return replace(self, paths=tuple(paths))


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What is known about when results are due."""

    since: int
    """No result can be missed before this: creation, resumption, or delivery of an edited plan."""
    known_last: int | None = None
    """The newest result an earlier run of the operator wrote into the status."""
    nodes: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: NO_NODES)
    """Path to the nodes that measure it each for itself, with the instant from which each does."""


def judge(
    check: CompiledCheck,
    windows: Mapping[ProbeKey, Window],
    *,
    expected: Expectation,
    now: int,
    latches: Mapping[ProbeKey, Latches] = NO_LATCHES,
    before: Verdict | None = None,
    instances: Mapping[ProbeKey, Mapping[Instance, Window]] = NO_INSTANCES,
    instance_latches: Mapping[ProbeKey, Mapping[Instance, Latches]] = NO_INSTANCES,
    measured: Mapping[ProbeKey, PlannedProbe] = NOT_EDITED,
) -> Verdict:
    """Judge every probe, path and the check by what the windows hold at `now`.

    Forget what has left the windows before calling. Of probes that have `instances`, the windows of each are
    judged. `before` is the last verdict: only probes of which something has changed since are judged again.
    Where there is none, `latches` may tell what an earlier run of the operator held. `measured` are probes
    as they were planned when they filled their windows. A False finding outweighs Unknown, Unknown outweighs
    True; among equals the worst reason speaks.
    """
    earlier: Mapping[ProbeKey, ProbeVerdict] = {}
    if before is not None:
        latches = before.latches
        if before.check is check:
            earlier = {(each.path, each.probe.name): each for each in before.probes}
        else:
            instance_latches = before.instance_latches
    paths = []
    for path in check.paths:
        verdicts = []
        for probe in path.plan.probes:
            key = (path.plan.path, probe.name)
            if key in instances:
                verdicts.append(
                    judge_instances(
                        check,
                        path,
                        probe,
                        _many(instances[key], path.plan.path, expected),
                        latches=instance_latches.get(key, {}),
                        before=earlier.get(key),
                        now=now,
                        measured=measured.get(key),
                    )
                )
                continue
            window = windows.get(key) or _NEVER
            due = None if check.suspend else _due(check, probe, window, expected)
            known = earlier.get(key)
            if known is None or not known.stands(window, due=due, now=now):
                known = judge_probe(
                    check, path.plan.path, probe, window,
                    latches=latches.get(key, {}), due=due, now=now, measured=measured.get(key),
                )  # fmt: skip
            verdicts.append(known)
        finding = worst(verdict.finding for verdict in verdicts)
        paths.append(PathVerdict(name=path.plan.path, finding=finding, probes=tuple(verdicts)))
    probes = [probe for path in paths for probe in path.probes]
    every = [*windows.values(), *(window for each in instances.values() for window in each.values())]
    lasts = [span[1] for window in every if (span := window.last_span) is not None]
    return Verdict(
        check=check,
        finding=_remarked(_summary(check, probes), paths, suspended=check.suspend),
        paths=tuple(paths),
        since=min((p.since for p in probes if p.since is not None), default=None),
        last_result=max([*lasts, expected.known_last or 0]) or None,
        next_change=min((p.until for p in probes if p.until is not None), default=None),
    )


def _many(windows: Mapping[Instance, Window], path: str, expected: Expectation) -> ManyWindows:
    ends = [span[1] for window in windows.values() if (span := window.last_span) is not None]
    return ManyWindows(
        windows=windows,
        nodes=expected.nodes.get(path, {}),
        since=expected.since,
        last=max(ends, default=expected.known_last),
    )


_NEVER = Window(length=0)
"""Of a probe that no result was ever seen of."""


def _due(check: CompiledCheck, probe: PlannedProbe, window: Window, expected: Expectation) -> int | None:
    """When the probe's silence becomes stale; None while no result was ever seen, or none is due."""
    newest = window.last_span
    cron = isinstance(check.schedule, Cron)
    known = expected.known_last if newest is None else newest[0 if cron else 1]
    if known is None:
        return None
    return stale_at(check.schedule, since=max(known, expected.since), round_ms=probe.round_ms)


def _summary(check: CompiledCheck, probes: list[ProbeVerdict]) -> Finding:
    """The check's finding: the worst probe's, and how many others are no better than suspect."""
    gravest = worst(probe.finding for probe in probes)
    if check.suspend or len(probes) == 1:
        return gravest
    if gravest.status is ConditionStatus.TRUE:
        return Finding(
            reason=gravest.reason,
            message=f"{gravest.message}; all {len(probes)} probes within their thresholds",
        )
    others = sum(probe.finding.status is not ConditionStatus.TRUE for probe in probes) - 1
    if others == 0:
        return Finding(
            reason=gravest.reason,
            message=f"{gravest.message}; {_the_rest(len(probes) - 1)} within thresholds",
        )
    return Finding(
        reason=gravest.reason,
        message=f"{gravest.message}; {others} more of {len(probes)} probes not healthy",
    )


def _remarked(finding: Finding, paths: Sequence[PathVerdict], *, suspended: bool) -> Finding:
    """The finding, with the first thing that the probes of a path say of one another."""
    said = (remark for path in paths for remark in remarks(path.probes))
    remark = None if suspended else next(said, None)
    return finding if remark is None else replace(finding, message=f"{finding.message}; {remark}")


def _the_rest(count: int) -> str:
    return "the other probe" if count == 1 else f"the other {count} probes"

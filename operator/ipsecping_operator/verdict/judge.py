"""Judge what the windows hold by the thresholds, at one instant. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from ipsecping.contract import PlannedProbe
from ipsecping_operator.compile.compiled import CompiledCheck, Cron

from .deadline import stale_at
from .finding import Finding, worst
from .hysteresis import Latches
from .instance import Instance
from .instances import ManyWindows, judge_instances
from .path import PathVerdict
from .probe import ProbeVerdict, judge_probe
from .summary import summary
from .window import Window

ProbeKey = tuple[str, str]
"""(path, probe): names within a check."""
NO_LATCHES: Mapping[ProbeKey, Latches] = MappingProxyType({})
NOT_EDITED: Mapping[ProbeKey, PlannedProbe] = MappingProxyType({})
NO_NODES: Mapping[str, Mapping[str, int]] = MappingProxyType({})
NO_INSTANCES: Mapping[ProbeKey, Mapping[Instance, Any]] = MappingProxyType({})


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
    chosen: str | None = None
    """The path that is preferred, as `preference` has it; None while nobody has chosen."""

    @property
    def preferred(self) -> PathVerdict:
        """The path that was chosen, else the first healthy one in the spec's order, else the first."""
        chosen = (path for path in self.paths if path.name == self.chosen)
        healthy = (path for path in self.paths if path.healthy)
        return next(chosen, None) or next(healthy, self.paths[0])

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
    as they were planned when they filled their windows. What a path's probes and the paths make together,
    `summary` says.
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
        finding=summary(check, paths),
        paths=tuple(paths),
        since=_since(check, paths),
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


def _since(check: CompiledCheck, paths: Sequence[PathVerdict]) -> int | None:
    """When the silence began that makes the check unhealthy: the first path's, or the last one's."""
    begun = [path.since for path in paths if path.since is not None]
    if check.any_path:
        return max(begun) if len(begun) == len(paths) else None
    return min(begun, default=None)


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

"""The verdict on a probe with several instances: each is judged by itself, the worst speaks for all. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ipsecping.contract import Expect, PlannedProbe
from ipsecping_operator.api.conditions import ConditionStatus, HealthyReason
from ipsecping_operator.compile.compiled import CompiledCheck, CompiledPath, Cron

from . import messages
from .deadline import stale_at
from .finding import SEVERITY, Finding
from .hysteresis import Latches
from .instance import MAX_INSTANCES, Instance
from .probe import Instances, ProbeVerdict, judge_probe
from .tally import Tally, total
from .window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyWindows:
    """What a probe with instances is judged by."""

    windows: Mapping[Instance, Window]
    nodes: Mapping[str, int]
    """Nodes that should measure, with the instant from which each does; none: nodes are not told apart."""
    since: int
    """No result can be missed before this."""
    last: int | None
    """End of the newest round of all, also of instances that are forgotten."""


def judge_instances(
    check: CompiledCheck,
    path: CompiledPath,
    probe: PlannedProbe,
    given: ManyWindows,
    *,
    latches: Mapping[Instance, Latches],
    before: ProbeVerdict | None,
    now: int,
    measured: PlannedProbe | None = None,
) -> ProbeVerdict:
    """Judge each instance that is still there.

    `latches` and `before` are as of `judge`, `measured` as of `judge_probe`.
    """
    dues: dict[Instance, int | None] = {
        of: _due(check, probe, window, given.since) for of, window in given.windows.items()
    }
    gone = set(_gone(path, given, dues, now=now))
    if len(gone) == len(given.windows) and path.plan.targets != ():
        gone = set()  # of others nothing is known yet: what was known stands until it is stale
    windows = {of: window for of, window in given.windows.items() if of not in gone}
    windows |= _unheard(check, path, probe, given, dues, now=now)
    earlier = {} if before is None or before.instances is None else before.instances.verdicts
    verdicts = {}
    for of, window in windows.items():
        due = None if check.suspend else dues[of]
        known = earlier.get(of)
        if known is None or not known.stands(window, due=due, now=now):
            held = latches.get(of, {}) if known is None else known.latches
            known = judge_probe(
                check, path.plan.path, probe, window,
                latches=held, due=due, now=now, instance=of, measured=measured,
            )  # fmt: skip
        verdicts[of] = known
    instances = Instances(
        verdicts=dict(sorted(verdicts.items(), key=_badness)),
        gone={of: figures for of in gone if (figures := given.windows[of].total()) and figures.rounds},
    )
    return _together(check, path, probe, given, instances, dues, now=now)


def _together(
    check: CompiledCheck,
    path: CompiledPath,
    probe: PlannedProbe,
    given: ManyWindows,
    instances: Instances,
    dues: Mapping[Instance, int | None],
    *,
    now: int,
) -> ProbeVerdict:
    """One verdict for all."""
    verdicts = list(instances.verdicts.values())
    tallies = [each.figures for each in verdicts if each.figures is not None]
    figures = total(sorted([*tallies, *instances.gone.values()], key=lambda tally: tally.end))
    news = [each.until for each in verdicts]
    news += [due for of, due in dues.items() if of not in instances.verdicts]
    finding = _finding(check, path, probe, given, instances, figures, now=now)
    return ProbeVerdict(
        path=path.plan.path,
        probe=probe,
        finding=finding,
        figures=figures,
        measured=max((each.measured for each in verdicts if each.measured is not None), default=None),
        since=min((each.since for each in verdicts if each.since is not None), default=None),
        silent=finding.reason is not HealthyReason.DOWN and any(each.silent for each in verdicts),
        until=min((instant for instant in news if instant is not None and instant > now), default=None),
        instances=instances,
    )


def _finding(
    check: CompiledCheck,
    path: CompiledPath,
    probe: PlannedProbe,
    given: ManyWindows,
    instances: Instances,
    figures: Tally | None,
    *,
    now: int,
) -> Finding:
    """What the worst says, and how many others are no better than suspect."""
    where = f"{path.plan.path}/{probe.name}"
    worst = next(iter(instances.verdicts.values()), None)
    if worst is None:
        if path.plan.targets == () and not check.suspend:
            message = messages.nowhere(where)
            return Finding(reason=HealthyReason.TARGET_UNRESOLVED, message=message)
        if check.suspend or given.last is None:
            return judge_probe(
                check, path.plan.path, probe, Window(length=0), latches={}, due=None, now=now
            ).finding
        message = messages.stale(where, check.schedule, last=given.last)
        return Finding(reason=HealthyReason.STALE_RESULTS, message=message)
    count, found = len(instances.verdicts), worst.finding
    if count == 1 or check.suspend:
        return found
    kind = _kind(instances)
    if found.status is not ConditionStatus.TRUE:
        return replace(found, message=f"{found.message}; {instances.unhealthy} of {count} {kind} not healthy")
    assert figures is not None
    window = check.thresholds.window_ms * 1_000_000
    say = messages.blocked if probe.expect is Expect.BLOCKED else messages.within
    return replace(found, message=f"{say(where, figures, window=window)}; all {count} {kind} healthy")


def _kind(instances: Instances) -> str:
    nodes = any(of.node is not None for of in instances.verdicts)
    addresses = any(of.address is not None for of in instances.verdicts)
    if nodes and addresses:
        return "pairs of node and address"
    return "nodes" if nodes else "addresses"


def _badness(item: tuple[Instance, ProbeVerdict]) -> tuple[int, bool, float, tuple[str, str]]:
    """The gravest reason first, before what recovers from it; then the greatest loss."""
    of, verdict = item
    figures = verdict.figures
    lost = figures.lost / figures.sent if figures is not None and figures.sent else 0.0
    finding = verdict.finding
    return SEVERITY.index(finding.reason), finding.recovering, -lost, (of.node or "", of.address or "")


def _due(check: CompiledCheck, probe: PlannedProbe, window: Window, since: int) -> int | None:
    """When the silence of an instance becomes stale."""
    newest = window.last_span
    if newest is None:
        return None
    return stale_at(
        check.schedule,
        since=max(newest[0 if isinstance(check.schedule, Cron) else 1], since),
        round_ms=probe.round_ms,
    )


def _gone(
    path: CompiledPath, given: ManyWindows, dues: Mapping[Instance, int | None], *, now: int
) -> Iterator[Instance]:
    """Instances that are there no more: the node has no pod, or its prober goes on without the address.

    A node is not gone before its results are overdue as well: between a pod and the one that replaces it
    there is none, and a node that was down is so in between.
    """
    ends = {of: span[1] for of, window in given.windows.items() if (span := window.last_span) is not None}
    newest = dict[str | None, int]()
    for of, end in ends.items():
        newest[of.node] = max(end, newest.get(of.node, end))
    targets = path.plan.targets
    for of, end in ends.items():
        due = dues[of]
        passed_over = end < newest[of.node]
        stale = due is not None and now >= due
        told_off = targets is not None and of.address is not None and of.address not in targets
        nameless = path.plan.per_address and of.address is None
        left = of.node is not None and of.node not in given.nodes
        if (left and stale) or told_off or (passed_over and (nameless or (stale and path.plan.per_address))):
            yield of


def _unheard(
    check: CompiledCheck,
    path: CompiledPath,
    probe: PlannedProbe,
    given: ManyWindows,
    dues: dict[Instance, int | None],
    *,
    now: int,
) -> dict[Instance, Window]:
    """Nodes that should have given a result by now and never did; adds to `dues` when each should have."""
    if check.suspend or not path.placement.every_node:
        return {}
    heard = {of.node for of in given.windows}
    silent = dict[Instance, Window]()
    for node, since in given.nodes.items():
        if node in heard or len(given.windows) + len(silent) >= MAX_INSTANCES:
            continue
        of = Instance(node=node)
        begun = max(since, given.since)
        due = dues[of] = stale_at(check.schedule, since=begun, round_ms=probe.round_ms)
        if due is not None and now >= due:
            silent[of] = Window(length=0)
    return silent

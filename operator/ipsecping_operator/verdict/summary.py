"""What is said of a check as a whole: whether it is healthy, and whose the fault may be. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_address

from ipsecping_operator.api.conditions import ConditionStatus, HealthyReason
from ipsecping_operator.compile.compiled import CompiledCheck, Interval

from .comparison import remarks
from .finding import Finding, worst
from .path import PathVerdict

MILLISECOND = 1_000_000
AT_ONCE_MS = 60_000
"""What paths of a cron line that fail begin to fail within, where they do at once."""
LEAKS = (HealthyReason.UNEXPECTEDLY_REACHABLE, HealthyReason.SOURCE_MISMATCH)
"""No other path makes up for these."""


def summary(check: CompiledCheck, paths: Sequence[PathVerdict]) -> Finding:
    """The check's finding, by `spec.healthyWhen`.

    All: the worst probe's, for a False finding outweighs Unknown, and Unknown outweighs True. Any: healthy
    where a path is, unhealthy where each path is known not to be, else unknown. A leak on any path is one of
    the check.
    """
    leaks = any(path.finding.reason in LEAKS for path in paths)
    if check.any_path and len(paths) > 1 and not check.suspend and not leaks:
        found = _any(check, paths)
    else:
        found = _all(check, paths)
    remark = None if check.suspend else next((said for path in paths for said in remarks(path.probes)), None)
    return found if remark is None else _with(found, remark)


def _all(check: CompiledCheck, paths: Sequence[PathVerdict]) -> Finding:
    probes = [probe for path in paths for probe in path.probes]
    gravest = worst(probe.finding for probe in probes)
    if check.suspend or len(probes) == 1:
        return gravest
    if gravest.status is ConditionStatus.TRUE:
        return _with(gravest, f"all {len(probes)} probes within their thresholds")
    where = blame(check, paths)
    if where is not None and len(probes) == len(paths):
        return _with(gravest, where)
    others = sum(probe.finding.status is not ConditionStatus.TRUE for probe in probes) - 1
    if others:
        said = f"{others} more of {len(probes)} probes not healthy"
    else:
        said = f"{_the_rest(len(probes) - 1)} within thresholds"
    return _with(gravest, said if where is None else f"{said}; {where}")


def _any(check: CompiledCheck, paths: Sequence[PathVerdict]) -> Finding:
    healthy = [path for path in paths if path.healthy]
    if len(healthy) == len(paths) or all(path.finding.status is ConditionStatus.FALSE for path in paths):
        return _all(check, paths)
    if not healthy:
        unknown = [path for path in paths if path.finding.status is ConditionStatus.UNKNOWN]
        found = worst(path.finding for path in unknown)
        where = blame(check, paths)
        return found if where is None else _with(found, where)
    first, *more = (path for path in paths if not path.healthy)
    said = f"warning: path {first.name} of {len(paths)}: {first.finding.reason}: {first.finding.message}"
    return _with(healthy[0].finding, f"{said}; not healthy either: {_listed(more)}" if more else said)


def blame(check: CompiledCheck, paths: Sequence[PathVerdict]) -> str | None:
    """Whether what the paths share fails, or one of them alone; None: there is nothing to compare."""
    failing = [path for path in paths if path.finding.status is ConditionStatus.FALSE]
    if len(paths) == 1 or not failing:
        return None
    count = len(paths)
    if len(failing) == count:
        at_once = " at once" if _begun_together(check, failing) else ""
        return f"all {count} paths fail{at_once}: look first at what they share: {', '.join(_shared(check))}"
    one = len(failing) == 1
    fails = f"path{'' if one else 's'} {_listed(failing)} of {count} {'fails' if one else 'fail'}"
    healthy = [path for path in paths if path.healthy]
    if healthy:
        are = "is" if len(healthy) == 1 else "are"
        return f"{fails} and {_listed(healthy)} {are} healthy: what they share works"
    return f"{fails}, of {_listed([path for path in paths if path not in failing])} nothing is known"


def _begun_together(check: CompiledCheck, failing: Sequence[PathVerdict]) -> bool:
    begun = [path.since for path in failing if path.since is not None]
    if len(begun) < len(failing):
        return False
    apart = check.schedule.interval_ms if isinstance(check.schedule, Interval) else AT_ONCE_MS
    return max(begun) - min(begun) <= apart * MILLISECOND


def _shared(check: CompiledCheck) -> Iterator[str]:
    targets = {path.plan.target for path in check.paths}
    if len(targets) == 1:
        yield f"the target {next(iter(targets))}"
    else:
        yield "the network behind the targets"
    if any(map(_is_name, targets)):
        yield "name resolution"
    if check.gateway is not None:
        yield f"the gateway {check.gateway}"
    yield "the network on this side"
    yield "the probers"


def _is_name(target: str) -> bool:
    try:
        ip_address(target)
    except ValueError:
        return True
    return False


def _with(finding: Finding, said: str) -> Finding:
    return replace(finding, message=f"{finding.message}; {said}")


def _listed(paths: Sequence[PathVerdict]) -> str:
    return ", ".join(path.name for path in paths)


def _the_rest(count: int) -> str:
    return "the other probe" if count == 1 else f"the other {count} probes"

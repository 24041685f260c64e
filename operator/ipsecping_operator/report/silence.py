"""Explain what keeps results from the operator or spoils them, beside what was found. Pure."""

from collections.abc import Iterable

from ipsecping.contract import Invalidity
from ipsecping.printable import printable
from ipsecping_operator.api.conditions import HealthyReason
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.status.addresses import TargetAddresses
from ipsecping_operator.verdict.finding import Finding
from ipsecping_operator.verdict.instance import MAX_INSTANCES

from .targets import nowhere

SILENT = (HealthyReason.NO_RESULTS, HealthyReason.STALE_RESULTS)


def with_trouble(state: CheckState, finding: Finding, addresses: Iterable[TargetAddresses] = ()) -> str:
    """Return the finding's message, or whose addresses were looked up and are none; what is wrong with the
    targets' `addresses`, and which agents are read slowly.

    Where no results come also address, port and error of an agent that cannot be read; where a CPU limit
    spoils them, which it is and who set it.
    """
    said = (
        _nowhere(state, finding) or finding.message,
        *(target.trouble for target in addresses),
        _crowded(state),
        _throttled(state, finding),
        _unread(state, finding),
    )
    return "; ".join(filter(None, said))


def _crowded(state: CheckState) -> str | None:
    told = [f"{path}/{probe}" for path, probe in state.measured.crowded]
    if not told:
        return None
    return f"{told[0]} has results from more than {MAX_INSTANCES} nodes and addresses: no more of them count"


def _nowhere(state: CheckState, finding: Finding) -> str | None:
    check = state.applied.compiled
    if finding.reason is not HealthyReason.TARGET_UNRESOLVED or check is None:
        return None
    if any(path.target_from is None or path.plan.targets for path in check.paths):
        return None  # it may be about another path's target
    return "; ".join(
        sorted({nowhere(path.target_from) for path in check.paths if path.target_from is not None})
    )


def _throttled(state: CheckState, finding: Finding) -> str | None:
    if finding.reason is not HealthyReason.MEASUREMENT_INVALID:
        return None
    paths = {
        path
        for (path, _), series in state.measured.series.items()
        if series.ends_in(Invalidity.CPU_THROTTLED)
    }
    pods = [pod for pod in state.observed.own_pods if pod.meta.path in paths and pod.cpu_limit is not None]
    if not pods:
        return None
    pod = max(pods, key=lambda each: (each.meta.created, each.meta.name))
    said = f"pod {pod.meta.name} has a CPU limit of {printable(str(pod.cpu_limit), 32)}"
    if pod.limit_ranged:
        return (
            f"{said}, which a LimitRange of the namespace put there: ask for a higher one in "
            'placement.resources.limits.cpu, such as "1", or for none in the LimitRange'
        )
    return (
        f"{said}: raise placement.resources.limits.cpu, or the operator's --probe-defaults, or leave it out"
    )


def _unread(state: CheckState, finding: Finding) -> str | None:
    silent = finding.reason in SILENT
    told = [trouble for trouble in state.measured.unreadable.values() if silent or trouble.held_back]
    if not told:
        return None
    first, *others = sorted(told, key=lambda trouble: trouble.pod)
    more = f" (and {len(others)} more)" if others else ""
    return f"{first}{more}"

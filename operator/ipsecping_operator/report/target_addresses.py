"""Which addresses the target of each path stands for, as the newest results have it. Pure."""

from ipsecping.contract import PlannedCheck, destination
from ipsecping.contract.bounds import MAX_ADDRESSES
from ipsecping.contract.fields import canonical_address
from ipsecping_operator.check.series import Series
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import CompiledPath
from ipsecping_operator.status.addresses import TargetAddresses
from ipsecping_operator.verdict.judge import Verdict
from ipsecping_operator.verdict.path import PathVerdict
from ipsecping_operator.verdict.probe import ProbeVerdict


def target_addresses(state: CheckState, verdict: Verdict | None) -> dict[str, TargetAddresses]:
    """Path to its target's addresses, where the target is no address itself and anything is known."""
    check = state.applied.compiled
    if check is None or verdict is None:
        return {}
    found = {}
    for path, judged in zip(check.paths, verdict.paths, strict=True):
        target = _target(state, path, judged)
        if target is not None:
            found[path.plan.path] = target
    return found


def _target(state: CheckState, path: CompiledPath, judged: PathVerdict) -> TargetAddresses | None:
    plan = path.plan
    resolved = state.measured.resolved.get(plan.path)
    if resolved is None or not _may_change(plan):
        return None
    ips = set[str]()
    for probe in judged.probes:
        series = state.measured.series.get((plan.path, probe.probe.name))
        if series is not None and destination(probe.probe, plan.target) == plan.target:
            ips |= _measured(series, probe)
    if not ips:
        return None
    # Each node has a resolver of its own, which may tell others.
    awaited = resolved.addresses if plan.per_address and not path.placement.every_node else None
    return TargetAddresses(
        target=plan.target,
        ips=tuple(sorted(ips)),
        count=resolved.addresses,
        stale_since=resolved.stale_since,
        settled=awaited is None or len(ips) == min(awaited, MAX_ADDRESSES),
    )


def _may_change(plan: PlannedCheck) -> bool:
    return plan.targets is not None or canonical_address(plan.target) is None


def _measured(series: Series, probe: ProbeVerdict) -> set[str]:
    """Where the newest rounds went, of instances that are there."""
    parts = (
        series.parts
        if series.instances is None or probe.instances is None
        else (rounds for of, rounds in series.instances.items() if of in probe.instances.verdicts)
    )
    return {rounds.address for rounds in parts if rounds.address is not None}

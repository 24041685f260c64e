"""Say of targets that are looked up how many there are, and which may not be probed. Pure."""

from collections.abc import Iterator

from ipsecping_operator.api.conditions import ReadyReason
from ipsecping_operator.check.applied import Readiness
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import CompiledCheck, TargetSource
from ipsecping_operator.permission import not_allowed


def remarks(state: CheckState, check: CompiledCheck) -> Iterator[str]:
    """Yield what there is to know of each source: that it has no address, or more than are measured."""
    said = set[str]()
    for path in check.paths:
        selection = state.applied.selections.get(path.plan.path)
        if path.target_from is None or selection is None:
            continue
        measured = len(selection.addresses)
        if not selection.found:
            remark = nowhere(path.target_from)
        elif selection.found > measured and selection.refused is None:
            count = f"more than {selection.found}" if selection.more else selection.found
            remark = f"{path.target_from}: {count} addresses, of which the first {measured} are measured"
        else:
            continue
        if remark not in said:
            said.add(remark)
            yield remark


def nowhere(source: TargetSource) -> str:
    """Say that nothing is there to be measured."""
    return f"{source}: no ready address, so nothing is measured"


def refused_target(state: CheckState, check: CompiledCheck) -> Readiness | None:
    """Return that a target which was looked up may not be probed; the others are."""
    for path in check.paths:
        selection = state.applied.selections.get(path.plan.path)
        if path.target_from is not None and selection is not None and selection.refused is not None:
            return Readiness(
                reason=ReadyReason.NOT_PERMITTED,
                message=f"{path.target_field}: {selection.refused}, an address of {path.target_from}, is "
                f"{not_allowed(path.plan, selection.refused)}",
            )
    return None

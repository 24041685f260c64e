"""Have the plans aim at the targets that are looked up in the cluster."""

from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.endpoints.reading import select
from ipsecping_operator.endpoints.sources import NotKnown, Sources


def aim(state: CheckState, sources: Sources) -> str | None:
    """Put the targets of today into the check's plans. Returns None, or why they are not known.

    That is empty while the API is being asked; whoever is told calls this again.
    """
    check = state.applied.compiled
    if check is None or not _measures(state, check):
        sources.forget(state.uid)
        return None
    sources.follow(check)
    selections = {}
    for path in check.paths:
        if path.target_from is None:
            continue
        try:
            found = sources.found(check.namespace, path.target_from)
        except NotKnown as unknown:
            return f"{path.target_field}: {path.target_from}: {unknown}" if str(unknown) else ""
        selections[path.plan.path] = select(found, path, own_pods=state.observed.pods.keys())
    if selections:
        state.aim(selections)
    return None


def is_aimed(state: CheckState) -> bool:
    """Whether every plan that is carried out has its targets, be they those of some time ago.

    What ends measuring waits for no target.
    """
    check = state.applied.compiled
    return (
        check is None
        or not _measures(state, check)
        or all(path.target_from is None or path.plan.path in state.applied.selections for path in check.paths)
    )


def _measures(state: CheckState, check: CompiledCheck) -> bool:
    return state.applied.refused is None and not check.suspend

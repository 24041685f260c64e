"""Checks in memory, brought about as the operator does it: by what watches show and what happens then."""

from typing import Any

from ipsecping_operator.api.conditions import ReadyReason
from ipsecping_operator.api.names import DIAGNOSE_ANNOTATION, RUN_NOW_ANNOTATION
from ipsecping_operator.cache.store import Store
from ipsecping_operator.check.applied import Readiness
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.observe.projection import Child, Pod

from .builders import NOON, UID, check

RUNS = Readiness(reason=ReadyReason.RECONCILED, message="Deployment hq runs the agent")


def body(
    name: str = "hq",
    *,
    uid: str = UID,
    generation: int = 1,
    version: int = 7,
    run_now: str | None = None,
    diagnose: str | None = None,
) -> dict[str, Any]:
    """A check as the API stores it, with the annotations run-now and diagnose; its spec is of no interest."""
    metadata: dict[str, Any] = {
        "namespace": "network",
        "name": name,
        "uid": uid,
        "generation": generation,
        "resourceVersion": str(version),
    }
    values = {RUN_NOW_ANNOTATION: run_now, DIAGNOSE_ANNOTATION: diagnose}
    if any(value is not None for value in values.values()):
        metadata["annotations"] = {key: value for key, value in values.items() if value is not None}
    return {"metadata": metadata, "spec": {}}


def shown(
    stored: dict[str, Any] | None = None,
    *objects: Child | Pod,
    status: dict[str, Any] | None = None,
    store: Store | None = None,
    now: int = NOON,
) -> CheckState:
    """A check as a starting operator finds it, with the status that an earlier run left; nothing is compiled.

    The pods are known to be its own.
    """
    store, stored = Store() if store is None else store, stored or body()
    store.put_check({**stored, "status": status or {}}, now=now)
    state = store.checks[stored["metadata"]["uid"]]
    show(store, state, *objects)
    return state


def show(store: Store, state: CheckState, *objects: Child | Pod) -> None:
    """Watches show these; the pods are known to be the check's own."""
    for one in objects:
        if isinstance(one, Pod):
            store.put_pod(one)
            state.observed.owner_decided(one.meta.uid, own=True)
        else:
            store.put_child(one)


def take_up(
    state: CheckState,
    of: CompiledCheck | None = None,
    *,
    ready: Readiness | None = RUNS,
    refused: str | None = None,
    now: int = NOON,
) -> CompiledCheck:
    """The check is compiled, or permission for it refused; then Ready says this, unless it is None."""
    of = of or check()
    state.take_up(of, generation=of.generation, refused=refused, now=now)
    if ready is not None:
        state.applied.reconciled(ready)
    return of

"""Children that an operator finds when it starts, and what it applies of them."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from ipsecping_operator.cache.store import Store
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.children import PATH_LABEL, VERIFIERS_ANNOTATION
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.kinds import Kind
from ipsecping_operator.reconcile.applying import as_applied, ensure_children

from .builders import NOON, UID, check
from .objects import OWNER, child, container, metadata, pod
from .states import take_up


def stored_status(*, generation: int, reason: str = "Reconciled") -> dict[str, Any]:
    condition = {"type": "Ready", "status": "True", "reason": reason, "observedGeneration": generation}
    return {"conditions": [condition | {"message": "m", "lastTransitionTime": "2026-11-23T11:00:00Z"}]}


class Applier(KubeClient):
    """Stores what is applied, as version 7; notes it."""

    def __init__(self) -> None:
        self.applied: list[str] = []

    async def apply(self, body: Mapping[str, Any], kind: Kind, *, force: bool = True) -> Any:
        self.applied.append(kind.name)
        stored = metadata(body["metadata"]["name"], uid="d-1", version=7, owner=OWNER)
        return {"metadata": stored, "status": {}}


DESIRED = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "network", "name": "hq"}}


def restarted(*, reported: int, generation: int, with_child: bool = True) -> CheckState:
    """A check as an operator finds it that has just been started."""
    store = Store()
    meta = metadata("hq", uid=UID, version=5) | {"generation": generation, "labels": {}}
    found = {"metadata": meta, "spec": {}, "status": stored_status(generation=reported)}
    store.put_check(found, now=NOON)
    if with_child:
        store.put_child(child())
    state = store.checks[UID]
    take_up(state, replace(check(), generation=generation))
    return state


def ensured(state: CheckState, client: Applier) -> bool:
    store = Store(checks={UID: state})
    log = logging.LoggerAdapter(logging.getLogger("test"), {})
    return asyncio.run(ensure_children(state, [DESIRED], store=store, client=client, log=log))


def test_children_of_an_earlier_run_are_left_alone_until_there_is_time() -> None:
    state, client = restarted(reported=2, generation=2), Applier()
    assert not ensured(state, client)
    assert client.applied == []
    state.applied.request_reapply()
    assert ensured(state, client)
    assert ensured(state, client)
    assert client.applied == ["Deployment"], "once is enough"


@pytest.mark.parametrize(
    "state",
    [
        restarted(reported=1, generation=2),
        restarted(reported=2, generation=2, with_child=False),
    ],
    ids=["edited meanwhile", "deleted meanwhile"],
)
def test_what_is_known_to_be_missing_is_applied_at_once(state: CheckState) -> None:
    client = Applier()
    assert ensured(state, client)
    assert client.applied == ["Deployment"]


@pytest.mark.parametrize(
    ("there", "applied"),
    [("new", []), ("old", ["ConfigMap"]), (None, ["ConfigMap"])],
    ids=["the same key", "another key", "an operator that had none"],
)
def test_a_plan_whose_agent_does_not_know_the_operator_s_token_is_applied_at_once(
    there: str | None, applied: list[str]
) -> None:
    state, client = restarted(reported=2, generation=2, with_child=False), Applier()
    held = child("ConfigMap")
    store = Store(checks={UID: state})
    store.put_child(replace(held, meta=replace(held.meta, verifiers=there)))
    metadata_ = {"namespace": "network", "name": "hq", "labels": {PATH_LABEL: "default"}}
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata_ | {"annotations": {VERIFIERS_ANNOTATION: "new"}},
    }
    log = logging.LoggerAdapter(logging.getLogger("test"), {})
    asyncio.run(ensure_children(state, [manifest], store=store, client=client, log=log))
    assert client.applied == applied


def test_a_message_that_was_read_is_not_kept() -> None:
    store = Store()
    ended = container(terminated={"exitCode": 0, "reason": "Completed", "message": "a result"})
    store.put_pod(pod(version=4, phase="Succeeded", **ended))
    store.checks[UID].observed.message_read("p-1", None)
    store.put_pod(pod(version=5, phase="Succeeded", **ended))
    (held,) = store.checks[UID].observed.pods.values()
    assert held.ended is not None
    assert (held.ended.message, held.ended.exit_code) == ("", 0)


@pytest.mark.parametrize(
    ("happens", "nothing"),
    [
        (lambda store, state: store.put_child(child(version=9, availableReplicas=1)), True),
        (lambda store, state: store.put_pod(pod(phase="Running")), True),
        (lambda store, state: store.put_child(child(uid="d-2", version=9)), False),
        (lambda store, state: store.remove_child(child().meta), False),
        (lambda store, state: store.put_child(child("CronJob", uid="c-1", version=9)), False),
    ],
    ids=["available", "a pod runs", "replaced", "deleted", "one too many"],
)
def test_children_are_looked_at_only_when_they_may_differ(
    happens: Callable[[Store, CheckState], object], nothing: bool
) -> None:
    state = restarted(reported=1, generation=1, with_child=False)
    store = Store(checks={UID: state})
    log = logging.LoggerAdapter(logging.getLogger("test"), {})
    asyncio.run(ensure_children(state, [DESIRED], store=store, client=Applier(), log=log))
    assert as_applied(state)
    happens(store, state)
    assert as_applied(state) is nothing

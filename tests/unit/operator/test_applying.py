"""Making and removing children while the watches go on, and what a request's body looks like."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ipsecping_operator.cache.store import Store
from ipsecping_operator.children import NONCE_ANNOTATION, PATH_LABEL
from ipsecping_operator.kube.client import KubeClient, as_yaml
from ipsecping_operator.kube.errors import AdmissionDenied, ApiError, Cause, FieldConflict, Unreachable
from ipsecping_operator.kube.kinds import Kind
from ipsecping_operator.logs import for_check
from ipsecping_operator.observe.projection import read_child
from ipsecping_operator.reconcile import applying
from ipsecping_operator.reconcile.applying import ensure_children
from ipsecping_operator.reconcile.contest import EDITS_SECONDS, MOST_EDITS, Overruled

from .builders import NOON, UID
from .objects import metadata, pod
from .states import body, shown
from .virtual_time import run

OWNER = ("IPsecTunnelCheck", "hq", UID)


class Removing(KubeClient):
    """All that the check has goes while the first of it is being deleted."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.deleted: list[tuple[str, str]] = []

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str) -> None:
        self.deleted.append((name, uid))
        for child in list(self.store.checks[UID].observed.children.values()):
            self.store.remove_child(child.meta)


def test_children_may_go_while_others_are_being_deleted() -> None:
    store = Store()
    check = {"metadata": metadata("hq", uid=UID), "spec": {}}
    store.put_check(check, now=NOON)
    for name, uid in (("a", "1"), ("b", "2")):
        meta = metadata(name, uid=uid, owner=OWNER)
        store.put_child(read_child("CronJob", {"metadata": meta, "spec": {}, "status": {}}))
    client = Removing(store)
    log = for_check(__name__, check["metadata"])
    asyncio.run(ensure_children(store.checks[UID], (), store=store, client=client, log=log))
    assert client.deleted == [("a", "1"), ("b", "2")]


class Telling(KubeClient):
    """Each pod takes a second to be told; of some the API does not take it."""

    def __init__(self, errors: Mapping[str, ApiError]) -> None:
        self.errors = errors
        self.told: list[str] = []
        self.under_way = self.most = 0

    async def merge(self, kind: Kind, namespace: str, name: str, body: Mapping[str, Any]) -> Any:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(1)
        self.under_way -= 1
        if name in self.errors:
            raise self.errors[name]
        self.told.append(name)


def told_pods(client: Telling, *, pods: int) -> float:
    """An edited plan is told to so many pods; returns the seconds that it took."""
    state = shown(body())
    for number in range(pods):
        made = pod(f"hq-{number}", uid=f"p-{number}", phase="Running")
        state.observed.show_pod(replace(made, meta=replace(made.meta, path="default")))
        state.observed.owner_decided(made.meta.uid, own=True)
    state.applied.refresh_pods("default", {NONCE_ANNOTATION: "new"})
    log = for_check(__name__, metadata("hq", uid=UID))

    async def scenario() -> float:
        begun = asyncio.get_running_loop().time()
        try:
            await ensure_children(state, (), store=Store(), client=client, log=log)
        except ApiError:
            assert state.applied.pods_to_refresh
        else:
            assert not state.applied.pods_to_refresh
        return asyncio.get_running_loop().time() - begun

    return run(scenario())


def test_pods_of_an_edited_plan_are_told_a_few_at_a_time() -> None:
    client = Telling({})
    assert told_pods(client, pods=100) == 25
    assert (len(client.told), client.most) == (100, 4)


def test_a_pod_that_may_not_be_told_holds_up_no_other_and_it_is_tried_again() -> None:
    client = Telling({f"hq-{number}": AdmissionDenied("a policy") for number in range(5)})
    told_pods(client, pods=20)
    assert len(client.told) == 15


def test_where_the_api_is_away_no_more_pods_are_tried() -> None:
    client = Telling({"hq-1": Unreachable("no route")})
    told_pods(client, pods=100)
    assert len(client.told) < 8


class Opposed(KubeClient):
    """Somebody scales the workload down each time that it is applied: the watch shows it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.applied = 0
        self.generation = 1

    def stored(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        self.generation += 1
        meta = metadata("hq", uid="1", owner=OWNER, version=self.generation)
        return {**manifest, "metadata": {**manifest["metadata"], **meta, "generation": self.generation}}

    async def apply(self, body: Mapping[str, Any], kind: Kind, *, force: bool = True) -> Any:
        if not force:
            told = 'conflict with "downscaler" using apps/v1'
            raise FieldConflict("1 conflict", causes=(Cause(".spec.replicas", told),))
        self.applied += 1
        return self.stored(body)

    def oppose(self, manifest: Mapping[str, Any]) -> None:
        self.store.put_child(read_child("Deployment", self.stored(manifest)))


def test_who_changes_a_child_as_often_as_it_is_put_right_is_not_fought_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(applying, "time", SimpleNamespace(monotonic=lambda: now))
    store = Store()
    store.put_check({"metadata": metadata("hq", uid=UID), "spec": {}}, now=NOON)
    manifest = {
        "apiVersion": "apps/v1", "kind": "Deployment", "spec": {},
        "metadata": {"name": "hq", "namespace": "network", "labels": {PATH_LABEL: "default"}},
    }  # fmt: skip
    client, state = Opposed(store), store.checks[UID]
    log = for_check(__name__, metadata("hq", uid=UID))

    def ensure() -> None:
        asyncio.run(ensure_children(state, [manifest], store=store, client=client, log=log))
        client.oppose(manifest)

    for _ in range(1 + MOST_EDITS):
        now += 1
        ensure()
    for _ in range(5):
        with pytest.raises(Overruled, match=r'Deployment hq: .*: \.spec\.replicas \(by "downscaler"\)'):
            ensure()
    assert client.applied == 1 + MOST_EDITS
    now += EDITS_SECONDS
    ensure()
    assert client.applied == 2 + MOST_EDITS


@pytest.mark.parametrize("text", ["\N{BELL}", "\x00\x1b\x7f\x85\x9f\u2028\ufeff\ufffe", 'a"\\b', "\\ud83d"])
def test_an_applied_object_is_yaml_whatever_is_in_its_strings(text: str) -> None:
    made = as_yaml({text: [text]})
    assert yaml.safe_load(made) == json.loads(made) == {text: [text]}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_applied_as_it_is(text: str) -> None:
    found: Any = yaml.safe_load(as_yaml({"said": text}))
    assert found == {"said": text}

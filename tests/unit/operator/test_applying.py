"""Making and removing children while the watches go on, and what a request's body looks like."""

import asyncio
import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ipsecping_operator.cache.store import Store
from ipsecping_operator.kube.client import KubeClient, as_yaml
from ipsecping_operator.kube.kinds import Kind
from ipsecping_operator.logs import for_check
from ipsecping_operator.observe.projection import read_child
from ipsecping_operator.reconcile.applying import ensure_children

from .builders import NOON, UID
from .objects import metadata

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
    body = {"metadata": metadata("hq", uid=UID), "spec": {}}
    store.put_check(body, now=NOON)
    for name, uid in (("a", "1"), ("b", "2")):
        meta = metadata(name, uid=uid, owner=OWNER)
        store.put_child(read_child("CronJob", {"metadata": meta, "spec": {}, "status": {}}))
    client = Removing(store)
    log = for_check(__name__, body["metadata"])
    asyncio.run(ensure_children(store.checks[UID], (), store=store, client=client, log=log))
    assert client.deleted == [("a", "1"), ("b", "2")]


@pytest.mark.parametrize("text", ["\N{BELL}", "\x00\x1b\x7f\x85\x9f\u2028\ufeff\ufffe", 'a"\\b', "\\ud83d"])
def test_an_applied_object_is_yaml_whatever_is_in_its_strings(text: str) -> None:
    made = as_yaml({text: [text]})
    assert yaml.safe_load(made) == json.loads(made) == {text: [text]}


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_applied_as_it_is(text: str) -> None:
    found: Any = yaml.safe_load(as_yaml({"said": text}))
    assert found == {"said": text}

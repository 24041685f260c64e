"""Filing what the watches show, applying only what differs, and finding out what they did not show."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from ipsecping_operator.cache.pending_writes import PendingWrites
from ipsecping_operator.cache.store import Store
from ipsecping_operator.cache.sweep import Listed, Sweeper
from ipsecping_operator.check.applied import AppliedChild
from ipsecping_operator.children import ChildRef
from ipsecping_operator.kube.errors import Forbidden
from ipsecping_operator.kube.kinds import Kind
from ipsecping_operator.reconcile.applying import must_apply

from .builders import NOON, UID
from .objects import OWNER, child, metadata, pod


def body(*, version: int = 5, generation: int = 1, **more: Any) -> dict[str, Any]:
    meta = metadata("hq", uid=UID, version=version) | {"generation": generation, "labels": {}} | more
    return {"metadata": meta, "spec": {}}


def test_only_a_new_generation_or_a_deletion_is_news() -> None:
    store = Store()
    assert store.put_check(body(version=5), now=NOON) == UID
    assert store.put_check(body(version=6), now=NOON) is None
    assert store.put_check(body(version=7, generation=2), now=NOON) == UID
    assert store.put_check(body(version=8, generation=2, deletionTimestamp="now"), now=NOON) == UID


def test_an_older_version_never_replaces_a_newer_one() -> None:
    store = Store()
    store.put_check(body(version=9, generation=2), now=NOON)
    assert store.put_check(body(version=8, generation=1), now=NOON) is None
    store.put_child(child(version=4, availableReplicas=1, observedGeneration=1))
    assert store.put_child(child(version=3)) is None
    assert [each.available for each in store.checks[UID].observed.children.values()] == [True]
    store.put_pod(pod(version=4, phase="Running"))
    assert store.put_pod(pod(version=3, phase="Pending")) is None


def test_resource_versions_are_compared_as_numbers() -> None:
    store = Store()
    store.put_child(child("ConfigMap", version=9))
    assert store.put_child(child("ConfigMap", version=10)) == UID


def test_what_changes_nothing_that_is_looked_at_is_no_news() -> None:
    store = Store()
    store.put_child(child(version=1))
    assert store.put_child(child(version=2, replicas=1)) is None
    assert store.put_child(child(version=3, availableReplicas=1, observedGeneration=1)) == UID
    store.put_pod(pod(version=1, phase="Running"))
    assert store.put_pod(pod(version=2, phase="Running", qosClass="Burstable")) is None
    assert store.put_pod(pod(version=3, phase="Succeeded")) == UID


def test_a_deleted_check_is_forgotten_with_its_last_child() -> None:
    store = Store()
    store.put_check(body(), now=NOON)
    held = child()
    store.put_child(held)
    store.remove_check(UID)
    assert store.checks[UID].metadata is None
    store.remove_child(held.meta)
    assert store.checks == {}


def test_the_end_of_an_earlier_object_of_the_same_name_does_not_remove_its_successor() -> None:
    store = Store()
    old, new = child(uid="d-1"), child(uid="d-2", version=2)
    store.put_child(old)
    store.put_child(new)
    assert store.remove_child(old.meta) is None
    assert len(store.checks[UID].observed.children) == 1


def test_an_object_without_a_check_s_label_is_nobody_s() -> None:
    store = Store()
    stray = child()
    assert store.put_child(replace(stray, meta=replace(stray.meta, check_uid=None))) is None
    assert store.checks == {}


APPLIED = AppliedChild(digest="abc", uid="d-1", version=1)


@pytest.mark.parametrize(
    ("why", "digest", "applied", "held", "expected"),
    [
        ("as applied", "abc", APPLIED, child(), False),
        ("never applied by this process", "abc", None, child(), True),
        ("to be otherwise now", "def", APPLIED, child(), True),
        ("deleted", "abc", APPLIED, None, True),
        ("made anew by somebody", "abc", APPLIED, child(uid="d-2"), True),
        ("edited by somebody", "abc", replace(APPLIED, version=2), child(), True),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_a_child_is_applied_only_when_it_differs(
    why: str, digest: str, applied: AppliedChild | None, held: Any, expected: bool
) -> None:
    assert must_apply(UID, digest, applied=applied, child=held) is expected


def test_a_child_robbed_of_its_owner_is_applied_again() -> None:
    held = child()
    robbed = replace(held, meta=replace(held.meta, owner=None))
    assert must_apply(UID, "abc", applied=APPLIED, child=robbed)


class Api:
    """Lists what it is told to hold; notes what is deleted."""

    def __init__(self, *listed: tuple[str, Any]) -> None:
        self.listed = list(listed)
        self.deleted: list[tuple[str, str, str]] = []
        self.refusing = False

    async def metadata(
        self, kind: Kind, namespace: str | None, *, selector: str | None = None
    ) -> AsyncIterator[Mapping[str, Any]]:
        wanted = dict(each.split("=") for each in selector.split(",")) if selector else {}
        for name, meta in self.listed:
            if kind.name == name and wanted.items() <= dict(meta.get("labels", {})).items():
                yield meta

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str) -> None:
        if self.refusing:
            raise Forbidden("deployments.apps is forbidden")
        self.deleted.append((kind.name, f"{namespace}/{name}", uid))


def test_what_went_without_a_word_is_found_by_the_sweep() -> None:
    store = Store()
    store.put_check(body(), now=NOON)
    held = child()
    store.put_child(held)
    api = Api(("IPsecTunnelCheck", body()["metadata"]))
    touched, never = asyncio.run(Sweeper(store, api, (None,)).sweep())  # type: ignore[arg-type]
    assert touched == [UID]
    assert never == []
    assert store.checks[UID].observed.children == {}


def test_children_that_the_garbage_collector_has_forgotten_are_deleted_by_the_second_sweep() -> None:
    store = Store()
    store.put_child(child(version=7))
    left = ("Deployment", metadata("hq", uid="d-1", version=7, owner=OWNER))
    api = Api(left)
    sweeper = Sweeper(store, api, (None,))  # type: ignore[arg-type]
    asyncio.run(sweeper.sweep())
    assert api.deleted == [], "the garbage collector may be at it"
    asyncio.run(sweeper.sweep())
    assert api.deleted == [("Deployment", "network/hq", "d-1")]


def test_a_deletion_that_fails_takes_nothing_from_what_the_sweep_has_found_and_is_tried_again() -> None:
    store = Store()
    store.put_child(child(version=7))
    other = body()["metadata"] | {"name": "gone", "uid": "gone"}
    store.put_check({"metadata": other, "spec": {}}, now=NOON)
    api = Api(("Deployment", metadata("hq", uid="d-1", version=7, owner=OWNER)), ("IPsecTunnelCheck", other))
    sweeper = Sweeper(store, api, (None,))  # type: ignore[arg-type]
    asyncio.run(sweeper.sweep())
    api.listed.pop()
    api.refusing = True
    touched, _ = asyncio.run(sweeper.sweep())
    assert (touched, api.deleted) == (["gone"], [])
    api.refusing = False
    asyncio.run(sweeper.sweep())
    assert api.deleted == [("Deployment", "network/hq", "d-1")]


def test_children_of_a_check_that_is_there_are_left_alone_though_its_watch_has_not_shown_it() -> None:
    store = Store()
    store.put_child(child(version=7))
    left = ("Deployment", metadata("hq", uid="d-1", version=7, owner=OWNER))
    api = Api(left, ("IPsecTunnelCheck", body()["metadata"]))
    sweeper = Sweeper(store, api, (None,))  # type: ignore[arg-type]
    for _ in range(3):
        asyncio.run(sweeper.sweep())
    assert api.deleted == []


def test_a_watch_that_lags_is_not_deaf_and_one_that_stays_behind_is() -> None:
    store = Store()
    store.put_check(body(version=5), now=NOON)
    api = Api(("IPsecTunnelCheck", body(version=6)["metadata"]))
    sweeper = Sweeper(store, api, (None,))  # type: ignore[arg-type]
    assert asyncio.run(sweeper.sweep()) == ([], [])
    store.put_check(body(version=6), now=NOON)  # the watch caught up
    api.listed = [("IPsecTunnelCheck", body(version=7)["metadata"])]
    assert asyncio.run(sweeper.sweep()) == ([], [])
    api.listed = [("IPsecTunnelCheck", body(version=8)["metadata"])]
    assert asyncio.run(sweeper.sweep()) == ([], [Listed("IPsecTunnelCheck", "network/hq", 7)])


def test_a_version_that_has_fallen_is_told_since_nothing_that_follows_would_be_taken_over() -> None:
    store = Store()
    store.put_check(body(version=900, generation=4), now=NOON)
    edited = body(version=500, generation=4)
    assert store.put_check(edited, now=NOON) is None, "as older versions are"
    api = Api(("IPsecTunnelCheck", edited["metadata"]))
    sweeper = Sweeper(store, api, (None,))  # type: ignore[arg-type]
    older = Listed("IPsecTunnelCheck", "network/hq", 500, older=True)
    assert asyncio.run(sweeper.sweep()) == ([], []), "the API may have lapsed"
    assert sweeper.older, "so it is asked again soon"
    assert asyncio.run(sweeper.sweep()) == ([], [older])


def test_a_version_that_a_watch_shows_while_all_is_listed_has_not_fallen() -> None:
    store = Store()
    store.put_check(body(version=5), now=NOON)

    class Overtaken(Api):
        async def metadata(
            self, kind: Kind, namespace: str | None, *, selector: str | None = None
        ) -> AsyncIterator[Mapping[str, Any]]:
            if kind.name == "Pod":
                store.put_check(body(version=6), now=NOON)
            async for meta in super().metadata(kind, namespace, selector=selector):
                yield meta

    api = Overtaken(("IPsecTunnelCheck", body(version=5)["metadata"]))
    assert asyncio.run(Sweeper(store, api, (None,)).sweep()) == ([], [])  # type: ignore[arg-type]


def test_an_object_that_came_and_went_between_two_sweeps_is_no_sign_of_deafness() -> None:
    store = Store()
    api = Api(("Pod", metadata("hq-1", uid="p-1", owner=("ReplicaSet", "hq-rs", "rs-1"))))
    sweeper = Sweeper(store, api, (None,))  # type: ignore[arg-type]
    asyncio.run(sweeper.sweep())
    api.listed = []
    assert asyncio.run(sweeper.sweep()) == ([], [])


def test_an_object_that_only_looks_like_a_child_is_not_waited_for() -> None:
    store = Store()
    labels = {"app.kubernetes.io/name": "ipsecping-probe", "app.kubernetes.io/managed-by": "ipsecping"}
    mine = metadata("mine", uid="c-1") | {"labels": labels}
    sweeper = Sweeper(store, Api(("ConfigMap", mine)), (None,))  # type: ignore[arg-type]
    asyncio.run(sweeper.sweep())
    assert asyncio.run(sweeper.sweep()) == ([], [])


def test_what_was_written_has_to_come_back_through_the_watch() -> None:
    store = Store()
    store.put_written(child(version=7), now=100.0)
    api = Api(("Deployment", metadata("hq", uid="d-1", version=7, owner=OWNER)))
    sweeper = Sweeper(store, api, (None,))  # type: ignore[arg-type]
    assert not store.pending_writes.late(before=100.0)
    assert store.pending_writes.late(before=100.1)
    asyncio.run(sweeper.sweep())
    assert asyncio.run(sweeper.sweep()) == ([], [Listed("Deployment", "network/hq", 7)])
    store.pending_writes.shown("d-1", 7, now=200.0)
    asyncio.run(sweeper.sweep())
    assert asyncio.run(sweeper.sweep()) == ([], [])


def test_frequent_writes_do_not_hide_that_none_comes_back() -> None:
    pending = PendingWrites()
    for version in range(5, 50, 5):
        pending.expect("d-1", version, now=version)
    assert pending.late(before=6)
    assert pending.missing("d-1", 5)
    pending.shown("d-1", 20, now=60)
    assert not pending.missing("d-1", 20)
    assert pending.missing("d-1", 45), "what was written last is still to come"
    assert not pending.late(before=60)
    pending.shown("d-1", 45, now=61)
    assert not pending.missing("d-1", 100)


def test_what_came_by_the_watch_first_is_not_waited_for() -> None:
    store = Store()
    store.put_child(child(version=7))
    store.put_written(child(version=7), now=100.0)
    assert not store.pending_writes.late(before=1000.0)


def test_an_object_that_was_written_and_went_unseen_is_forgotten() -> None:
    store = Store()
    store.put_written(child(version=7), now=0.0)
    asyncio.run(Sweeper(store, Api(), (None,)).sweep())  # type: ignore[arg-type]
    assert not store.pending_writes.late(before=1000.0)


def test_children_are_known_by_the_reference_that_builds_them() -> None:
    store = Store()
    store.put_child(child("CronJob"))
    (ref,) = store.checks[UID].observed.children
    assert ref == ChildRef(api_version="batch/v1", kind="CronJob", namespace="network", name="hq")

"""What bears a check's label and is not the check's: never filed, never heard, counted."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from ipsecping_operator.api.conditions import ReadyReason
from ipsecping_operator.cache.store import Store
from ipsecping_operator.cache.sweep import Sweeper
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.children import ChildSettings, child_name
from ipsecping_operator.compile import Cron
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.kinds import Kind
from ipsecping_operator.logs import for_check
from ipsecping_operator.observe.belonging import Stray
from ipsecping_operator.observe.projection import Child, Meta, Pod, read_child, read_pod
from ipsecping_operator.reconcile.run_now import start_jobs
from ipsecping_operator.report.readiness import readiness

from .builders import NOON, UID, check, plan
from .objects import child, container, metadata, pod
from .states import take_up

OWN = ("IPsecTunnelCheck", "hq", UID)
BETWEEN = ("ReplicaSet", "hq-rs", "rs-1")


class Noting(Store):
    """Notes what was dropped."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, Stray]] = []
        super().__init__(dropped=lambda meta, why: self.noted.append((meta.kind, why)))


def body() -> dict[str, Any]:
    return {"metadata": metadata("hq", uid=UID), "spec": {}}


def foreign(
    kind: str, owner: dict[str, Any] | None = None, *, uid: str = "x-1", namespace: str = "network"
) -> Child | Pod:
    """An object with the check's labels, with this owner reference (without one if there is none)."""
    meta = metadata("hq", uid=uid, version=99) | {"namespace": namespace}
    if owner is not None:
        meta["ownerReferences"] = [owner]
    raw = {
        "metadata": meta,
        "spec": {},
        "status": container(waiting={"reason": "Evil", "message": "my text"}),
    }
    return read_pod(raw) if kind == "Pod" else read_child(kind, raw)


def reference(kind: str, api_version: str, *, uid: str = UID, controller: bool = True) -> dict[str, Any]:
    return {"kind": kind, "apiVersion": api_version, "name": "hq", "uid": uid, "controller": controller}


CHECK_VERSION = "ipsecping.dev/v1alpha1"
STRAYS = [
    (foreign("Deployment"), Stray.NO_OWNER),
    (foreign("ConfigMap"), Stray.NO_OWNER),
    (foreign("CronJob", reference("IPsecTunnelCheck", CHECK_VERSION, controller=False)), Stray.NO_OWNER),
    (foreign("Deployment", reference("IPsecTunnelCheck", CHECK_VERSION, uid="other")), Stray.OTHER_OWNER),
    (foreign("Deployment", reference("Deployment", "apps/v1")), Stray.OTHER_OWNER),
    (foreign("Deployment", reference("IPsecTunnelCheck", "evil.example/v1")), Stray.OTHER_OWNER),
    (
        foreign("CronJob", reference("IPsecTunnelCheck", CHECK_VERSION), namespace="evil"),
        Stray.OTHER_NAMESPACE,
    ),
    (foreign("Pod"), Stray.NO_OWNER),
    (foreign("Pod", reference("IPsecTunnelCheck", CHECK_VERSION)), Stray.OTHER_OWNER),
    (foreign("Pod", reference("ReplicaSet", "evil.example/v1")), Stray.OTHER_OWNER),
    (foreign("Pod", reference("StatefulSet", "apps/v1")), Stray.OTHER_OWNER),
    (
        foreign("Pod", reference("ReplicaSet", "apps/v1", uid="rs-1"), namespace="evil"),
        Stray.OTHER_NAMESPACE,
    ),
    (foreign("Pod", reference("Job", "batch/v1", uid="j-1"), namespace="evil"), Stray.OTHER_NAMESPACE),
]


def put(store: Store, one: Child | Pod) -> str | None:
    return store.put_pod(one) if isinstance(one, Pod) else store.put_child(one)


@pytest.mark.parametrize(("one", "why"), STRAYS)
@pytest.mark.parametrize("first", [True, False], ids=["the check comes first", "the check comes later"])
def test_it_is_not_filed_whatever_comes_first(one: Child | Pod, why: Stray, first: bool) -> None:
    store = Noting()
    if first:
        store.put_check(body(), now=NOON)
        assert put(store, one) is None, "nobody is disturbed"
    else:
        put(store, one)
        store.put_check(body(), now=NOON)
    state = store.checks[UID]
    assert (state.observed.children, state.observed.pods) == ({}, {})
    assert store.noted == [(one.meta.kind, why)]


@pytest.mark.parametrize("one", [one for one, _ in STRAYS])
def test_the_sweep_does_not_wait_for_its_watch(one: Child | Pod) -> None:
    """Nothing is kept of it, so that it never is behind what the API holds."""
    store = Noting()
    store.put_check(body(), now=NOON)

    class Api(KubeClient):
        def __init__(self) -> None:
            """No connection."""

        async def metadata(
            self, kind: Kind, namespace: str | None, *, selector: str | None = None
        ) -> AsyncIterator[Mapping[str, Any]]:
            listed = {one.meta.kind: raw(one.meta), "IPsecTunnelCheck": body()["metadata"]}
            if kind.name in listed:
                yield listed[kind.name]

    sweeper = Sweeper(store, Api(), (None,))
    asyncio.run(sweeper.sweep())
    assert asyncio.run(sweeper.sweep()) == ([], [])


def raw(meta: Meta) -> dict[str, Any]:
    made = dict(metadata(meta.name, uid=meta.uid, version=meta.resource_version)) | {
        "namespace": meta.namespace
    }
    if meta.owner is not None:
        version = f"{meta.owner.group}/v1alpha1"
        made["ownerReferences"] = [reference(meta.owner.kind, version, uid=meta.owner.uid)]
    return made


def test_a_child_whose_owner_somebody_removes_is_missed_at_once() -> None:
    store = Noting()
    store.put_check(body(), now=NOON)
    store.put_child(child(uid="d-1", version=1))
    orphan = foreign("Deployment", uid="d-1")
    assert put(store, orphan) == UID, "it is applied again, and so adopted"
    assert store.checks[UID].observed.children == {}


def test_a_stranger_of_the_same_name_does_not_displace_a_child() -> None:
    store = Noting()
    store.put_check(body(), now=NOON)
    store.put_child(child(uid="d-1", version=1))
    assert put(store, foreign("Deployment", uid="x-1")) is None
    assert [each.meta.uid for each in store.checks[UID].observed.children.values()] == ["d-1"]


def test_strangers_alone_make_no_state() -> None:
    store = Noting()
    for one, why in STRAYS:
        if why is not Stray.OTHER_NAMESPACE:
            put(store, one)
    assert store.checks == {}


def test_a_pod_that_is_not_known_to_be_the_check_s_says_nothing() -> None:
    store = Noting()
    store.put_check(body(), now=NOON)
    store.put_child(child())
    store.put_pod(pod(**container(waiting={"reason": "Evil", "message": "my text"})))
    state = store.checks[UID]
    take_up(state)
    for foreign in (False, True):
        if foreign:
            state.observed.owner_decided("p-1", own=False)
        said = readiness(state)
        assert said.reason is ReadyReason.WORKLOAD_UNAVAILABLE
        assert "Evil" not in said.message
    state.observed.owner_decided("p-1", own=True)
    assert "Evil" in readiness(state).message


class Creating(KubeClient):
    """Notes what is created."""

    def __init__(self) -> None:
        self.created: list[Any] = []
        self.there: list[Any] = []

    async def create(self, kind: Kind, namespace: str, body: Mapping[str, Any]) -> Any:
        self.created.append(body)

    async def pages(
        self, kind: Kind, namespace: str | None, *, selector: str | None = None
    ) -> AsyncIterator[Mapping[str, Any]]:
        yield {"items": self.there}


def owned_by(uid: str) -> dict[str, Any]:
    return {"ownerReferences": [reference("CronJob", "batch/v1", uid=uid)]}


def cron_job(name: str, uid: str, owner: dict[str, Any] | None = None) -> Child:
    meta = metadata(name, uid=uid)
    meta["ownerReferences"] = [owner or reference("IPsecTunnelCheck", CHECK_VERSION)]
    return read_child("CronJob", {"metadata": meta, "spec": {}, "status": {}})


def test_an_extra_round_is_owned_by_the_cron_job_that_the_operator_made_and_by_no_other() -> None:
    store, client = Noting(), Creating()
    store.put_check(body(), now=NOON)
    state: CheckState = store.checks[UID]
    cron = Cron(line="0 * * * *", time_zone=None)
    compiled = take_up(state, check(plan(interval_ms=None), schedule=cron))

    def start() -> str | None:
        settings = ChildSettings(probe_image="probe:1")
        log = for_check(__name__, body()["metadata"])
        return asyncio.run(start_jobs(state, "1", settings, client=client, log=log))

    # By name of another kind of owner, and of the check's own making but under another name.
    name = child_name(compiled, "default")
    store.put_child(cron_job(name, "evil-1", reference("CronJob", "batch/v1", uid="z")))
    store.put_child(cron_job("aaa", "evil-2"))
    assert start() is None
    assert client.created == []
    store.put_child(cron_job(name, "c-1"))
    # One of its Jobs has not ended, whose pod nobody has seen; of another's that is no matter.
    job = {"metadata": {"name": "j", **owned_by("c-1")}, "status": {}}
    client.there = [job]
    assert start() is None
    client.there = [job | {"metadata": {"name": "j", **owned_by("evil-1")}}]
    assert start() is not None
    (made,) = client.created
    client.there = [job | {"status": {"conditions": [{"type": "Failed", "status": "True"}]}}]
    assert start() is not None
    assert [each["uid"] for each in made["metadata"]["ownerReferences"]] == ["c-1"]

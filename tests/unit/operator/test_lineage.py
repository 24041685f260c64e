"""Who controls a pod's owner: from lists made at the start, or asked for."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from ipsecping_operator.collect.lineage import Lineage
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.kinds import JOB, REPLICA_SET, Kind
from ipsecping_operator.observe.projection import Owner

from .objects import metadata

DEPLOYMENT = Owner(group="apps", kind="Deployment", name="hq", uid="d-1")


class Api(KubeClient):
    """Holds ReplicaSets by name; notes what it was asked for."""

    def __init__(self, **held: dict[str, Any]) -> None:
        self.held = held
        self.asked: list[str] = []

    async def metadata(
        self, kind: Kind, namespace: str | None, *, selector: str | None = None
    ) -> AsyncIterator[Mapping[str, Any]]:
        self.asked.append(f"list {kind.plural}")
        for each in self.held.values() if kind is REPLICA_SET else ():
            yield each

    async def get(self, kind: Kind, namespace: str, name: str) -> Any | None:
        self.asked.append(f"get {kind.plural}/{name}")
        return {"metadata": self.held[name]} if name in self.held else None


def replica_set(uid: str = "rs-1") -> dict[str, Any]:
    made: dict[str, Any] = metadata("rs", uid=uid, owner=("Deployment", "hq", "d-1"))
    return made


def owner(uid: str = "rs-1", *, name: str = "rs", kind: str = REPLICA_SET.name) -> Owner:
    return Owner(group="apps", kind=kind, name=name, uid=uid)


def test_what_was_there_at_the_start_is_not_asked_for_one_by_one() -> None:
    api = Api(**{f"rs{n}": replica_set(f"rs-{n}") for n in range(100)})

    async def scenario() -> None:
        lineage = Lineage(api)
        await lineage.prepare([None])
        for number in range(100):
            assert await lineage.controller_of(owner(f"rs-{number}"), "network") == DEPLOYMENT

    asyncio.run(scenario())
    assert api.asked == ["list replicasets", "list jobs"]


def test_what_comes_later_is_asked_for() -> None:
    api = Api(rs=replica_set())
    assert asyncio.run(Lineage(api).controller_of(owner(), "network")) == DEPLOYMENT


def test_another_object_of_the_same_name_proves_nothing() -> None:
    api = Api(rs=replica_set("rs-2"))
    assert asyncio.run(Lineage(api).controller_of(owner("rs-1"), "network")) is None
    assert (
        asyncio.run(Lineage(api).controller_of(owner("j-1", name="gone", kind=JOB.name), "network")) is None
    )

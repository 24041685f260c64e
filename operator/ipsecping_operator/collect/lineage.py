"""Who controls the ReplicaSets and Jobs that stand between a pod and its workload."""

from collections.abc import Mapping, Sequence
from typing import Any

from ipsecping_operator.children import CHILD_SELECTOR
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.kinds import JOB, REPLICA_SET
from ipsecping_operator.observe.projection import Owner, controller

BETWEEN = {REPLICA_SET.name: REPLICA_SET, JOB.name: JOB}


class Lineage:
    """Looks controllers up: what was there at the start in a few lists, anything else one by one.

    After a restart a fleet's pods all need it at the same time: that would be thousands of requests.
    """

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._known: dict[str, Owner | None] = {}
        """UID of a listed object to its controller."""

    async def prepare(self, namespaces: Sequence[str | None]) -> None:
        """Learn from lists what is there now. Raises ApiError."""
        for kind in BETWEEN.values():
            for namespace in namespaces:
                async for meta in self._client.metadata(kind, namespace, selector=CHILD_SELECTOR):
                    self._known[meta["uid"]] = controller(meta)

    async def controller_of(self, owner: Owner, namespace: str) -> Owner | None:
        """Return the controller of a pod's owner; None when that is gone, another, or has none.

        Raises ApiError.
        """
        if owner.uid in self._known:
            return self._known[owner.uid]
        stored: Mapping[str, Any] | None = await self._client.get(BETWEEN[owner.kind], namespace, owner.name)
        if stored is None or stored["metadata"]["uid"] != owner.uid:
            return None
        return controller(stored["metadata"])

    def forget(self, owner: Owner) -> None:
        """Forget an owner whose pod is settled; it is asked for again for another pod."""
        self._known.pop(owner.uid, None)

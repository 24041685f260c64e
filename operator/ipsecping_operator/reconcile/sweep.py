"""Compare what the watches have shown with what the API holds, and mend the difference.

A watch that was cut for long begins with a new list, which does not tell of what was deleted meanwhile; and
a watch can go deaf. So everything is listed (metadata only) now and then.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ipsecping_operator.children import CHILD_SELECTOR
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.kinds import APPLIED, CHECK, POD
from ipsecping_operator.kube.observed import Meta

from .store import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as the API lists it."""

    name: str
    """`Kind namespace/name`."""
    resource_version: int


@dataclass(frozen=True, slots=True)
class _Held:
    """An object in the store."""

    resource_version: int
    remove: Callable[[], str | None]


@dataclass(slots=True)
class Sweeper:
    """Remembers what one sweep found that the watches had not shown yet, for the next to judge."""

    store: Store
    client: KubeClient
    namespaces: Sequence[str | None]
    behind: dict[str, Listed] = field(default_factory=dict)

    async def sweep(self) -> tuple[list[str], list[str]]:
        """Forget what has gone. Returns UIDs of checks to reconcile, and names of objects never shown.

        Raises ApiError.
        """
        before = dict(_held(self.store))
        listed = await self._list()
        gone = [held for uid, held in before.items() if uid not in listed]
        if gone:
            _log.info("%d objects had gone without a watch telling", len(gone))
        touched = {uid for held in gone if (uid := held.remove()) is not None}
        now = dict(_held(self.store))
        # A watch runs a little behind a list. What it has not shown until the next sweep, it never will.
        never = [
            one.name for uid, one in self.behind.items() if uid in listed and _is_behind(now.get(uid), one)
        ]
        self.behind = {uid: one for uid, one in listed.items() if _is_behind(now.get(uid), one)}
        return sorted(touched), never

    async def _list(self) -> dict[str, Listed]:
        listed: dict[str, Listed] = {}
        for kind in (CHECK, POD, *APPLIED.values()):
            selector = None if kind is CHECK else CHILD_SELECTOR
            for namespace in self.namespaces:
                async for meta in self.client.metadata(kind, namespace, selector=selector):
                    name = f"{kind.name} {meta['namespace']}/{meta['name']}"
                    listed[meta["uid"]] = Listed(name, int(meta["resourceVersion"]))
        return listed


def _is_behind(held: _Held | None, listed: Listed) -> bool:
    return held is None or held.resource_version < listed.resource_version


def _held(store: Store) -> Iterator[tuple[str, _Held]]:
    for uid, state in store.checks.items():
        if state.body is not None:
            version = int(state.body["metadata"]["resourceVersion"])
            yield uid, _Held(version, lambda uid=uid: store.remove_check(uid))  # type: ignore[misc]
        for child in state.children.values():
            yield _entry(child.meta, store.remove_child)
        for pod in state.pods.values():
            yield _entry(pod.meta, store.remove_pod)


def _entry(meta: Meta, remove: Callable[[Meta], str | None]) -> tuple[str, _Held]:
    return meta.uid, _Held(meta.resource_version, lambda: remove(meta))

"""Compare what the watches have shown with what the API holds, and mend the difference.

A watch that was cut for long begins with a new list, which does not tell of what was deleted meanwhile; and
a watch can go deaf. So everything is listed (metadata only) now and then.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ipsecping_operator.children import CHILD_SELECTOR, UID_LABEL
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.kinds import CHECK, WATCHED
from ipsecping_operator.kube.observed import Meta

from .store import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as the API lists it."""

    kind: str
    name: str
    """`namespace/name`."""
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

    async def sweep(self) -> tuple[list[str], list[Listed]]:
        """Forget what has gone. Returns UIDs of checks to reconcile, and what a watch has never shown.

        Raises ApiError.
        """
        began = time.monotonic()
        before = dict(_held(self.store))
        listed = await self._list()
        gone = [held for uid, held in before.items() if uid not in listed]
        if gone:
            _log.info("%d objects had gone without a watch telling", len(gone))
        touched = {uid for held in gone if (uid := held.remove()) is not None}
        self.store.echoes.retain(listed, before=began)
        # A watch runs a little behind a list. What it has not shown until the next sweep, it never will.
        never = [one for uid, one in self._behind(self.behind).items() if uid in listed]
        self.behind = self._behind(listed)
        return sorted(touched), never

    def _behind(self, listed: Mapping[str, Listed]) -> dict[str, Listed]:
        """Of the listed versions those that the watches have not shown, nor a later one."""
        held = dict(_held(self.store))
        return {
            uid: one
            for uid, one in listed.items()
            if uid not in held
            or held[uid].resource_version < one.resource_version
            or self.store.echoes.missing(uid, one.resource_version)
        }

    async def _list(self) -> dict[str, Listed]:
        listed: dict[str, Listed] = {}
        for kind in WATCHED:
            selector = None if kind is CHECK else CHILD_SELECTOR
            for namespace in self.namespaces:
                async for meta in self.client.metadata(kind, namespace, selector=selector):
                    if kind is not CHECK and UID_LABEL not in (meta.get("labels") or {}):
                        continue  # somebody's own, which only looks like a child: nothing is kept of it
                    name = f"{meta['namespace']}/{meta['name']}"
                    listed[meta["uid"]] = Listed(kind.name, name, int(meta["resourceVersion"]))
        return listed


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

"""Compare what the watches have shown with what the API holds, and mend the difference.

A watch that was cut for long begins with a new list, which does not tell of what was deleted meanwhile; and
a watch can go deaf. So everything is listed (metadata only) now and then. That shows also when the API's
storage was put back to a backup: versions that only grow have fallen, and what is edited from then on looks
older than what is known.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from ipsecping_operator.children import CHILD_SELECTOR
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import ApiError
from ipsecping_operator.kube.kinds import POD, Kind
from ipsecping_operator.observe.kinds import APPLIED, CHECK, WATCHED
from ipsecping_operator.observe.projection import Meta, read_meta

from .store import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as the API lists it."""

    kind: str
    name: str
    """`namespace/name`."""
    resource_version: int
    older: bool = False
    """A newer version of it was known before the API was asked, twice in a row."""


@dataclass(slots=True)
class Sweeper:
    """Compares lists with the store; what a watch has not shown by the next sweep, it never will."""

    store: Store
    client: KubeClient
    namespaces: Sequence[str | None]
    behind: dict[str, Listed] = field(default_factory=dict)
    older: Set[str] = frozenset()
    """UIDs of what was older than known at the last sweep: once may be the API's lapse."""
    orphans: Set[str] = frozenset()
    """UIDs of children that had no check any more at the last sweep."""

    async def sweep(self) -> tuple[list[str], list[Listed]]:
        """Forget what has gone, and delete children that the garbage collector has left.

        Returns UIDs of checks to reconcile, and what a watch has never shown or never will: what is older now
        than it was.

        Raises ApiError.
        """
        began = time.monotonic()
        before = _versions(self.store)
        listed = await self._list()
        gone = before.keys() - listed.keys()
        if gone:
            _log.info("%d objects had gone without a watch telling", len(gone))
        touched = self._forget(gone) if gone else set()
        self.store.pending_writes.retain(listed, before=began)
        self.store.unreadable = {
            uid: version for uid, version in self.store.unreadable.items() if uid in listed
        }
        # A watch runs a little behind a list. What it has not shown until the next sweep, it never will.
        never = [one for uid, one in self._behind(self.behind).items() if uid in listed]
        before_that, self.older = (
            self.older,
            {uid for uid, one in listed.items() if one.resource_version < before.get(uid, 0)},
        )
        never += [replace(listed[uid], older=True) for uid in sorted(before_that & self.older)]
        self.behind = self._behind(listed)
        await self._remove_orphans(listed)
        return sorted(touched), never

    async def _remove_orphans(self, listed: Mapping[str, Listed]) -> None:
        """Delete the children that were without their check at the sweep before this one already.

        The garbage collector does it in seconds; but it forgets children whose check goes while it cannot see
        checks (the API server has just started and does not serve our CRD yet). They would measure for ever.
        """
        children = {
            child.meta.uid: child
            for state in self.store.checks.values()
            if state.metadata is None and state.uid not in listed
            for child in state.observed.children.values()
            if child.meta.uid in listed
        }
        before, self.orphans = self.orphans, children.keys()
        for uid in before & children.keys():
            meta = children[uid].meta
            _log.warning(
                "deleting %s %s/%s: its check has gone, and the garbage collector left it",
                meta.kind,
                meta.namespace,
                meta.name,
            )
            try:
                await self.client.delete(APPLIED[meta.kind], meta.namespace, meta.name, uid=uid)
            except ApiError as error:  # what the sweep has found is no less true
                _log.warning("not deleted, the next sweep will retry: %s", error)

    def _behind(self, listed: Mapping[str, Listed]) -> dict[str, Listed]:
        """Select the listed versions that the watches have not shown, nor a later one."""
        held = self.store.unreadable | _versions(self.store)
        return {
            uid: one
            for uid, one in listed.items()
            if held.get(uid, -1) < one.resource_version
            or self.store.pending_writes.missing(uid, one.resource_version)
        }

    def _forget(self, gone: Set[str]) -> set[str]:
        """Remove what has gone from the store; returns the UIDs of the checks that this concerns."""
        store = self.store
        metas = [meta for meta in _metas(store) if meta.uid in gone]
        touched = {
            store.remove_pod(meta) if meta.kind == POD.name else store.remove_child(meta) for meta in metas
        }
        touched |= {store.remove_check(uid) for uid in gone & store.checks.keys()}
        return {uid for uid in touched if uid is not None}

    async def _list(self) -> dict[str, Listed]:
        listed: dict[str, Listed] = {}
        for kind in WATCHED:
            selector = None if kind is CHECK else CHILD_SELECTOR
            for namespace in self.namespaces:
                async for meta in self.client.metadata(kind, namespace, selector=selector):
                    if kind is not CHECK and self._is_anothers(kind, meta):
                        continue  # it only looks like a child: nothing is kept of it
                    name = f"{meta['namespace']}/{meta['name']}"
                    listed[meta["uid"]] = Listed(kind.name, name, int(meta["resourceVersion"]))
        return listed

    def _is_anothers(self, kind: Kind, raw: Mapping[str, Any]) -> bool:
        meta = read_meta(kind.name, raw)
        return meta.check_uid is None or self.store.stray(meta) is not None


def _versions(store: Store) -> dict[str, int]:
    """Return the resource version of everything in the store, by UID."""
    versions = {
        uid: int(state.metadata["resourceVersion"])
        for uid, state in store.checks.items()
        if state.metadata is not None
    }
    versions.update((meta.uid, meta.resource_version) for meta in _metas(store))
    return versions


def _metas(store: Store) -> Iterator[Meta]:
    """Yield the metadata of all children and pods."""
    for state in store.checks.values():
        yield from (child.meta for child in state.observed.children.values())
        yield from (pod.meta for pod in state.observed.pods.values())

"""File what the watches show. An object that cannot be filed is no other object's harm."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ipsecping_operator.cache.store import Store
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.children import UID_LABEL
from ipsecping_operator.fault_types import Where
from ipsecping_operator.faults import Faults
from ipsecping_operator.kube.kinds import POD, Kind
from ipsecping_operator.observe.kinds import CHECK
from ipsecping_operator.observe.projection import read_child, read_meta, read_pod
from ipsecping_operator.report.reporter import Reporter

RETRY_SECONDS = 10.0
MOST_KEPT = 64
"""Objects that are kept to be filed again; others wait for their next change."""


@dataclass(slots=True, kw_only=True)
class Filing:
    """Puts into the store what a watch shows, and says which check it is about."""

    store: Store
    reporter: Reporter
    faults: Faults
    clock: Callable[[], int]
    again: dict[str, tuple[Kind, str | None, Mapping[str, Any]]] = field(default_factory=dict)
    """By UID, what could not be filed: the fault may have been of a moment, and nothing shows it again."""
    retried: float = float("-inf")

    def file(self, kind: Kind, event: str | None, body: Mapping[str, Any]) -> str | None:
        """File an object; returns the UID of a check to reconcile, None when nothing is new.

        An object that cannot be read raises nothing: it is noted as a fault, and filed again later.
        """
        meta = body["metadata"]
        uid, version = meta["uid"], int(meta["resourceVersion"])
        self.store.pending_writes.shown(uid, version, now=time.monotonic())
        try:
            concerned = self._file(kind, body, gone=event == "DELETED")
        except Exception as error:
            # It has been shown: a watch that shows what nobody can read is not deaf.
            self.store.unreadable[uid] = version
            if len(self.again) < MOST_KEPT or uid in self.again:
                self.again[uid] = (kind, event, body)
            state = self._about(kind, meta)
            self.faults.note(Where.WATCH, error, state, key=uid)
            return None if state is None else state.uid
        if uid in self.store.unreadable and (state := self._about(kind, meta)):
            self.faults.over(state, Where.WATCH, key=uid)
        self.store.unreadable.pop(uid, None)
        self.again.pop(uid, None)
        return concerned

    def retry(self) -> list[str]:
        """File again what could not be filed, now and then. Returns UIDs of checks to reconcile."""
        now = time.monotonic()
        if not self.again or now - self.retried < RETRY_SECONDS:
            return []
        self.retried = now
        concerned = [self.file(*what) for what in list(self.again.values())]
        return [uid for uid in concerned if uid is not None]

    def retain(self) -> None:
        """Forget, after a sweep, the unreadable objects that are not there any more."""
        self.again = {uid: what for uid, what in self.again.items() if uid in self.store.unreadable}
        for state in self.store.checks.values():
            for uid in state.faults.about(Where.WATCH):
                if uid not in self.store.unreadable:
                    self.faults.over(state, Where.WATCH, key=uid)

    def _about(self, kind: Kind, meta: Mapping[str, Any]) -> CheckState | None:
        """Find the check that the object says it belongs to, in the same namespace."""
        labels = meta.get("labels")
        named = meta["uid"] if kind is CHECK else labels.get(UID_LABEL) if isinstance(labels, dict) else None
        state = self.store.checks.get(str(named))
        if state is None or state.metadata is None or state.namespace != meta.get("namespace"):
            return None
        return state

    def _file(self, kind: Kind, body: Mapping[str, Any], *, gone: bool) -> str | None:
        store = self.store
        if kind is CHECK:
            return self._file_check(body, gone=gone)
        if gone:
            remove = store.remove_pod if kind is POD else store.remove_child
            return remove(read_meta(kind.name, body["metadata"]))
        return store.put_pod(read_pod(body)) if kind is POD else store.put_child(read_child(kind.name, body))

    def _file_check(self, body: Mapping[str, Any], *, gone: bool) -> str | None:
        store, uid = self.store, body["metadata"]["uid"]
        if gone:
            self.reporter.forget(uid)
            return store.remove_check(uid)
        first = uid not in store.checks or store.checks[uid].metadata is None
        try:
            return store.put_check(body, now=self.clock())
        finally:
            if uid in store.checks:
                self.reporter.shown(store.checks[uid], body, first=first)

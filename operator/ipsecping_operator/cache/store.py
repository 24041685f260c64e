"""What the watches have shown, filed under the check it belongs to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ipsecping_operator.check.state import CheckState
from ipsecping_operator.children import ChildRef
from ipsecping_operator.kube.kinds import CONFIG_MAP
from ipsecping_operator.kube.transport import FIELD_MANAGER
from ipsecping_operator.observe.belonging import Stray, stray
from ipsecping_operator.observe.kinds import APPLIED
from ipsecping_operator.observe.projection import Child, Meta, Pod
from ipsecping_operator.status.authors import written_by_others

from .pending_writes import PendingWrites


@dataclass(slots=True)
class Store:
    """Checks by UID. Each method returns the UID of a check to reconcile, or None when nothing is new.

    An object is never replaced by an older version of itself: answers to the operator's own requests
    arrive here too, and may be ahead of the watch.
    """

    checks: dict[str, CheckState] = field(default_factory=dict)
    pending_writes: PendingWrites = field(default_factory=PendingWrites)
    unreadable: dict[str, int] = field(default_factory=dict)
    """UID to the version of an object that a watch has shown and that could not be filed."""
    dropped: Callable[[Meta, Stray], None] = lambda meta, why: None
    """Told of each object that bears a check's label and is not the check's."""

    def namespace_of(self, uid: str) -> str:
        """Return the namespace of a check; empty where it has not been seen."""
        state = self.checks.get(uid)
        return "" if state is None or state.metadata is None else state.namespace

    def put_check(self, body: Mapping[str, Any], *, now: int) -> str | None:
        """Take over a check as the API stores it."""
        meta = body["metadata"]
        state = self._state(meta["uid"])
        before = state.metadata
        if before is not None and int(before["resourceVersion"]) > int(meta["resourceVersion"]):
            return None
        state.show(body)
        if before is None:
            self._drop_strays(state)
            status, others = body.get("status") or {}, written_by_others(meta, manager=FIELD_MANAGER)
            state.inherit({key: status[key] for key in status if key not in others}, now=now)
            return state.uid
        changed = (
            before["generation"] != meta["generation"]
            or not state.present
            or state.metadata is None
            or before["annotations"] != state.metadata["annotations"]
        )
        return state.uid if changed else None

    def remove_check(self, uid: str) -> str | None:
        """Forget a check that has gone; its children follow."""
        state = self.checks.get(uid)
        if state is None or state.metadata is None:
            return None
        self.checks[uid] = state.gone()
        self._prune(uid)
        return uid

    def put_child(self, child: Child) -> str | None:
        """Take over a ConfigMap or a workload with our labels."""
        uid, ref = child.meta.check_uid, reference(child.meta)
        if uid is None:
            return None
        if (why := self.stray(child.meta)) is not None:
            self.dropped(child.meta, why)
            return self.remove_child(child.meta)
        observed = self._state(uid).observed
        known = observed.children.get(ref)
        if not _newer(child.meta, known):
            return None
        observed.show_child(ref, child)
        return uid if _says_more(child, known) else None

    def put_written(self, child: Child, *, now: float) -> None:
        """Take over a child as stored at our request, which the watch has to show too; `now` is monotonic."""
        uid = child.meta.check_uid
        if uid is not None and _newer(
            child.meta, self._state(uid).observed.children.get(reference(child.meta))
        ):
            self.put_child(child)
            self.pending_writes.expect(child.meta.uid, child.meta.resource_version, now=now)

    def remove_child(self, meta: Meta) -> str | None:
        """Forget a child that has gone."""
        uid, ref = meta.check_uid, reference(meta)
        state = self.checks.get(uid or "")
        if (
            state is None
            or ref not in state.observed.children
            or state.observed.children[ref].meta.uid != meta.uid
        ):
            return None
        state.observed.child_gone(ref)
        self._prune(state.uid)
        return state.uid

    def put_pod(self, pod: Pod) -> str | None:
        """Take over a pod with our labels."""
        uid = pod.meta.check_uid
        if uid is None:
            return None
        if (why := self.stray(pod.meta)) is not None:
            self.dropped(pod.meta, why)
            return self.remove_pod(pod.meta)
        observed = self._state(uid).observed
        known = observed.pods.get(pod.meta.uid)
        if not _newer(pod.meta, known):
            return None
        return uid if _says_more(observed.show_pod(pod), known) else None

    def remove_pod(self, meta: Meta) -> str | None:
        """Forget a pod that has gone."""
        state = self.checks.get(meta.check_uid or "")
        if state is None or not state.observed.pod_gone(meta.uid):
            return None
        self._prune(state.uid)
        return state.uid

    def stray(self, meta: Meta) -> Stray | None:
        """Return why an object is not that of the check whose label it bears; None: no reason is known."""
        state = self.checks.get(meta.check_uid or "")
        return stray(meta, namespace=None if state is None or state.metadata is None else state.namespace)

    def _drop_strays(self, state: CheckState) -> None:
        """Drop children and pods seen before their check that turn out to be of another namespace."""
        for child in list(state.observed.children.values()):
            if (why := self.stray(child.meta)) is not None:
                self.dropped(child.meta, why)
                state.observed.child_gone(reference(child.meta))
        for pod in list(state.observed.pods.values()):
            if pod.meta.namespace != state.namespace:
                self.dropped(pod.meta, Stray.OTHER_NAMESPACE)
                state.observed.pod_gone(pod.meta.uid)

    def _state(self, uid: str) -> CheckState:
        state = self.checks.get(uid)
        if state is None:
            state = self.checks[uid] = CheckState(uid)
        return state

    def _prune(self, uid: str) -> None:
        state = self.checks[uid]
        if state.metadata is None and not state.observed.children and not state.observed.pods:
            del self.checks[uid]


def reference(meta: Meta) -> ChildRef:
    """Return how `children` names this object."""
    return ChildRef(
        api_version=APPLIED[meta.kind].api_version, kind=meta.kind, namespace=meta.namespace, name=meta.name
    )


def _newer(meta: Meta, known: Child | Pod | None) -> bool:
    return known is None or known.meta.uid != meta.uid or known.meta.resource_version < meta.resource_version


def _says_more(seen: Child | Pod, held: Child | Pod | None) -> bool:
    """Return whether anything but the version is new; of a ConfigMap a new version is an edit."""
    if held is None or seen.meta.kind == CONFIG_MAP.name:
        return True
    return replace(seen, meta=replace(seen.meta, resource_version=held.meta.resource_version)) != held

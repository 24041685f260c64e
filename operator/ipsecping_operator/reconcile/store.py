"""What the watches have shown, filed under the check it belongs to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ipsecping_operator.api.conditions import ConditionType, ReadyReason
from ipsecping_operator.api.names import RUN_NOW_ANNOTATION
from ipsecping_operator.children import ChildRef
from ipsecping_operator.kube.kinds import CONFIG_MAP
from ipsecping_operator.observe.belonging import Stray, stray
from ipsecping_operator.observe.kinds import APPLIED
from ipsecping_operator.observe.projection import Child, Meta, Pod
from ipsecping_operator.state import CheckState, Restored
from ipsecping_operator.status import build, extra
from ipsecping_operator.status.conditions import from_json
from ipsecping_operator.verdict import text

from .echoes import Echoes

_KEPT = ("namespace", "name", "uid", "generation", "resourceVersion", "deletionTimestamp")
_FIGURES = (
    "lastResultTime",
    "headline",
    "lossPercent",
    "rtt",
    "jitter",
    "pathMTU",
    "preferredPath",
    "paths",
    "probes",
)


@dataclass(slots=True)
class Store:
    """Checks by UID. Each method returns the UID of a check to reconcile, or None when nothing is new.

    An object is never replaced by an older version of itself: answers to the operator's own requests
    arrive here too, and may be ahead of the watch.
    """

    checks: dict[str, CheckState] = field(default_factory=dict)
    echoes: Echoes = field(default_factory=Echoes)
    unreadable: dict[str, int] = field(default_factory=dict)
    """UID to the version of an object that a watch has shown and that could not be filed."""
    dropped: Callable[[Meta, Stray], None] = lambda meta, why: None
    """Told of each object that bears a check's label and is not the check's."""

    def put_check(self, body: Mapping[str, Any], *, now: int) -> str | None:
        """A check as the API stores it."""
        meta = body["metadata"]
        state = self._state(meta["uid"])
        before = state.body
        if before is not None and int(before["metadata"]["resourceVersion"]) > int(meta["resourceVersion"]):
            return None
        run_now = (meta.get("annotations") or {}).get(RUN_NOW_ANNOTATION)
        state.body = {
            "metadata": {key: meta[key] for key in _KEPT if key in meta}
            | {"annotations": {RUN_NOW_ANNOTATION: run_now} if run_now else {}},
            # What was compiled already is of no more use.
            "spec": {} if state.generation == meta["generation"] else body.get("spec") or {},
        }
        if before is None:
            self._drop_strays(state)
            _restore(state, body.get("status") or {}, now=now)
            return state.uid
        was = before["metadata"]
        changed = (
            was["generation"] != meta["generation"]
            or not state.present
            or was["annotations"] != state.body["metadata"]["annotations"]
        )
        return state.uid if changed else None

    def remove_check(self, uid: str) -> str | None:
        """The check has gone; its children follow."""
        state = self.checks.get(uid)
        if state is None or state.body is None:
            return None
        # What was measured and reported goes with it; children are kept until they are seen to go.
        self.checks[uid] = CheckState(uid=uid, children=state.children, pods=state.pods)
        self._prune(uid)
        return uid

    def put_child(self, child: Child) -> str | None:
        """A ConfigMap, Deployment or CronJob with our labels."""
        uid, ref = child.meta.check_uid, reference(child.meta)
        if uid is None:
            return None
        if (why := self.stray(child.meta)) is not None:
            self.dropped(child.meta, why)
            return self.remove_child(child.meta)
        children = self._state(uid).children
        held = children.get(ref)
        if not _newer(child.meta, held):
            return None
        children[ref] = child
        return uid if _says_more(child, held) else None

    def put_written(self, child: Child, *, now: float) -> None:
        """A child as stored at our request, which the watch has to show too; `now` is monotonic."""
        uid = child.meta.check_uid
        if uid is not None and _newer(child.meta, self._state(uid).children.get(reference(child.meta))):
            self.put_child(child)
            self.echoes.expect(child.meta.uid, child.meta.resource_version, now=now)

    def remove_child(self, meta: Meta) -> str | None:
        """A child has gone."""
        uid, ref = meta.check_uid, reference(meta)
        state = self.checks.get(uid or "")
        if state is None or ref not in state.children or state.children[ref].meta.uid != meta.uid:
            return None
        del state.children[ref]
        self._prune(state.uid)
        return state.uid

    def put_pod(self, pod: Pod) -> str | None:
        """A pod with our labels."""
        uid = pod.meta.check_uid
        if uid is None:
            return None
        if (why := self.stray(pod.meta)) is not None:
            self.dropped(pod.meta, why)
            return self.remove_pod(pod.meta)
        state = self._state(uid)
        held = state.pods.get(pod.meta.uid)
        if not _newer(pod.meta, held):
            return None
        seen = state.pods[pod.meta.uid] = pod.read() if pod.meta.uid in state.counted else pod
        return uid if _says_more(seen, held) else None

    def remove_pod(self, meta: Meta) -> str | None:
        """A pod has gone."""
        state = self.checks.get(meta.check_uid or "")
        if state is None or state.pods.pop(meta.uid, None) is None:
            return None
        state.owned.pop(meta.uid, None)
        state.counted.pop(meta.uid, None)
        self._prune(state.uid)
        return state.uid

    def stray(self, meta: Meta) -> Stray | None:
        """Why a child or pod is not that of the check whose label it bears, as far as is known."""
        state = self.checks.get(meta.check_uid or "")
        return stray(meta, namespace=None if state is None or state.body is None else state.namespace)

    def _drop_strays(self, state: CheckState) -> None:
        """What came before its check may be of another namespace."""
        for child in list(state.children.values()):
            if (why := self.stray(child.meta)) is not None:
                self.dropped(child.meta, why)
                del state.children[reference(child.meta)]
        for pod in list(state.pods.values()):
            if pod.meta.namespace != state.namespace:
                self.dropped(pod.meta, Stray.OTHER_NAMESPACE)
                del state.pods[pod.meta.uid]
                state.owned.pop(pod.meta.uid, None)

    def _state(self, uid: str) -> CheckState:
        state = self.checks.get(uid)
        if state is None:
            state = self.checks[uid] = CheckState(uid=uid)
        return state

    def _prune(self, uid: str) -> None:
        state = self.checks[uid]
        if state.body is None and not state.children and not state.pods:
            del self.checks[uid]


def reference(meta: Meta) -> ChildRef:
    """How `children` names this object."""
    return ChildRef(
        api_version=APPLIED[meta.kind].api_version, kind=meta.kind, namespace=meta.namespace, name=meta.name
    )


def _newer(meta: Meta, held: Child | Pod | None) -> bool:
    return held is None or held.meta.uid != meta.uid or held.meta.resource_version < meta.resource_version


def _says_more(seen: Child | Pod, held: Child | Pod | None) -> bool:
    """Anything but the version is new; of a ConfigMap the version says that it was edited."""
    if held is None or seen.meta.kind == CONFIG_MAP.name:
        return True
    return replace(seen, meta=replace(seen.meta, resource_version=held.meta.resource_version)) != held


def _reported(status: Mapping[str, Any]) -> int | None:
    """The generation whose children are all made, as the status says."""
    ready = from_json(status.get("conditions")).get(ConditionType.READY)
    return ready.generation if ready is not None and ready.reason == ReadyReason.RECONCILED else None


def _restore(state: CheckState, status: Mapping[str, Any], *, now: int) -> None:
    """Take up the report of an earlier run, so that a restart neither forgets an outage nor invents one."""
    state.born = state.expected_since = now
    state.reported = _reported(status)
    state.conditions = from_json(status.get("conditions"))
    state.outages = build.outages_from_json(status.get("outages"))
    state.extra = state.extra_told = extra.from_json(status.get("runNow"))
    try:
        # In the future it would be if that run's clock was ahead of ours.
        last = min(text.from_moment(status["lastResultTime"]), now)
    except (KeyError, TypeError, ValueError):
        return
    state.preferred = str(status["preferredPath"]) if "preferredPath" in status else None
    figures = {key: status[key] for key in _FIGURES if key in status}
    state.restored = Restored(figures=figures, last_result=last)

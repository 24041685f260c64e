"""Make the children what they should be: apply, remove, tell the pods of an edited plan."""

import hashlib
import json
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from ipsecping_operator.api.names import RUN_NOW_ANNOTATION
from ipsecping_operator.cache.store import Store
from ipsecping_operator.check.applied import AppliedChild
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.children import (
    NONCE_ANNOTATION,
    PATH_LABEL,
    TARGETS_ANNOTATION,
    VERIFIERS_ANNOTATION,
    ChildRef,
    surplus,
)
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import Conflict, FieldConflict, Immutable, NotFound
from ipsecping_operator.kube.kinds import POD
from ipsecping_operator.observe.kinds import APPLIED
from ipsecping_operator.observe.projection import Child, Meta, Pod, read_child
from ipsecping_operator.reconcile.contest import EDITS_SECONDS, MOST_EDITS, Contested, Overruled
from ipsecping_operator.reconcile.several import several

_OF_PLAN = (NONCE_ANNOTATION, RUN_NOW_ANNOTATION, VERIFIERS_ANNOTATION, TARGETS_ANNOTATION)
Log = logging.LoggerAdapter[logging.Logger]


async def ensure_children(
    state: CheckState,
    desired: Sequence[Mapping[str, Any]],
    *,
    store: Store,
    client: KubeClient,
    log: Log,
) -> bool:
    """Apply what differs, delete what is surplus, refresh pods. Raises ApiError; may be called at any time.

    False when children of an earlier run were taken as they are: `request_reapply` is to be called some time,
    and this again.
    """
    taken = [manifest for manifest in desired if _inherited(state, manifest)]
    for manifest in desired:
        if manifest not in taken:
            await _ensure(state, manifest, store=store, client=client, log=log)
    # While one is being deleted, another may be seen to have gone.
    there = dict(state.observed.children)
    controllers = {ref: child.meta.owner.uid if child.meta.owner else None for ref, child in there.items()}
    for ref in surplus(controllers, desired, owner_uid=state.uid):
        log.info("deleting %s %s, which the check no longer needs", ref.kind, ref.name)
        await client.delete(APPLIED[ref.kind], ref.namespace, ref.name, uid=there[ref].meta.uid)
        state.applied.child_deleted(ref)
    await _refresh_pods(state, client=client)
    return not taken


def note_late_pods(state: CheckState) -> bool:
    """Note which paths have pods that were not told of their plan. Returns whether there are any to refresh.

    An operator that was killed between an edit and this has told nobody.
    """
    for child in state.observed.children.values():
        meta = child.meta
        if meta.path is None or meta.nonce is None:
            continue
        marks = {key: value for key, value in _borne(meta).items() if value is not None}
        late = any(_is_late(pod, meta.path, marks) for pod in state.observed.own_pods)
        if late and meta.path not in state.applied.pods_to_refresh:
            state.applied.refresh_pods(meta.path, marks)
    return bool(state.applied.pods_to_refresh)


def as_applied(state: CheckState) -> bool:
    """Return whether the children are those that were applied, and unchanged."""
    own = {ref for ref, child in state.observed.children.items() if _owned(child, by=state.uid)}
    return (
        not state.applied.pods_to_refresh
        and own == state.applied.children.keys()
        and all(
            _unchanged(applied, state.observed.children[ref])
            for ref, applied in state.applied.children.items()
        )
    )


def _inherited(state: CheckState, manifest: Mapping[str, Any]) -> bool:
    """An earlier run reported this child as made for the present spec.

    Meanwhile it may have been edited, or another version of the operator may make it otherwise: so it is
    applied again, but a fleet's statuses need not wait for that.
    """
    ref = ChildRef.of(manifest)
    child = state.observed.children.get(ref)
    if (
        state.applied.reapply
        or ref in state.applied.children
        or state.applied.inherited_generation != state.applied.generation
        or child is None
    ):
        return False
    return (
        _owned(child, by=state.uid)
        and not changes_verifiers(child, manifest)
        and child.meta.targets == _marks(manifest).get(TARGETS_ANNOTATION)
    )


def changes_verifiers(child: Child, manifest: Mapping[str, Any]) -> bool:
    """Return whether other operators may read the agent by this plan than by the one there."""
    return child.meta.verifiers != _marks(manifest).get(VERIFIERS_ANNOTATION)


def _marks(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The annotations that tell of a plan; those that the administrator gives to all children do not."""
    return {
        key: value for key, value in manifest["metadata"].get("annotations", {}).items() if key in _OF_PLAN
    }


async def _ensure(
    state: CheckState, manifest: Mapping[str, Any], *, store: Store, client: KubeClient, log: Log
) -> None:
    ref, digest = ChildRef.of(manifest), _digest(manifest)
    child = state.observed.children.get(ref)
    applied = state.applied.children.get(ref)
    if not must_apply(state.uid, digest, applied=applied, child=child):
        return
    if applied is not None and applied.digest == digest:
        _note_edit(state, ref)
    log.info("applying %s %s", ref.kind, ref.name)
    stored = read_child(ref.kind, await _apply(state, manifest, child, client=client, log=log))
    applied_child = AppliedChild(digest=digest, uid=stored.meta.uid, version=version(stored))
    state.applied.child_applied(ref, applied_child)
    marks = _marks(manifest)
    if child is not None and not _bears(child.meta, marks):
        state.applied.refresh_pods(manifest["metadata"]["labels"][PATH_LABEL], marks)
    store.put_written(stored, now=time.monotonic())


def _note_edit(state: CheckState, ref: ChildRef) -> None:
    """Note that a child is not as it was applied. Raises Overruled where that has happened too often."""
    now = time.monotonic()
    if state.applied.edits_since(now - EDITS_SECONDS) >= MOST_EDITS:
        raise Overruled(f"{ref.kind} {ref.name}", state.applied.edited)
    state.applied.note_edit(at=now)


async def _apply(
    state: CheckState, manifest: Mapping[str, Any], child: Child | None, *, client: KubeClient, log: Log
) -> Any:
    """Apply, and make anew what cannot be changed; the object as stored. Raises Contested, and ApiError."""
    ref = ChildRef.of(manifest)
    try:
        return await _apply_over_edits(state, manifest, ref, client=client)
    except Immutable as error:
        if child is None or not _owned(child, by=state.uid):
            raise
        fields = ", ".join(error.fields)
    log.info("making %s %s anew: what has to change of it cannot be changed: %s", ref.kind, ref.name, fields)
    await client.delete(APPLIED[ref.kind], ref.namespace, ref.name, uid=child.meta.uid)
    return await client.apply(manifest, APPLIED[ref.kind])


async def _apply_over_edits(
    state: CheckState, manifest: Mapping[str, Any], ref: ChildRef, *, client: KubeClient
) -> Any:
    """Take over what was edited by hand, but not what somebody else applies."""
    try:
        return await client.apply(manifest, APPLIED[ref.kind], force=False)
    except FieldConflict as error:
        if error.appliers:
            raise Contested(f"{ref.kind} {ref.name}", error.appliers) from error
        state.applied.edited_by(error.managers)
    return await client.apply(manifest, APPLIED[ref.kind])


def _bears(meta: Meta, marks: Mapping[str, str]) -> bool:
    """Whether an object has been told of the plan with these annotations."""
    borne = _borne(meta)
    return all(borne.get(key) == value for key, value in marks.items())


def _borne(meta: Meta) -> Mapping[str, str | None]:
    return {
        NONCE_ANNOTATION: meta.nonce,
        RUN_NOW_ANNOTATION: meta.run_now,
        VERIFIERS_ANNOTATION: meta.verifiers,
        TARGETS_ANNOTATION: meta.targets,
    }


def must_apply(check_uid: str, digest: str, *, applied: AppliedChild | None, child: Child | None) -> bool:
    """Return whether the child is not known to be as it was applied, or should now be otherwise."""
    if applied is None or child is None or applied.digest != digest:
        return True
    return not _owned(child, by=check_uid) or not _unchanged(applied, child)


def _owned(child: Child | None, *, by: str) -> bool:
    return child is not None and child.meta.owner is not None and child.meta.owner.uid == by


def _unchanged(applied: AppliedChild, child: Child) -> bool:
    return child.meta.uid == applied.uid and version(child) == applied.version


def version(child: Child) -> int:
    """Return the generation; of a ConfigMap, which has none, the resource version: only edits change it."""
    return child.meta.generation or child.meta.resource_version


def _digest(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _is_late(pod: Pod, path: str, marks: Mapping[str, str]) -> bool:
    """A running pod of this path that was not told of the plan with these annotations."""
    going = pod.finished or pod.meta.deleting
    return pod.meta.path == path and not going and not _bears(pod.meta, marks)


async def _refresh_pods(state: CheckState, *, client: KubeClient) -> None:
    """Annotate the pods of edited paths: a changed pod makes the kubelet refresh its volumes at once.

    Without this the agent sees its new plan after 60 to 90 seconds.
    """
    for path, marks in list(state.applied.pods_to_refresh.items()):
        late = [pod for pod in state.observed.own_pods if _is_late(pod, path, marks)]
        await several(partial(_tell, pod, marks, client=client) for pod in late)
        state.applied.pods_refreshed(path)


async def _tell(pod: Pod, marks: Mapping[str, str], *, client: KubeClient) -> None:
    body = {"metadata": {"uid": pod.meta.uid, "annotations": dict(marks)}}
    with suppress(NotFound, Conflict):  # it has gone, or another has its name
        await client.merge(POD, pod.meta.namespace, pod.meta.name, body)

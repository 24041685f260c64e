"""Carry out the annotation run-now: each new value asks for one extra round of every path.

An agent finds the request's identifier in its plan, runs one round for it, and names it in the results; a
CronJob's round is a Job made from its template, with the identifier in its name. It depends on nothing but
the annotation and the status, so an operator that is started again in the middle asks for the same, and gets
nothing twice.
"""

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

from ipsecping_operator.api.names import RUN_NOW_ANNOTATION
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.children import (
    CHILD_SELECTOR,
    PATH_LABEL,
    UID_LABEL,
    ChildRef,
    ChildSettings,
    child_name,
    controller_uid,
    label_value,
    run_now_job,
)
from ipsecping_operator.compile import CompiledPath, Cron
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import AlreadyExists
from ipsecping_operator.kube.kinds import CRON_JOB, JOB
from ipsecping_operator.observe.projection import Child, Pod
from ipsecping_operator.status.run_now import MAX_VALUE
from ipsecping_operator.verdict import text

Log = logging.LoggerAdapter[logging.Logger]
Job = Mapping[str, Any]


class NameTaken(Exception):
    """A Job that is not the check's has the name that its own would have."""


def requested(state: CheckState) -> str | None:
    """Return the annotation's value when nothing has become of it yet. Pure."""
    assert state.metadata is not None
    value = str(state.metadata.get("annotations", {}).get(RUN_NOW_ANNOTATION, ""))[:MAX_VALUE]
    done = state.applied.run_now is not None and state.applied.run_now.value == value
    return None if done or not value else value


def obstacle(state: CheckState) -> str | None:
    """Return why no extra round can run, however long one waits. Pure."""
    if state.applied.invalid is not None:
        return f"the spec is invalid: {state.applied.invalid}"
    if state.applied.refused is not None:
        return f"not permitted: {state.applied.refused}"
    if state.applied.compiled is not None and state.applied.compiled.suspend:
        return "spec.suspend is true; set it to false first"
    return None


def request_id(state: CheckState, value: str) -> str:
    """Return what plan, results and Jobs call this request: another name each time it is made. Pure."""
    before = "" if state.applied.run_now is None else text.moment(state.applied.run_now.at)
    return hashlib.sha256(f"{value}/{before}".encode()).hexdigest()[:8]


def request_ids(state: CheckState, value: str | None) -> Mapping[str, str]:
    """Return, by path, the identifier for its plan, until its agent has used it. Pure.

    Of every node, until those of all nodes have whose agent answers.
    """
    check = state.applied.compiled
    if value is None or check is None or isinstance(check.schedule, Cron):
        return {}
    wanted = request_id(state, value)
    return {path.plan.path: wanted for path in check.paths if not _used(state, path, wanted)}


def _used(state: CheckState, path: CompiledPath, wanted: str) -> bool:
    named = state.measured.requests.get(path.plan.path)
    if named is None or named.identifier != wanted:
        return False
    return (
        not path.placement.every_node
        or {
            pod.node
            for pod in _agents(state, path)
            if pod.ready and pod.meta.uid not in state.measured.unreadable
        }
        <= named.nodes
    )


def _agents(state: CheckState, path: CompiledPath) -> list[Pod]:
    """The pods of the path that are on a node and go on."""
    return [
        pod
        for pod in state.observed.own_pods
        if pod.meta.path == path.plan.path
        and pod.node is not None
        and not pod.finished
        and not pod.meta.deleting
    ]


def measured(state: CheckState, value: str) -> str | None:
    """Return what to say of an extra round that the agents of all paths have run; None before. Pure."""
    check = state.applied.compiled
    if check is None or isinstance(check.schedule, Cron) or request_ids(state, value):
        return None
    return f"an extra round was measured on {', '.join(_told(state, path) for path in check.paths)}"


def _told(state: CheckState, path: CompiledPath) -> str:
    name = path.plan.path
    if not path.placement.every_node:
        return name
    ran = state.measured.requests[name].nodes
    nodes = {pod.node for pod in _agents(state, path)} | ran
    return f"{name} (nodes: {len(ran)} of {len(nodes)})"


async def start_jobs(
    state: CheckState, value: str, settings: ChildSettings, *, client: KubeClient, log: Log
) -> str | None:
    """Make the Jobs that can be made. Returns what to say once all are made. Raises ApiError, NameTaken.

    A path that has a round running, whoever asked for that, has to wait: this has to be called again.
    """
    check = state.applied.compiled
    if check is None or not isinstance(check.schedule, Cron):
        return None
    names = []
    for path in check.paths:
        cron_job = _cron_job(state, path)
        if cron_job is None:
            return None
        manifest = run_now_job(
            check,
            path,
            check.schedule,
            settings,
            owner_uid=cron_job.meta.uid,
            request_id=request_id(state, value),
            value=value,
        )
        name = manifest["metadata"]["name"]
        names.append(name)
        if name in state.applied.started_jobs:
            continue
        if _running(state, path, cron_job):
            return None
        there = await _jobs(state, path, cron_job, client=client)
        if name not in there:
            if any(_unfinished(state, job) for job in there.values()):
                return None
            log.info("creating Job %s, which %s asked for", name, RUN_NOW_ANNOTATION)
            await _create(manifest, cron_job, client=client)
        state.applied.job_started(name)
    return f"started Job {', '.join(names)}"


async def _jobs(
    state: CheckState, path: CompiledPath, cron_job: Child, *, client: KubeClient
) -> Mapping[str, Job]:
    """The path's Jobs by name, as the API has them now: of one just made there is no pod to be seen yet.

    There may never be one, where a quota is used up: then the Job waits, and so do those that are asked for.
    """
    selector = f"{CHILD_SELECTOR},{UID_LABEL}={state.uid},{PATH_LABEL}={label_value(path.plan.path)}"
    found: dict[str, Job] = {}
    async for page in client.pages(JOB, cron_job.meta.namespace, selector=selector):
        own = (job for job in page["items"] if controller_uid(job) == cron_job.meta.uid)
        found |= {job["metadata"]["name"]: job for job in own}
    return found


def _unfinished(state: CheckState, job: Job) -> bool:
    """Whether a round may still run, or begin. Pods are named after their Job."""
    ended = any(
        condition["type"] in ("Complete", "Failed") and condition["status"] == "True"
        for condition in (job.get("status") or {}).get("conditions") or ()
    )
    name = job["metadata"]["name"]
    return not ended and not any(
        pod.finished and pod.meta.name.startswith(name) for pod in state.observed.own_pods
    )


async def _create(manifest: Mapping[str, Any], cron_job: Child, *, client: KubeClient) -> None:
    """Make the Job, if it is not there. Raises ApiError and NameTaken."""
    name, namespace = manifest["metadata"]["name"], manifest["metadata"]["namespace"]
    try:
        await client.create(JOB, namespace, manifest)
    except AlreadyExists as error:
        stored = await client.get(JOB, namespace, name)
        if stored is not None and controller_uid(stored) != cron_job.meta.uid:
            raise NameTaken(f"Job {name} is there already and is not the check's: delete it") from error


def _cron_job(state: CheckState, path: CompiledPath) -> Child | None:
    """The one that the operator makes for the path, by name: whatever else bears the label starts nothing."""
    assert state.applied.compiled is not None
    return state.observed.children.get(
        ChildRef(
            api_version=CRON_JOB.api_version,
            kind=CRON_JOB.name,
            namespace=state.applied.compiled.namespace,
            name=child_name(state.applied.compiled, path.plan.path),
        )
    )


def _running(state: CheckState, path: CompiledPath, cron_job: Child) -> bool:
    """Whether a round of the path runs: as concurrencyPolicy Forbid has it."""
    return cron_job.active or any(
        not pod.finished
        and pod.meta.path == path.plan.path
        and pod.meta.owner is not None
        and pod.meta.owner.kind == "Job"
        for pod in state.observed.own_pods
    )

"""Carry out the annotation run-now: each new value asks for one extra round of every path.

An agent finds the request's identifier in its plan, runs one round for it, and names it in the results; a
CronJob's round is a Job made from its template, with the identifier in its name. It depends on nothing but
the annotation and the status, so an operator that is started again in the middle asks for the same, and gets
nothing twice.
"""

import hashlib
from collections.abc import Mapping

from ipsecping_operator.api.names import RUN_NOW_ANNOTATION
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.children import ChildSettings, run_now_job
from ipsecping_operator.compile import CompiledPath, Cron
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.logs import Log
from ipsecping_operator.observe.projection import Pod
from ipsecping_operator.status.run_now import MAX_VALUE
from ipsecping_operator.verdict import text

from .extra_jobs import cron_job_of, ensure_job


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
        cron_job = cron_job_of(state, path)
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
        if not await ensure_job(
            state, path, cron_job, manifest, client=client, log=log, what=RUN_NOW_ANNOTATION
        ):
            return None
        state.applied.job_started(name)
    return f"started Job {', '.join(names)}"

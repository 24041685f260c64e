"""The annotation run-now: each new value asks for one extra round of every path.

An agent finds a ticket in its plan, runs one round for it, and names it in the results; a CronJob's round is
a Job made from its template, with the ticket in its name. A ticket depends on nothing but the annotation and
the status, so an operator that is started again in the middle asks for the same, and gets nothing twice.
"""

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

from ipsecping_operator.api.names import RUN_NOW_ANNOTATION
from ipsecping_operator.children import (
    CHILD_SELECTOR,
    PATH_LABEL,
    UID_LABEL,
    ChildRef,
    ChildSettings,
    child_name,
    controller_uid,
    extra_job,
    label_value,
)
from ipsecping_operator.compile import CompiledPath, Cron
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import AlreadyExists
from ipsecping_operator.kube.kinds import CRON_JOB, JOB
from ipsecping_operator.observe.projection import Child
from ipsecping_operator.state import CheckState
from ipsecping_operator.status.extra import MAX_VALUE
from ipsecping_operator.verdict import text

Log = logging.LoggerAdapter[logging.Logger]
Job = Mapping[str, Any]


class NameTaken(Exception):
    """A Job that is not the check's has the name that its own would have."""


def asked(state: CheckState) -> str | None:
    """The annotation's value when nothing has become of it yet. Pure."""
    assert state.body is not None
    value = str(state.body["metadata"].get("annotations", {}).get(RUN_NOW_ANNOTATION, ""))[:MAX_VALUE]
    done = state.extra is not None and state.extra.value == value
    return None if done or not value else value


def obstacle(state: CheckState) -> str | None:
    """Why no extra round can run, however long one waits. Pure."""
    if state.invalid is not None:
        return f"the spec is invalid: {state.invalid}"
    if state.refused is not None:
        return f"not permitted: {state.refused}"
    if state.compiled is not None and state.compiled.suspend:
        return "spec.suspend is true; set it to false first"
    return None


def ticket(state: CheckState, value: str) -> str:
    """What the plan, the results and the Jobs call this request: another one each time it is made. Pure."""
    before = "" if state.extra is None else text.moment(state.extra.at)
    return hashlib.sha256(f"{value}/{before}".encode()).hexdigest()[:8]


def tickets(state: CheckState, value: str | None) -> Mapping[str, str]:
    """By path, the ticket for its plan, until its agent has used it. Pure."""
    check = state.compiled
    if value is None or check is None or isinstance(check.schedule, Cron):
        return {}
    wanted = ticket(state, value)
    heard = state.measurements.tickets
    return {path.plan.path: wanted for path in check.paths if heard.get(path.plan.path) != wanted}


def measured(state: CheckState, value: str) -> str | None:
    """What to say of an extra round that the agents of all paths have run; None before. Pure."""
    check = state.compiled
    if check is None or isinstance(check.schedule, Cron) or tickets(state, value):
        return None
    paths = ", ".join(path.plan.path for path in check.paths)
    return f"an extra round was measured on {paths}"


async def start_jobs(
    state: CheckState, value: str, settings: ChildSettings, *, client: KubeClient, log: Log
) -> str | None:
    """Make the Jobs that can be made; what to say when that were the last ones. Raises ApiError, NameTaken.

    A path that has a round running, whoever asked for that, has to wait: this has to be called again.
    """
    check = state.compiled
    if check is None or not isinstance(check.schedule, Cron):
        return None
    names = []
    for path in check.paths:
        cron_job = _cron_job(state, path)
        if cron_job is None:
            return None
        manifest = extra_job(
            check,
            path,
            check.schedule,
            settings,
            owner_uid=cron_job.meta.uid,
            ticket=ticket(state, value),
            value=value,
        )
        name = manifest["metadata"]["name"]
        names.append(name)
        if name in state.extra_jobs:
            continue
        if _running(state, path, cron_job):
            return None
        there = await _jobs(state, path, cron_job, client=client)
        if name not in there:
            if any(_unfinished(state, job) for job in there.values()):
                return None
            log.info("creating Job %s, which %s asked for", name, RUN_NOW_ANNOTATION)
            await _create(manifest, cron_job, client=client)
        state.extra_jobs.add(name)
    state.extra_jobs.clear()
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
    return not ended and not any(pod.finished and pod.meta.name.startswith(name) for pod in state.own_pods)


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
    assert state.compiled is not None
    return state.children.get(
        ChildRef(
            api_version=CRON_JOB.api_version,
            kind=CRON_JOB.name,
            namespace=state.compiled.namespace,
            name=child_name(state.compiled, path.plan.path),
        )
    )


def _running(state: CheckState, path: CompiledPath, cron_job: Child) -> bool:
    """Whether a round of the path runs: as concurrencyPolicy Forbid has it."""
    return cron_job.active or any(
        not pod.finished
        and pod.meta.path == path.plan.path
        and pod.meta.owner is not None
        and pod.meta.owner.kind == "Job"
        for pod in state.own_pods
    )

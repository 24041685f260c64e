"""Jobs beside those that a CronJob makes itself: extra rounds and diagnoses, one at a time for each path."""

from collections.abc import Mapping
from typing import Any

from ipsecping_operator.check.state import CheckState
from ipsecping_operator.children import (
    CHILD_SELECTOR,
    PATH_LABEL,
    UID_LABEL,
    ChildRef,
    child_name,
    controller_uid,
    label_value,
)
from ipsecping_operator.compile import CompiledPath
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import AlreadyExists
from ipsecping_operator.kube.kinds import CRON_JOB, JOB
from ipsecping_operator.logs import Log
from ipsecping_operator.observe.projection import Child

Job = Mapping[str, Any]


class NameTaken(Exception):
    """A Job that is not the check's has the name that its own would have."""


async def ensure_job(
    state: CheckState,
    path: CompiledPath,
    cron_job: Child,
    manifest: Mapping[str, Any],
    *,
    client: KubeClient,
    log: Log,
    what: str,
) -> bool:
    """Make the path's Job unless it is there; False while another round of the path has to end first.

    `what` asked for it. Raises ApiError and NameTaken.
    """
    name = manifest["metadata"]["name"]
    there = await _jobs_of(state, path, cron_job, client=client)
    if name in there:
        return True
    if _is_running(state, path, cron_job) or any(_is_unfinished(state, job) for job in there.values()):
        return False
    log.info("creating Job %s, which %s asked for", name, what)
    await _create(manifest, cron_job, client=client)
    return True


async def _jobs_of(
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


def _is_unfinished(state: CheckState, job: Job) -> bool:
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


def cron_job_of(state: CheckState, path: CompiledPath) -> Child | None:
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


def _is_running(state: CheckState, path: CompiledPath, cron_job: Child) -> bool:
    """Whether a round of the path runs: as concurrencyPolicy Forbid has it."""
    return cron_job.active or any(
        not pod.finished
        and pod.meta.path == path.plan.path
        and pod.meta.owner is not None
        and pod.meta.owner.kind == "Job"
        for pod in state.observed.own_pods
    )

"""A diagnosis of a check with cron: a Job from the path's template, whose pod's end tells the report."""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

from ipsecping.contract.diagnosis_report import DiagnosisReport
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.children import ChildSettings, diagnosis_job
from ipsecping_operator.children.objects import DIAGNOSIS_SECONDS, diagnosis_start_ms
from ipsecping_operator.collect.diagnosing import NotAnswered, Question, ReportRefused
from ipsecping_operator.compile import CompiledCheck, CompiledPath, Cron
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import ApiError, Refused
from ipsecping_operator.kube.kinds import JOB
from ipsecping_operator.logs import Log
from ipsecping_operator.observe.projection import Pod
from ipsecping_operator.reconcile.extra_jobs import NameTaken, cron_job_of, ensure_job
from ipsecping_operator.reconcile.refused_pods import newest_refusal
from ipsecping_operator.report.hints import no_pod

LOOK_SECONDS = 2.0
"""Between two looks at whether the Job's pod has ended."""
AGAIN = 15.0
"""Seconds until a Job may be made that could not be."""
SPARE_SECONDS = 15.0
"""A pod's end is seen a while after it."""


class Told(NamedTuple):
    """A report and the pod that it comes from."""

    report: DiagnosisReport
    pod: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDiagnosis:
    """Makes the Jobs, and waits for their ends."""

    client: KubeClient
    settings: ChildSettings

    async def run(
        self, state: CheckState, check: CompiledCheck, path: CompiledPath, question: Question, *, log: Log
    ) -> Told:
        """Return the report of the request's Job. Raises NotAnswered and ReportRefused."""
        assert isinstance(check.schedule, Cron)
        name = await self._ensure(state, check, path, check.schedule, question, log=log)
        seconds = diagnosis_start_ms(check.schedule) / 1000 + DIAGNOSIS_SECONDS + SPARE_SECONDS
        due = asyncio.get_running_loop().time() + seconds
        while (given := state.diagnosed.delivered(question.request)) is None:
            pod = _pod(state, name)
            if pod is not None and pod.meta.uid in state.observed.messages:
                raise NotAnswered(f"pod {pod.meta.name} gave no report: {_end(state, pod)}")
            if asyncio.get_running_loop().time() > due:
                waits = await self._no_pod(state, name, log) if pod is None else pod.waiting
                said = f"Job {name} came to no end within {seconds:.0f}s: {waits or 'its pod does not end'}"
                raise NotAnswered(said)
            await asyncio.sleep(LOOK_SECONDS)
        try:
            question.check_answer(given.report)
        except ReportRefused as error:
            raise ReportRefused(f"pod {given.pod}: {error}") from error
        return Told(given.report, given.pod)

    async def _no_pod(self, state: CheckState, job: str, log: Log) -> str:
        """Why there is none: a quota or an admission rule may keep it from being made."""
        try:
            said = await newest_refusal(JOB, state.namespace, job, client=self.client, log=log)
        except ApiError as error:
            log.debug("why Job %s gets no pod is not known: %s", job, error)
            said = ""
        return f"no pod can be made: {no_pod(said)}" if said else "no pod was made for it"

    async def _ensure(
        self,
        state: CheckState,
        check: CompiledCheck,
        path: CompiledPath,
        cron: Cron,
        question: Question,
        *,
        log: Log,
    ) -> str:
        """Make the Job unless it is there; returns its name."""
        cron_job = cron_job_of(state, path)
        if cron_job is None:
            raise NotAnswered("the path's CronJob is not there; the condition Ready says why", again=AGAIN)
        manifest = diagnosis_job(
            check,
            path,
            cron,
            self.settings,
            owner_uid=cron_job.meta.uid,
            request_id=question.request,
        )
        try:
            made = await ensure_job(
                state, path, cron_job, manifest, client=self.client, log=log, what="a diagnosis"
            )
        except NameTaken as error:
            raise NotAnswered(str(error)) from error
        except ApiError as error:
            again = None if isinstance(error, Refused) else AGAIN
            raise NotAnswered(f"its Job could not be made: {error}", again=again) from error
        if not made:
            raise NotAnswered("another round of the path does not end", again=AGAIN)
        return str(manifest["metadata"]["name"])


def _pod(state: CheckState, job: str) -> Pod | None:
    """The Job's pod: pods are named after their Job."""
    return next((pod for pod in state.observed.own_pods if pod.meta.name.startswith(f"{job}-")), None)


def _end(state: CheckState, pod: Pod) -> str:
    said = state.observed.messages[pod.meta.uid] or "it ran a round instead"
    older = pod.ended is not None and pod.ended.exit_code == 2
    return f"{said}; is the probe image (--probe-image) of the operator's release?" if older else said

"""The objects of one path: a ConfigMap with the plan, and the workload that executes it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import ceil
from typing import Any

from ipsecping.contract import Plan, plan_to_json
from ipsecping_operator.api.names import API_VERSION, DIAGNOSE_ANNOTATION, KIND, RUN_NOW_ANNOTATION
from ipsecping_operator.compile import CompiledCheck, CompiledPath, Cron
from ipsecping_operator.compile.cron import DEFAULT_TIME_ZONE

from .labels import (
    INSTANTIATE_ANNOTATION,
    NONCE_ANNOTATION,
    PATH_LABEL,
    TARGETS_ANNOTATION,
    UID_LABEL,
    VERIFIERS_ANNOTATION,
    child_name,
    labels,
)
from .pod import PLAN_KEY, agent_pod, diagnosis_pod, run_pod
from .settings import ChildSettings

STARTING_DEADLINE_SECONDS = 60
"""A round that could not be started for so long (controller away) is skipped."""

DIAGNOSIS_SECONDS = 60
"""A diagnosis takes 30 s at most."""
MAX_DIAGNOSIS_START_MS = 10 * 60 * 1000
"""Its pod may take no longer to start, whatever a round's may."""
KEPT_SECONDS = 3600
"""So long the Job of a diagnosis stays, with its pod's log, when it has ended."""


def plan_config_map(
    check: CompiledCheck, path: CompiledPath, settings: ChildSettings, *, request_id: str | None = None
) -> dict[str, Any]:
    """The ConfigMap that holds the path's plan.json; `request_id` asks its agent for an extra round."""
    planned = replace(path.plan, run_now=request_id)
    verifiers = () if settings.tokens is None else settings.tokens.verifiers(check.uid, path.plan.path)
    plan = json.dumps(plan_to_json(Plan(checks=(planned,), verifiers=verifiers)), indent=2)
    made = _object("v1", "ConfigMap", check, path, settings)
    marks = made["metadata"].setdefault("annotations", {})
    marks[NONCE_ANNOTATION] = path.plan.nonce
    if verifiers:
        marks[VERIFIERS_ANNOTATION] = _digest(verifiers)
    if path.plan.targets is not None:
        marks[TARGETS_ANNOTATION] = _digest(path.plan.targets)
    if request_id is not None:
        marks[RUN_NOW_ANNOTATION] = request_id
    return made | {"data": {PLAN_KEY: plan + "\n"}}


def agent_deployment(
    check: CompiledCheck, path: CompiledPath, settings: ChildSettings, *, port: int | None = None
) -> dict[str, Any]:
    """The path's Deployment, without replicas while the check is suspended; `port` as in agent_pod."""
    return _object("apps/v1", "Deployment", check, path, settings) | {
        "spec": {
            "replicas": 0 if check.suspend else 1,
            "revisionHistoryLimit": 1,
            # Never two agents at once: each round is measured, sent and counted once.
            "strategy": {"type": "Recreate"},
            "selector": _selector(check, path),
            "template": agent_pod(check, path, settings, port=port),
        }
    }


def agent_daemon_set(
    check: CompiledCheck, path: CompiledPath, settings: ChildSettings, *, port: int | None = None
) -> dict[str, Any]:
    """The path's DaemonSet: an agent on each node that the pods may run on; `port` as in agent_pod."""
    return _object("apps/v1", "DaemonSet", check, path, settings) | {
        "spec": {
            "revisionHistoryLimit": 1,
            # Never two agents on a node at once; and no node waits for others, of which some may be lost.
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}},
            "selector": _selector(check, path),
            "template": agent_pod(check, path, settings, port=port),
        }
    }


def round_cron_job(
    check: CompiledCheck, path: CompiledPath, cron: Cron, settings: ChildSettings
) -> dict[str, Any]:
    """The CronJob that runs one round of the path each time the line fires."""
    deadline = ceil((check.round_ms + cron.spread_ms + cron.start_ms) / 1000)
    return _object("batch/v1", "CronJob", check, path, settings) | {
        "spec": {
            "schedule": cron.line,
            "timeZone": cron.time_zone or DEFAULT_TIME_ZONE,
            "suspend": check.suspend,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": STARTING_DEADLINE_SECONDS,
            "successfulJobsHistoryLimit": cron.history,
            "failedJobsHistoryLimit": cron.history,
            "jobTemplate": {
                "metadata": _marks(check, path, settings),
                "spec": {
                    "backoffLimit": 0,
                    "activeDeadlineSeconds": deadline,
                    "template": run_pod(check, path, settings, spread_ms=cron.spread_ms),
                },
            },
        }
    }


def run_now_job(
    check: CompiledCheck,
    path: CompiledPath,
    cron: Cron,
    settings: ChildSettings,
    *,
    owner_uid: str,
    request_id: str,
    value: str,
) -> dict[str, Any]:
    """A Job that runs one round of the path now, as `kubectl create job --from=cronjob/...` makes it.

    `owner_uid` is the CronJob's, `value` the annotation's that asked for it.
    """
    # Somebody waits for it: so it waits for nobody else.
    cron_job = round_cron_job(check, path, replace(cron, spread_ms=0), settings)
    marks = {RUN_NOW_ANNOTATION: value}
    return _extra_job(cron_job, owner_uid=owner_uid, request_id=request_id, marks=marks)


def diagnosis_job(
    check: CompiledCheck,
    path: CompiledPath,
    cron: Cron,
    settings: ChildSettings,
    *,
    owner_uid: str,
    request_id: str,
) -> dict[str, Any]:
    """A Job that diagnoses the path now; arguments as of `run_now_job`."""
    cron_job = round_cron_job(check, path, replace(cron, spread_ms=0), settings)
    marks = {DIAGNOSE_ANNOTATION: request_id}
    job = _extra_job(cron_job, owner_uid=owner_uid, request_id=request_id, marks=marks)
    deadline = ceil(diagnosis_start_ms(cron) / 1000) + DIAGNOSIS_SECONDS
    return job | {
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": deadline,
            # Its pod's log has the evidence.
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": diagnosis_pod(check, path, settings, request_id=request_id),
        }
    }


def diagnosis_start_ms(cron: Cron) -> int:
    """How long its pod may take to start: others wait for the same turn, and outages end."""
    return min(cron.start_ms, MAX_DIAGNOSIS_START_MS)


def _extra_job(
    cron_job: Mapping[str, Any], *, owner_uid: str, request_id: str, marks: Mapping[str, str]
) -> dict[str, Any]:
    """A Job from the CronJob's template."""
    template: Mapping[str, Any] = cron_job["spec"]["jobTemplate"]
    owner = {key: cron_job[key] for key in ("apiVersion", "kind")} | {
        "name": cron_job["metadata"]["name"],
        "uid": owner_uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{cron_job['metadata']['name']}-{request_id}",
            "namespace": cron_job["metadata"]["namespace"],
            "labels": template["metadata"]["labels"],
            "annotations": {
                **template["metadata"].get("annotations", {}),
                INSTANTIATE_ANNOTATION: "manual",
                **marks,
            },
            "ownerReferences": [owner],
        },
        "spec": template["spec"],
    }


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256(" ".join(texts).encode()).hexdigest()[:16]


def _selector(check: CompiledCheck, path: CompiledPath) -> dict[str, Any]:
    return {"matchLabels": {key: labels(check, path.plan.path)[key] for key in (UID_LABEL, PATH_LABEL)}}


def _marks(check: CompiledCheck, path: CompiledPath, settings: ChildSettings) -> dict[str, Any]:
    """Labels and annotations of every child."""
    defaults = settings.defaults
    marks: dict[str, Any] = {"labels": {**(defaults.labels or {}), **labels(check, path.plan.path)}}
    return marks | ({"annotations": dict(defaults.annotations)} if defaults.annotations else {})


def _object(
    api_version: str, kind: str, check: CompiledCheck, path: CompiledPath, settings: ChildSettings
) -> dict[str, Any]:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": child_name(check, path.plan.path),
            "namespace": check.namespace,
            **_marks(check, path, settings),
            # The garbage collector removes the child with its check, also while the operator is away; it
            # does not block the check's deletion, so the operator needs no right to finalizers.
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "kind": KIND,
                    "name": check.name,
                    "uid": check.uid,
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
    }

"""Rounds of a CronJob that were due and have no pod: a quota or an admission rule keeps it from being made.

Kubernetes says so in events of the Job only; what is seen of it is that no pod comes. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ipsecping_operator.api.conditions import ReadyReason
from ipsecping_operator.check.applied import Readiness
from ipsecping_operator.check.observed import MissingRound
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.children import CHECK_LABEL, label_value
from ipsecping_operator.compile import CompiledCheck, Cron
from ipsecping_operator.verdict import text

SECOND = 1_000_000_000
PATIENCE = 15 * SECOND
"""How long the pod may take, from when the round is first seen without it."""
SKEW = 30 * SECOND
"""By how much the clocks of CronJob controller and API server may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingPod:
    """The newest round of a path has no pod; that is to be said from `since` on."""

    since: int
    readiness: Readiness


def rounds_without_pod(state: CheckState) -> list[MissingRound]:
    """The newest round of each of the check's CronJobs, where it has no pod."""
    check = state.applied.compiled
    if check is None or check.suspend or not isinstance(check.schedule, Cron):
        return []
    return [
        (cron_job.meta.name, due)
        for cron_job in state.observed.children.values()
        if (due := cron_job.scheduled) is not None and not _has_pod(state, cron_job.meta.path, due)
    ]


def missing_pod(check: CompiledCheck | None, rounds: Mapping[MissingRound, int]) -> MissingPod | None:
    """What is to be said of the round that is longest without a pod; `rounds` says since when each is."""
    if check is None or not rounds:
        return None
    cron_job, due = longest = min(rounds, key=lambda each: (rounds[each], each))
    return MissingPod(since=rounds[longest] + PATIENCE, readiness=_readiness(check, cron_job, due))


def _has_pod(state: CheckState, path: str | None, due: int) -> bool:
    return any(pod.meta.path == path and pod.meta.created >= due - SKEW for pod in state.observed.own_pods)


def _readiness(check: CompiledCheck, cron_job: str, due: int) -> Readiness:
    jobs = f"-n {check.namespace} -l {CHECK_LABEL}={label_value(check.name)}"
    return Readiness(
        reason=ReadyReason.WORKLOAD_UNAVAILABLE,
        message=f"CronJob {cron_job}: no pod was made for the round of {text.moment(due)}; why (a quota, "
        f"an admission rule) is said by: kubectl describe job {jobs}",
    )

"""Rounds of a CronJob that were due and have no pod: a quota or an admission rule keeps it from being made.

Kubernetes says so in events of the Job only; what is seen of it is that no pod comes. Then the events are
asked for (`reconcile/refused_pods.py`). Pure.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ipsecping.printable import printable
from ipsecping_operator.api.conditions import ReadyReason
from ipsecping_operator.check.applied import Readiness
from ipsecping_operator.check.observed import MissingRound
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.children import CHECK_LABEL, label_value
from ipsecping_operator.compile import CompiledCheck, Cron
from ipsecping_operator.observe.projection import Pod
from ipsecping_operator.verdict import text

from .hints import MAX_SAID, no_pod

SECOND = 1_000_000_000
PATIENCE = 15 * SECOND
"""How long the pod may take, from when the round is first seen without it."""
SKEW = 30 * SECOND
"""By how much the clocks of CronJob controller and API server may differ."""
NOTHING_SAID: Mapping[str, str] = MappingProxyType({})


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


def overdue(state: CheckState, *, now: int) -> list[MissingRound]:
    """The rounds that have waited for their pod for too long."""
    missing = state.observed.missing_pods
    return [each for each in rounds_without_pod(state) if now >= missing.get(each, now) + PATIENCE]


def missing_pod(
    check: CompiledCheck | None,
    rounds: Mapping[MissingRound, int],
    unplaced: Collection[Pod] = (),
    said: Mapping[str, str] = NOTHING_SAID,
) -> MissingPod | None:
    """What is to be said of the round that is longest without a pod; `rounds` says since when each is.

    `unplaced`: pods that were gone before they had a node. `said`: why pods could not be made.
    """
    if check is None or not rounds:
        return None
    cron_job, due = longest = min(rounds, key=lambda each: (rounds[each], each))
    gone = [
        pod
        for pod in unplaced
        if pod.meta.name.startswith(f"{cron_job}-") and not pod.diagnoses and _is_of(pod, due)
    ]
    message = (
        _given_up(check, cron_job, due, gone[0])
        if gone
        else _not_made(check, cron_job, due, said.get(cron_job))
    )
    return MissingPod(
        since=rounds[longest] + PATIENCE,
        readiness=Readiness(reason=ReadyReason.WORKLOAD_UNAVAILABLE, message=message),
    )


def _has_pod(state: CheckState, path: str | None, due: int) -> bool:
    return any(
        pod.meta.path == path and not pod.diagnoses and _is_of(pod, due) for pod in state.observed.own_pods
    )


def _is_of(pod: Pod, due: int) -> bool:
    return pod.meta.created >= due - SKEW


def _given_up(check: CompiledCheck, cron_job: str, due: int, pod: Pod) -> str:
    """Kubernetes removes the pod of a Job whose time is over, and with it why it had no node."""
    assert isinstance(check.schedule, Cron)
    why = printable(pod.waiting, MAX_SAID) if pod.waiting else "the scheduler said nothing"
    return (
        f"CronJob {cron_job}: the pod for the round of {text.moment(due)} waited "
        f"{text.span(check.schedule.start_ms * 1_000_000)} for a node and was given up: {why}; where nodes "
        "are added on demand, give it longer by spec.schedule.startTimeout"
    )


def _not_made(check: CompiledCheck, cron_job: str, due: int, said: str | None) -> str:
    if said:
        return f"CronJob {cron_job}: no pod can be made for the round of {text.moment(due)}: {no_pod(said)}"
    jobs = f"-n {check.namespace} -l {CHECK_LABEL}={label_value(check.name)}"
    return (
        f"CronJob {cron_job}: no pod was made for the round of {text.moment(due)}; why (a quota, "
        f"an admission rule) is said by: kubectl describe job {jobs}"
    )

"""Rounds of a CronJob for which no Job could be made, where a quota of Jobs or an admission rule forbids it.

The CronJob then says of no round that it was due; an event of it alone says why, and is asked for
(`reconcile/refused_pods.py`) when a round is overdue by the check's own cron line. Pure.
"""

from ipsecping_operator.api.conditions import ReadyReason
from ipsecping_operator.check.applied import Readiness
from ipsecping_operator.check.observed import MissingRound
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import Cron
from ipsecping_operator.kube.kinds import CRON_JOB
from ipsecping_operator.verdict import text
from ipsecping_operator.verdict.deadline import next_fire

from .hints import no_job
from .missing_pods import PATIENCE, SKEW


def rounds_without_job(state: CheckState, *, now: int) -> list[MissingRound]:
    """The first round of each of the check's CronJobs that was due and that no Job was made for.

    That alone is no proof: the controller may have passed it over, or may be away.
    """
    check = state.applied.compiled
    if check is None or check.suspend or not isinstance(check.schedule, Cron):
        return []
    found = []
    for ref, cron_job in state.observed.children.items():
        if ref.kind != CRON_JOB.name or cron_job.active:
            continue
        since = max(cron_job.scheduled or 0, cron_job.meta.created, state.measured.expected_since)
        due = next_fire(check.schedule, after=since)
        if due is not None and now >= due + SKEW + PATIENCE:
            found.append((ref.name, due))
    return found


def missing_job(state: CheckState, *, now: int) -> Readiness | None:
    """What the CronJob controller has said of these rounds; None where it has said nothing."""
    for cron_job, due in rounds_without_job(state, now=now):
        if said := state.observed.refused_jobs.get((cron_job, due)):
            message = f"CronJob {cron_job}: no Job can be made for the round of {text.moment(due)}: "
            return Readiness(reason=ReadyReason.WORKLOAD_UNAVAILABLE, message=message + no_job(said))
    return None

"""Ask why no pod or Job was made: a controller says so in an event of what it is to be made for, and nowhere
else."""

from collections.abc import Mapping
from typing import Any

from ipsecping_operator.check.state import CheckState
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import Refused
from ipsecping_operator.kube.kinds import CRON_JOB, DAEMON_SET, EVENT, JOB, Kind
from ipsecping_operator.kube.wording import said_of_creation
from ipsecping_operator.logs import Log
from ipsecping_operator.report.missing_jobs import rounds_without_job
from ipsecping_operator.report.missing_pods import SKEW, overdue
from ipsecping_operator.verdict import text

REASON = "FailedCreate"
MINUTE = 60 * 1_000_000_000


async def ask_why(state: CheckState, *, now: int, client: KubeClient, log: Log) -> bool:
    """Learn what was said of each workload that lacks pods or Jobs. Returns whether one is to be asked again.

    Raises ApiError.
    """
    said = dict[str, str]()
    for cron_job, due in overdue(state, now=now):
        # As the CronJob controller names the Job of a round.
        said[cron_job] = await newest_refusal(
            JOB, state.namespace, f"{cron_job}-{due // MINUTE}", client=client, log=log
        )
    state.observed.jobs_refused(
        {
            (cron_job, due): await newest_refusal(
                CRON_JOB, state.namespace, cron_job, since=due - SKEW, client=client, log=log
            )
            for cron_job, due in rounds_without_job(state, now=now)
        }
    )
    silent = False
    for child in list(state.observed.children.values()):
        if child.nodes is not None and child.nodes.scheduled < child.nodes.desired:
            name = child.meta.name
            found = await newest_refusal(DAEMON_SET, state.namespace, name, client=client, log=log)
            said[name] = found
            silent = silent or not found
    state.observed.pods_refused(said)
    return silent


async def newest_refusal(
    kind: Kind, namespace: str, name: str, *, since: int = 0, client: KubeClient, log: Log
) -> str:
    """Return what the newest event says of why a pod or a Job was not made; empty where there is none.

    Of events before `since` (Unix time, nanoseconds) nothing is told.
    """
    fields = {"regarding.kind": kind.name, "regarding.name": name, "reason": REASON}
    try:
        events = await client.matching(EVENT, namespace, fields=fields)
    except Refused as error:
        log.debug("why %s %s gets no pod is not known: %s", kind.name, name, error)
        return ""
    newest = max(events, key=_when, default=None)
    if newest is None or (since and _when(newest) < text.moment(since)):
        return ""
    return said_of_creation(str(newest.get("note") or ""))


def _when(event: Mapping[str, Any]) -> str:
    """RFC 3339, of the last time that it happened."""
    return str(event.get("deprecatedLastTimestamp") or event.get("eventTime") or "")

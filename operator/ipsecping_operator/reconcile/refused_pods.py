"""Ask why no pod was made: a controller says so in an event of the Job or the DaemonSet, and nowhere else."""

from collections.abc import Mapping
from typing import Any

from ipsecping_operator.check.state import CheckState
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.errors import Refused
from ipsecping_operator.kube.kinds import DAEMON_SET, EVENT, JOB, Kind
from ipsecping_operator.kube.wording import said_of_pod
from ipsecping_operator.logs import Log
from ipsecping_operator.report.missing_pods import overdue

REASON = "FailedCreate"
MINUTE = 60 * 1_000_000_000


async def ask_why(state: CheckState, *, now: int, client: KubeClient, log: Log) -> bool:
    """Learn what was said of each workload that lacks pods. Returns whether one is still to be asked again.

    Raises ApiError.
    """
    said = dict[str, str]()
    for cron_job, due in overdue(state, now=now):
        # As the CronJob controller names the Job of a round.
        said[cron_job] = await newest_refusal(
            JOB, state.namespace, f"{cron_job}-{due // MINUTE}", client=client, log=log
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


async def newest_refusal(kind: Kind, namespace: str, name: str, *, client: KubeClient, log: Log) -> str:
    """Return what the newest event says of why a pod was not made; empty where there is none."""
    fields = {"regarding.kind": kind.name, "regarding.name": name, "reason": REASON}
    try:
        events = await client.matching(EVENT, namespace, fields=fields)
    except Refused as error:
        log.debug("why %s %s gets no pod is not known: %s", kind.name, name, error)
        return ""
    return said_of_pod(str(max(events, key=_when).get("note") or "")) if events else ""


def _when(event: Mapping[str, Any]) -> str:
    """RFC 3339, of the last time that it happened."""
    return str(event.get("deprecatedLastTimestamp") or event.get("eventTime") or "")

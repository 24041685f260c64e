"""The flows of a host that was pinged, one row each."""

from ..contract.flows import lost_flows
from .summary import Outcome, loss
from .table import milliseconds, table

_HEADING = ("SOURCE PORT", "SENT", "RECV", "LOSS%", "MIN", "AVG", "MAX", "REMARK")


def flow_table(outcome: Outcome) -> list[str]:
    """Lines, the first one empty; none where there is one flow. What is dead is said before the table."""
    if not outcome.flows:
        return []
    silent = [port for port, flow in outcome.flows.items() if flow.sent and not flow.received]
    dead = silent if outcome.totals.received else []
    rows = [
        (
            *map(str, (port, flow.sent, flow.received, loss(flow))),
            *map(milliseconds, (flow.rtt.min, flow.mean_rtt, flow.rtt.max)),
            "dead" if port in dead else "",
        )
        for port, flow in outcome.flows.items()
    ]
    said = [lost_flows(dead, of=len(outcome.flows))] if dead else []
    return ["", f"{outcome.label} flows:", *said, *table([_HEADING, *rows], numbers=frozenset(range(7)))]

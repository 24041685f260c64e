"""What the status says of a probe's instances. Pure."""

from itertools import islice
from typing import Any

from ipsecping_operator.api.status import STATES
from ipsecping_operator.verdict import text
from ipsecping_operator.verdict.instance import Instance
from ipsecping_operator.verdict.probe import Instances
from ipsecping_operator.verdict.tally import Tally


def instances_to_json(instances: Instances, most: int) -> dict[str, Any]:
    """Return the fields of a probe's status: how many there are, and the worst of them, at most `most`."""
    entries = [
        _entry(of, STATES[each.finding.status], each.finding.reason.value, each.figures)
        for of, each in islice(instances.verdicts.items(), most)
    ]
    entries += [_entry(of, "Gone", None, figures) for of, figures in islice(instances.gone.items(), most)]
    counts = {
        "instanceCount": len(instances.verdicts),
        "unhealthyInstances": instances.unhealthy,
        "missingInstances": instances.missing,
    }
    return {**counts, "instances": entries[:most]}


def _entry(of: Instance, state: str, reason: str | None, figures: Tally | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"node": of.node, "address": of.address, "state": state, "reason": reason}
    if figures is not None:
        entry["lossPercent"] = text.percent(figures.lost, figures.sent)
        names = ("rttP50", "rttP99")
        entry |= zip(names, map(text.milliseconds, figures.percentiles(50, 99)), strict=False)
    return {name: value for name, value in entry.items() if value is not None}

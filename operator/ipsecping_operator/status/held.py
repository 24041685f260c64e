"""What was found of a probe before its state became Unknown, and counts again once it is known. Pure.

Of probes whose state is known, the status has it as their reason.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any

from ipsecping_operator.api.conditions import ConditionStatus
from ipsecping_operator.api.status import MAX_HELD
from ipsecping_operator.verdict.hysteresis import reason_of
from ipsecping_operator.verdict.instance import WHOLE, Instance
from ipsecping_operator.verdict.judge import Verdict
from ipsecping_operator.verdict.probe import ProbeVerdict

HeldKey = tuple[str, str, Instance]
"""Path and probe, and which of its instances, `WHOLE` for one that has none."""
Held = Mapping[HeldKey, str]
"""To the reason that was found."""
NOTHING_HELD: Held = MappingProxyType({})


def held_by(verdict: Verdict, *, everything: bool = False) -> Held:
    """Return what the verdict holds without saying so, of the first `MAX_HELD`.

    `everything`: also of probes whose state is known, for a status that does not list them.
    """
    return dict(islice(_held(verdict, everything=everything), MAX_HELD)) or NOTHING_HELD


def _held(verdict: Verdict, *, everything: bool) -> Iterator[tuple[HeldKey, str]]:
    for probe in verdict.probes:
        parts: Mapping[Instance, ProbeVerdict] = (
            {WHOLE: probe} if probe.instances is None else probe.instances.verdicts
        )
        for of, each in parts.items():
            reason = reason_of(each.latches)
            if reason is not None and (everything or each.finding.status is ConditionStatus.UNKNOWN):
                yield (probe.path, probe.probe.name, of), reason.value


def to_json(held: Held) -> list[dict[str, Any]]:
    """Return it as in the status."""
    entries = (
        {"path": path, "probe": probe, "node": of.node, "address": of.address, "reason": reason}
        for (path, probe, of), reason in held.items()
    )
    return [{name: value for name, value in each.items() if value is not None} for each in entries]


def from_json(value: object) -> Held:
    """Read it from a status of the API, in which anything may stand: what cannot be read is left out."""
    held = dict[HeldKey, str]()
    for each in value[:MAX_HELD] if isinstance(value, list) else ():
        if isinstance(each, Mapping):
            of = Instance(_optional(each.get("node")), _optional(each.get("address")))
            held[str(each.get("path")), str(each.get("probe")), of] = str(each.get("reason"))
    return held or NOTHING_HELD


def _optional(value: object) -> str | None:
    return None if value is None else str(value)

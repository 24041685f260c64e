"""Checks of which each address, or each node, is measured by itself."""

from dataclasses import replace
from typing import Any

from ipsecping.contract import Addresses, PlannedCheck, RoundResult
from ipsecping_operator.check.rejection import Rejection
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile.compiled import CompiledCheck
from ipsecping_operator.observe.projection import Pod
from ipsecping_operator.verdict.instance import Instance
from ipsecping_operator.verdict.probe import ProbeVerdict

from . import objects
from .builders import NOON, SECOND, check, plan, result

NAME = "many.example"
MANY = plan(target=NAME, addresses=Addresses.ALL)
NODES = plan()
"""To one address, from each node."""
DEAD, GOOD = "10.0.0.1", "10.0.0.2"


def to(address: str | None, *, round_: int = 0, of: PlannedCheck = MANY, **values: Any) -> RoundResult:
    """The result of one address, of the round so many intervals of 30 s after noon."""
    told = {} if address is None else {"addresses": values.pop("addresses", 2)}
    return result(of=of, at=NOON + round_ * 30 * SECOND, remote_ip=address, **told, **values)


def take(state: CheckState, *results: RoundResult, node: str | None = None) -> list[Rejection | None]:
    """Count results of a pod on a node; returns why each was not counted."""
    return [
        state.measured.accept(each, start=each.started_at, now=each.started_at + each.duration, node=node)
        for each in results
    ]


def the_probe(state: CheckState) -> ProbeVerdict:
    """The verdict on the only probe, as last assessed."""
    verdict = state.reported.last.verdict
    assert verdict is not None
    (probe,) = verdict.probes
    return probe


def states_of(probe: ProbeVerdict) -> dict[Instance, str]:
    """Each instance to its reason, the worst first; those that have gone as Gone."""
    assert probe.instances is not None
    found = {of: each.finding.reason.value for of, each in probe.instances.verdicts.items()}
    return found | dict.fromkeys(probe.instances.gone, "Gone")


def every_node() -> CompiledCheck:
    return check(NODES, every_node=True)


def pod_on(node: str, *, created: str = "2026-11-23T12:00:00Z") -> Pod:
    return objects.pod(
        f"hq-{node}", uid=f"p-{node}", spec={"nodeName": node}, created=created, phase="Running"
    )


def states_shown(state: CheckState, *pods: Pod) -> None:
    for pod in pods:
        state.observed.show_pod(replace(pod, meta=replace(pod.meta, path="default")))
        state.observed.owner_decided(pod.meta.uid, own=True)

"""What the operator knows of a path that its prober does not: the other paths, and outages of days. Pure.

In the form of the evidence (`ipsecping.diagnosis.evidence_json`), of which it becomes a part.
"""

from collections.abc import Iterator
from typing import Any

from ipsecping.contract import Expect
from ipsecping.contract.bounds import MAX_COUNT
from ipsecping_operator.api.conditions import HealthyReason
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import CompiledPath
from ipsecping_operator.verdict.deadline import stale_at
from ipsecping_operator.verdict.tally import Tally
from ipsecping_operator.verdict.window import Window

LEAST_OUTAGES = 3
"""Fewer show no period, and the prober's own rounds tell more of them."""


def known_of(state: CheckState, path: CompiledPath, *, now: int) -> dict[str, Any]:
    """Return the fields `paths` and `outages` of the evidence of this path, so far as they are known."""
    # Of others the beginning is when the window noticed, which has no period.
    down = [each for each in state.reported.last.outages if each.reason == HealthyReason.DOWN]
    paths = list(_others(state, path, now=now))
    told: dict[str, Any] = {"paths": paths} if paths else {}
    if len(down) >= LEAST_OUTAGES:
        told["outages"] = [
            {"start": each.start} | ({} if each.end is None else {"end": each.end}) for each in reversed(down)
        ]
    return told


def _others(state: CheckState, path: CompiledPath, *, now: int) -> Iterator[dict[str, Any]]:
    """The other paths that are measured, by their newest rounds; those of silence all together."""
    check = state.applied.compiled
    assert check is not None
    for other in check.paths:
        if other.plan.path == path.plan.path:
            continue
        sent = answered = 0
        for probe in other.plan.probes:
            series = state.measured.series.get((other.plan.path, probe.name))
            if series is None or probe.expect is not Expect.REACHABLE:
                continue
            due = stale_at(check.schedule, since=series.last_end or 0, round_ms=probe.round_ms)
            if due is not None and now >= due:
                continue
            for rounds in series.parts:
                newest = _newest(rounds.window)
                sent += 0 if newest is None else newest.sent
                answered += 0 if newest is None else newest.received
        if sent:
            same = other.target_from is None and other.plan.target == path.plan.target
            sent = min(sent, MAX_COUNT)
            yield {
                "name": other.plan.path,
                "sent": sent,
                "answered": min(answered, sent),
                "sameTarget": same,
            }


def _newest(window: Window) -> Tally | None:
    return window.silent_run() or window.last_valid

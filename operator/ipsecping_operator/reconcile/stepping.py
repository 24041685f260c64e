"""What is remembered of a check, moved with the clock: how long ago something was stays as it is. Pure.

What was said already (transition times, events) stays as it was said.
"""

from dataclasses import replace

from ipsecping_operator.check.state import CheckState
from ipsecping_operator.verdict.judge import Verdict
from ipsecping_operator.verdict.probe import ProbeVerdict


def move(state: CheckState, by: int) -> None:
    """The operator's clock was set forward by so many nanoseconds (back: negative)."""
    state.born += by
    state.expected_since += by
    state.podless = {each: since + by for each, since in state.podless.items()}
    if state.restored is not None:
        state.restored = replace(state.restored, last_result=state.restored.last_result + by)
    state.outages = tuple(
        replace(outage, start=outage.start + by, end=None if outage.end is None else outage.end + by)
        for outage in state.outages
    )
    state.measurements.move(by)
    if state.verdict is not None:
        state.verdict = _moved(state.verdict, by)


def _moved(verdict: Verdict, by: int) -> Verdict:
    """The next verdict asks this one since when a value has been back within its limit."""
    paths = tuple(
        replace(path, probes=tuple(_with_holds(probe, by) for probe in path.probes)) for path in verdict.paths
    )
    return replace(verdict, paths=paths)


def _with_holds(probe: ProbeVerdict, by: int) -> ProbeVerdict:
    holds = {
        kind: hold if hold.since is None else replace(hold, since=hold.since + by)
        for kind, hold in probe.holds.items()
    }
    return replace(probe, holds=holds)

"""An outage of a check, and the diagnosis that it is due."""

from ipsecping.contract.diagnosis_report import DiagnosisReport
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.diagnosis.rule import Wanted, wanted
from ipsecping_operator.diagnosis.telling import not_run, told
from ipsecping_operator.status.diagnosis import DiagnosisOutcome

from .assessments import assessed, at, healthy, seen, take
from .builders import NOON, SECOND

DOWN = 95
"""Seconds after noon at which the check of `outage` turned Healthy=False."""


def outage(of: CompiledCheck | None = None) -> CheckState:
    """Answered for a minute, then down for three rounds."""
    state = seen(of=of)
    take(state, at(0), *(at(second, received=0) for second in (30, 60, 90)))
    assessed(state, at=DOWN)
    return state


def due(state: CheckState, *, seconds: float = DOWN, enabled: bool = True) -> Wanted | None:
    return wanted(state, enabled=enabled, now=NOON + int(seconds * SECOND))


def settle(state: CheckState, given: DiagnosisReport | None, *, seconds: float) -> DiagnosisOutcome:
    """The diagnosis that is due comes to this; None: it could not run."""
    want, now = due(state, seconds=seconds), NOON + int(seconds * SECOND)
    assert want is not None
    if given is None:
        outcome = not_run(state, want, "nobody answers", now=now)
    else:
        outcome = told(state, want, given, pod="hq-1", now=now)
    state.diagnosed.settle(outcome)
    return outcome


def recover(state: CheckState, *, seconds: int) -> None:
    take(state, *(at(seconds + 30 * number) for number in range(12)))
    assert healthy(assessed(state, at=seconds + 12 * 30).status)["status"] == "True"

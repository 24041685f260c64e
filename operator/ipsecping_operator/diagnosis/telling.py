"""What a report comes to, in the light of what has become of its check meanwhile. Pure."""

from ipsecping.contract.diagnosis_report import MAX_MESSAGE, DiagnosisReport
from ipsecping.contract.diagnosis_terms import Outcome
from ipsecping.printable import printable, shortened
from ipsecping_operator.api.conditions import ConditionStatus
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.status.diagnosis import NOT_RUN, DiagnosisOutcome, Trigger
from ipsecping_operator.verdict import text

from .rule import Wanted, current_outage, healthy_condition

_LEAST_SEEN = 40
"""Characters of what was seen of an outage that are worth being told."""


def told(state: CheckState, want: Wanted, report: DiagnosisReport, *, pod: str, now: int) -> DiagnosisOutcome:
    """Return what a report comes to.

    Of an outage it can find no fault only where that was over, at least for the moment: it is not reproduced.
    """
    outcome, summary = report.outcome, report.summary
    if want.trigger is Trigger.OUTAGE and outcome in (Outcome.NO_FAULT, Outcome.NOT_REPRODUCED):
        outcome = Outcome.NOT_REPRODUCED
        summary = _history(state, want, summary)
    return DiagnosisOutcome(
        outcome=outcome.value,
        trigger=want.trigger,
        at=now,
        summary=summary,
        path=report.check.path,
        pod=pod,
        findings=report.findings,
        evidence_digest=report.evidence_digest,
        outage=None if want.outage is None else want.outage.start,
        value=_value(state, want),
    )


def healed(state: CheckState, want: Wanted, *, now: int) -> DiagnosisOutcome:
    """Return what it comes to that the outage was over before it could be diagnosed."""
    return DiagnosisOutcome(
        outcome=Outcome.NOT_REPRODUCED.value,
        trigger=want.trigger,
        at=now,
        summary=_history(state, want, "Not reproduced: healthy again before it could be measured."),
        outage=None if want.outage is None else want.outage.start,
        value=_value(state, want),
    )


def not_run(
    state: CheckState, want: Wanted, why: str, *, path: str | None = None, now: int
) -> DiagnosisOutcome:
    """Return what it comes to that no diagnosis could run."""
    return DiagnosisOutcome(
        outcome=NOT_RUN,
        trigger=want.trigger,
        at=now,
        summary=printable(f"not run: {why}", MAX_MESSAGE),
        path=path,
        outage=None if want.outage is None else want.outage.start,
        value=_value(state, want),
    )


def is_news(state: CheckState, outcome: DiagnosisOutcome) -> bool:
    """Return whether there is anything new to say: not where the same keeps the same outage from it again."""
    newest = state.diagnosed.outcome
    if newest is None or outcome.ran or newest.ran or outcome.trigger is Trigger.ANNOTATION:
        return True
    return (newest.outage, newest.summary, newest.path) != (outcome.outage, outcome.summary, outcome.path)


def _value(state: CheckState, want: Wanted) -> str | None:
    """The newest value of the annotation that was carried out: it has to be known after a restart."""
    newest = state.diagnosed.outcome
    return want.value or (None if newest is None else newest.value)


def _history(state: CheckState, want: Wanted, summary: str) -> str:
    """The summary, and what was seen of the outage."""
    outage, healthy = want.outage, healthy_condition(state)
    if outage is None:
        return summary
    lasts = current_outage(state)
    goes_on = lasts is not None and lasts.start == outage.start
    if goes_on and healthy is not None and healthy.status is ConditionStatus.FALSE:
        seen = f" The check is still {healthy.reason} by what its window holds: {outage.message}"
    else:
        seen = f" It was {outage.reason} from {text.moment(outage.start)} on: {outage.message}"
    # A summary ends in a command: what was seen gives way to it.
    room = MAX_MESSAGE - len(summary)
    return summary + shortened(seen, room) if room >= _LEAST_SEEN else summary

"""When a diagnosis runs: once an outage, and for each new value of the annotation. Pure: time is passed in.

It depends on nothing but the annotation, the conditions and the status, so an operator that is started again
in the middle asks for the same under the same name, and gets nothing twice.
"""

import hashlib
from dataclasses import dataclass, replace

from ipsecping_operator.api.conditions import ConditionStatus, ConditionType
from ipsecping_operator.api.names import DIAGNOSE_ANNOTATION
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import Cron
from ipsecping_operator.status.conditions import Condition
from ipsecping_operator.status.diagnosis import MAX_VALUE, Trigger
from ipsecping_operator.verdict import text
from ipsecping_operator.verdict.outage import Outage

SECOND = 1_000_000_000
UNKNOWN_FOR = 60 * SECOND
"""So long Healthy must have been Unknown in an outage before that counts as a reason not to diagnose it."""

APART = 60 * SECOND
"""From one diagnosis to the next that the annotation asks for: agents see to it themselves, Jobs do not."""
SOON = 5 * SECOND
"""The same after one that did not run."""

AGAIN = 120 * SECOND
"""Before an agent is asked again that could not answer; a Job waits for as long as after a diagnosis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A diagnosis that is to run."""

    trigger: Trigger
    at: int
    """Not before; Unix time, nanoseconds."""
    outage: Outage | None
    """The one that lasts."""
    value: str | None = None
    """Of the annotation, where that asks for it."""

    def shifted(self, by: int) -> "Wanted":
        """Return the same on a clock that was set forward by so many nanoseconds (back: negative)."""
        outage = None if self.outage is None else self.outage.shifted(by)
        return replace(self, at=self.at + by, outage=outage)


def wanted(state: CheckState, *, enabled: bool, now: int) -> Wanted | None:
    """Return which diagnosis is to run next, at once or later; None while there is none.

    `enabled` is whether the operator diagnoses anything by itself.
    """
    if not state.present or state.applied.readiness is None:
        return None
    outage = current_outage(state)
    newest, tried = state.diagnosed.outcome, state.diagnosed.tried
    if (value := requested(state)) is not None:
        at = now if newest is None else max(now, newest.at + (APART if newest.ran else SOON))
        return Wanted(trigger=Trigger.ANNOTATION, at=at, outage=outage, value=value)
    check, healthy = state.applied.compiled, healthy_condition(state)
    if not enabled or check is None or not check.diagnosis.enabled or outage is None or healthy is None:
        return None
    if healthy.status is ConditionStatus.TRUE or check.suspend:
        return None
    if newest is not None and newest.measured and newest.outage == outage.start:
        return None
    lasting = check.diagnosis.delay_ns
    if healthy.status is ConditionStatus.UNKNOWN:
        lasting = max(lasting, UNKNOWN_FOR)
    # An earlier run may have told of it by a clock that was set back since: then it has lasted long enough.
    begun = next((each for each in (healthy.lasts_since, outage.start) if each <= now), 0)
    due = [begun + lasting]
    if tried is not None:
        failed = newest is not None and not newest.ran and not isinstance(check.schedule, Cron)
        pause = check.diagnosis.cooldown_ns
        due.append(tried + (min(pause, AGAIN) if failed else pause))
    return Wanted(trigger=Trigger.OUTAGE, at=max(due), outage=outage)


def requested(state: CheckState) -> str | None:
    """Return the annotation's value when nothing has become of it yet."""
    assert state.metadata is not None
    value = str(state.metadata.get("annotations", {}).get(DIAGNOSE_ANNOTATION, ""))[:MAX_VALUE]
    newest = state.diagnosed.outcome
    return None if not value or (newest is not None and newest.value == value) else value


def request_id(state: CheckState, want: Wanted, *, nonce: str) -> str:
    """Return what agents and Jobs call this request: another name each time it is made.

    `nonce` is of the plan that is diagnosed: a report about the plan before does not answer it.
    """
    tried = state.diagnosed.tried
    before = "" if tried is None else text.moment(tried)
    about = want.value if want.outage is None or want.value is not None else text.moment(want.outage.start)
    return hashlib.sha256(f"{want.trigger}/{about}/{before}/{nonce}".encode(errors="replace")).hexdigest()[:8]


def obstacle(state: CheckState, want: Wanted, *, enabled: bool, refused: str | None = None) -> str | None:
    """Return why no diagnosis can run, however long one waits; with the remedy.

    `refused`: why none of the namespace's checks may be diagnosed.
    """
    applied = state.applied
    if not enabled:
        return "diagnosis is switched off for all checks by the operator's --diagnosis=false"
    if applied.compiled is None:
        return f"the spec is invalid: {applied.invalid}" if applied.invalid else "nothing is measured yet"
    if applied.refused is not None:
        return f"not permitted: {applied.refused}"
    if refused is not None:
        return f"not permitted: {refused}"
    if applied.compiled.suspend:
        return "spec.suspend is true; set it to false first"
    healthy = healthy_condition(state)
    if want.trigger is Trigger.OUTAGE and healthy is not None and healthy.status is ConditionStatus.UNKNOWN:
        return (
            f"Healthy is Unknown ({healthy.reason}): nothing is known to be wrong with the tunnel; the "
            "condition's message says what is wrong with measuring it"
        )
    return None


def current_outage(state: CheckState) -> Outage | None:
    """Return the outage that lasts."""
    outages = state.reported.last.outages
    return outages[0] if outages and outages[0].end is None else None


def healthy_condition(state: CheckState) -> Condition | None:
    """Return the condition Healthy as it was last reported."""
    return state.reported.last.conditions.get(ConditionType.HEALTHY)


def is_over(state: CheckState, want: Wanted) -> bool:
    """Return whether the outage that it is about has ended."""
    lasts = current_outage(state)
    if want.trigger is not Trigger.OUTAGE or want.outage is None:
        return False
    return lasts is None or lasts.start != want.outage.start


def is_healthy(state: CheckState) -> bool:
    """Return whether the check was last reported as healthy."""
    healthy = healthy_condition(state)
    return healthy is not None and healthy.status is ConditionStatus.TRUE

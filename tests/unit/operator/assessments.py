"""Checks as the operator finds, measures and assesses them."""

from typing import Any

from ipsecping.contract import RoundResult
from ipsecping_operator.api.status import CheckStatus
from ipsecping_operator.api.validation import read
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.report.assessment import Assessment, assess
from ipsecping_operator.report.missing_pods import rounds_without_pod

from . import states
from .builders import NOON, SECOND, UID, result


def seen(
    status: dict[str, Any] | None = None,
    *,
    now: int = NOON,
    of: CompiledCheck | None = None,
    name: str = "hq",
    uid: str = UID,
) -> CheckState:
    """A check as a starting operator finds it: with the status an earlier run left, reconciled once."""
    state = states.shown(states.body(name, uid=uid), status=status, now=now)
    states.take_up(state, of, now=now)
    return state


def take(state: CheckState, *results: RoundResult) -> None:
    for one in results:
        end = one.started_at + one.duration
        assert state.measured.accept(one, start=one.started_at, now=end) is None


def assessed(state: CheckState, *, at: float) -> Assessment:
    """Seconds after noon."""
    now = NOON + int(at * SECOND)
    state.observed.pods_missing(rounds_without_pod(state), now=now)
    made = assess(state, now=now)
    assert made is not None
    state.reported.judged(made.report)
    read(CheckStatus, made.status, path="status")  # what the API server would refuse is refused here
    return made


def healthy(status: Any) -> Any:
    return next(each for each in status["conditions"] if each["type"] == "Healthy")


def at(seconds: int, **values: Any) -> RoundResult:
    return result(at=NOON + seconds * SECOND, **values)

"""Checks as the operator finds, measures and assesses them."""

from typing import Any

from ipsecping.contract import RoundResult
from ipsecping_operator.api.conditions import ReadyReason
from ipsecping_operator.api.status import CheckStatus
from ipsecping_operator.api.validation import read
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.reconcile.assessment import Assessment, assess
from ipsecping_operator.reconcile.store import Store
from ipsecping_operator.state import CheckState, Readiness

from .builders import NOON, SECOND, UID, check, result

RUNS = Readiness(reason=ReadyReason.RECONCILED, message="Deployment hq runs the agent")


def seen(
    status: dict[str, Any] | None = None, *, now: int = NOON, of: CompiledCheck | None = None
) -> CheckState:
    """A check as a starting operator finds it: with the status an earlier run left, reconciled once."""
    store = Store()
    metadata = {"namespace": "network", "name": "hq", "uid": UID, "generation": 1, "resourceVersion": "7"}
    store.put_check({"metadata": metadata, "spec": {}, "status": status or {}}, now=now)
    state = store.checks[UID]
    state.compiled = of or check()
    state.ready = RUNS
    state.measurements.follow(state.compiled)
    return state


def take(state: CheckState, *results: RoundResult) -> None:
    for one in results:
        end = one.started_at + one.duration
        assert state.measurements.accept(one, start=one.started_at, now=end) is None


def assessed(state: CheckState, *, at: float) -> Assessment:
    """Seconds after noon."""
    made = assess(state, now=NOON + int(at * SECOND))
    assert made is not None
    made.commit(state)
    read(CheckStatus, made.status, path="status")  # what the API server would refuse is refused here
    return made


def healthy(status: Any) -> Any:
    return next(each for each in status["conditions"] if each["type"] == "Healthy")


def at(seconds: int, **values: Any) -> RoundResult:
    return result(at=NOON + seconds * SECOND, **values)

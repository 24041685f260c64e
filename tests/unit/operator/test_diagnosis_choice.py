"""Which path is diagnosed, by which pod, and what the prober is told beforehand."""

from itertools import pairwise
from typing import Any

import pytest

from ipsecping.contract import LossReason
from ipsecping.diagnosis.evidence_json import read_known
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.diagnosis.choice import agent_of, choose
from ipsecping_operator.diagnosis.known import known_of

from .assessments import assessed, at, seen, take
from .builders import NOON, SECOND, check, plan, result
from .objects import pod
from .outages import DOWN, recover
from .states import body, shown, take_up


def two_paths(*, a: int, b: int, reason: LossReason = LossReason.TIMEOUT) -> CheckState:
    """Paths a and b, with so many answers of ten."""
    plans = {"a": plan(path="a"), "b": plan(path="b")}
    state = seen(of=check(*plans.values()))
    for number in range(4):
        for name, received in (("a", a), ("b", b)):
            start = NOON + 30 * number * SECOND
            take(state, result(of=plans[name], at=start, received=received, reason=reason))
    assessed(state, at=100)
    return state


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [(10, 0, "b"), (0, 10, "a"), (8, 0, "b"), (0, 8, "a"), (0, 0, "a"), (10, 10, "a")],
)
def test_the_gravest_path_is_diagnosed_of_equals_the_preferred_one(a: int, b: int, expected: str) -> None:
    assert choose(two_paths(a=a, b=b)).path.plan.path == expected


@pytest.mark.parametrize(("b", "expected"), [(0, (40, 0)), (8, (10, 8)), (10, (10, 10))])
def test_the_prober_is_told_how_the_other_paths_are_doing(b: int, expected: tuple[int, int]) -> None:
    state = two_paths(a=0, b=b)
    told_of = known_of(state, choose(state).path, now=NOON + 100 * SECOND)
    (other,) = read_known(told_of, "").paths or ()
    assert (other.name, (other.sent, other.answered), other.same_target) == ("b", expected, True)
    assert known_of(state, choose(state).path, now=NOON + 3600 * SECOND) == {}, "what is stale tells nothing"


def test_the_prober_is_told_of_outages_that_it_has_forgotten_once_they_may_have_a_period() -> None:
    state = seen()
    for number in range(4):
        start = 3600 * number
        take(state, at(start), *(at(start + second, received=0) for second in (30, 60, 90)))
        assessed(state, at=start + DOWN)
        known = read_known(known_of(state, choose(state).path, now=NOON + (start + DOWN) * SECOND), "")
        assert len(known.outages or ()) == (0 if number < 2 else number + 1)
        recover(state, seconds=start + 120)
    starts = [each.start for each in known.outages or ()]
    assert starts == sorted(starts)
    assert {later - sooner for sooner, later in pairwise(starts)} == {3600 * SECOND}


def test_after_a_restart_the_path_that_failed_is_diagnosed_before_a_round_was_read() -> None:
    left = dict(assessed(two_paths(a=10, b=0), at=101).status)
    of = check(plan(path="a"), plan(path="b"))
    restarted = seen(left, of=of, now=NOON + 102 * SECOND)
    assessed(restarted, at=103)
    assert choose(restarted).path.plan.path == "b"


def test_a_pod_that_ended_or_goes_is_not_asked() -> None:
    running: dict[str, Any] = {"phase": "Running", "podIP": "10.0.0.1"}
    state = shown(
        body(),
        pod("goes", uid="1", deleting=True, **running),
        pod("ended", uid="2", phase="Failed", podIP="10.0.0.2"),
        pod("round", uid="3", owner_kind="Job", **running),
        pod("new", uid="4", phase="Pending"),
    )
    take_up(state)
    assert agent_of(state, choose(state)) is None

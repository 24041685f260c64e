"""Rounds that a CPU limit spoils: the message names the limit, who set it, and what to write."""

from typing import Any

import pytest

from ipsecping.contract import Invalidity
from ipsecping_operator.observe.projection import Pod

from .assessments import assessed
from .builders import NOON, SECOND, check, result
from .objects import pod
from .states import RUNS, shown, take_up

LIMIT_RANGED = {
    "kubernetes.io/limit-ranger": "LimitRanger plugin set: cpu limit for container probe",
}


def probe_pod(cpu: str | None, **more: Any) -> Pod:
    sidecar = {"name": "a", "resources": {"limits": {"cpu": "7"}}}
    own = {"name": "probe", "resources": {} if cpu is None else {"limits": {"cpu": cpu}}}
    return pod(spec={"containers": [sidecar, own]}, **more)


def healthy(seen: Pod, invalid: Invalidity) -> str:
    state = shown(None, seen)
    take_up(state, check(), ready=RUNS)
    for number in range(3):
        start = NOON + number * 30 * SECOND
        assert state.measured.accept(result(at=start, invalid=invalid), start=start, now=start) is None
    conditions = assessed(state, at=70).status["conditions"]
    (found,) = (each for each in conditions if each["type"] == "Healthy")
    assert found["reason"] == "MeasurementInvalid"
    return str(found["message"])


def test_a_limit_that_a_limit_range_put_there_is_named_with_the_remedy() -> None:
    said = healthy(probe_pod("100m", annotations=LIMIT_RANGED), Invalidity.CPU_THROTTLED)
    assert said.endswith(
        "its CPU limit held it back; pod hq-1 has a CPU limit of 100m, which a LimitRange of the namespace "
        'put there: ask for a higher one in placement.resources.limits.cpu, such as "1", or for none in the '
        "LimitRange"
    )


def test_a_limit_that_was_asked_for_is_named_too() -> None:
    said = healthy(probe_pod("100m"), Invalidity.CPU_THROTTLED)
    assert "CPU limit of 100m: raise placement.resources.limits.cpu" in said


@pytest.mark.parametrize(
    ("seen", "invalid"),
    [
        (probe_pod(None, annotations=LIMIT_RANGED), Invalidity.CPU_THROTTLED),
        (probe_pod("100m", annotations=LIMIT_RANGED), Invalidity.LATE_TICKS),
    ],
    ids=["no-limit", "another-fault"],
)
def test_a_limit_is_not_blamed_for_anything_else(seen: Pod, invalid: Invalidity) -> None:
    assert "CPU limit of" not in healthy(seen, invalid)

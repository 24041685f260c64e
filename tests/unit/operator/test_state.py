"""What is held of a check: each part changes only by its own methods, and moves with the clock."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

import ipsecping_operator
from ipsecping_operator.check.applied import Applied
from ipsecping_operator.check.measured import Measured
from ipsecping_operator.check.observed import Observed
from ipsecping_operator.check.reported import Reported
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.fault_types import StandingFaults
from ipsecping_operator.report.assessment import assess
from ipsecping_operator.status.diagnosis import DiagnosisOutcome, Trigger

from .assessments import assessed, at, seen, take
from .builders import NOON, SECOND, check
from .objects import child, pod
from .states import body, shown, take_up

PARTS = (Observed, Applied, Measured, Reported, StandingFaults)
PACKAGE = Path(ipsecping_operator.__file__).parent
TESTS = Path(__file__).parents[2]
OWNERS = (PACKAGE / "check", PACKAGE / "fault_types.py")
HOUR = 3600 * SECOND


def slots(part: type) -> tuple[str, ...]:
    found: tuple[str, ...] = part.__slots__  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize("part", PARTS)
def test_nothing_of_a_part_can_be_assigned_from_outside(part: type) -> None:
    """Nor changed in place: properties give read-only types, which mypy holds everybody to."""
    made: Any = part()
    assert not hasattr(made, "__dict__")
    assert all(name.startswith("_") for name in slots(part))
    for name, found in vars(part).items():
        if isinstance(found, property):
            assert found.fset is None, name
    with pytest.raises(AttributeError):
        made.news = 1


def reaching_in(source: str) -> list[str]:
    """Places in which a private attribute of a part is used of anything but `self`."""
    private = {name for part in PARTS for name in slots(part)}
    if not any(f".{name}" in source for name in private):
        return []
    return [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and node.attr in private
        and not (isinstance(node.value, ast.Name) and node.value.id == "self")
    ]


def test_nobody_reaches_into_a_part() -> None:
    assert reaching_in("state.reported._last = x") == ["line 1: state.reported._last"]
    found = {
        str(path): places
        for root in (PACKAGE, TESTS)
        for path in root.rglob("*.py")
        if not path.is_relative_to(OWNERS[0]) and path != OWNERS[1]
        if (places := reaching_in(path.read_text()))
    }
    assert found == {}


STAYS = (
    # Of the API and of the spec.
    *("_metadata", "_children", "_pods", "_compiled", "_current", "_previous"),
    # Was told already.
    *(".conditions", "_run_now", ".run_now"),
    # Has a clock of its own.
    ".window",
    # Of a verdict the next one takes over only since when a value has been back within its limit.
    *(".finding", ".figures", ".measured", ".until", ".due"),
    *("verdict.since", "verdict.next_change", "verdict.last_result"),
)


def instants(value: object, path: str = "") -> Iterator[tuple[str, int]]:
    """What in it looks like a time within a year, in nanoseconds, by where it is."""
    if isinstance(value, bool | str | bytes):
        return
    if isinstance(value, int):
        if abs(value - NOON) < 10_000 * HOUR:
            yield path, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from instants(each, f"{path}[{key!r}]")
    elif isinstance(value, tuple | list):
        for number, each in enumerate(value):
            yield from instants(each, f"{path}[{number}]")
    elif is_dataclass(value):
        for field in fields(value):
            yield from instants(getattr(value, field.name), f"{path}.{field.name}")
    else:
        for name in getattr(type(value), "__slots__", ()):
            yield from instants(getattr(value, name), f"{path}.{name}")


def moved(state: CheckState) -> set[str]:
    """Which instants a step of the clock moves; none stays that is not known to."""
    before = dict(instants(state))
    state.shift(HOUR)
    after = dict(instants(state))
    assert before.keys() == after.keys()
    still = {path for path in before if after[path] == before[path]}
    assert {path for path in still if not any(known in path for known in STAYS)} == set()
    assert all(after[path] == before[path] + HOUR for path in before.keys() - still)
    return before.keys() - still


def test_all_instants_of_a_check_move_with_the_clock_or_are_known_not_to() -> None:
    earlier = seen()
    take(earlier, *(at(30 * number, received=0) for number in range(4)))
    left: Any = assessed(earlier, at=100).status
    state = shown(body(run_now="1"), child(), pod(), status=left, now=NOON + 100 * SECOND)
    take_up(state, check(loss_percent="20"))
    take(state, at(120, received=7))
    assessed(state, at=125)
    take(state, at(150, received=9))
    assessed(state, at=155)
    said = DiagnosisOutcome(outcome="Fault", trigger=Trigger.OUTAGE, at=NOON, summary="", outage=NOON)
    state.diagnosed.settle(said)
    assessed(state, at=156)
    state.observed.pods_missing([("hq", NOON)], now=NOON)
    found = moved(state)
    for owner in (
        "_first_seen",
        "_missing_pods",
        "_expected_since",
        "last_end",
        ".used",
        "outages[0].start",
        "_outcome.outage",
        "_tried",
        "diagnosis.at",
        ".latches",
    ):
        assert any(owner in path for path in found), owner
    restarted = shown(status=left, now=NOON + 100 * SECOND)
    assert any("restored.last_result" in path for path in moved(restarted))


def test_an_assessment_that_is_not_told_leaves_no_trace() -> None:
    state = seen()
    take(state, *(at(30 * number, received=0) for number in range(4)))
    now, before = NOON + 100 * SECOND, state.reported.last
    first = assess(state, now=now)
    assert assess(state, now=now) == first
    assert state.reported.last is before

"""The preferred path: which it is, when that is told, and in which words."""

from ipsecping_operator.check.state import CheckState

from .assessments import assessed, seen
from .builders import NOON, SECOND, check, plan, result
from .states import take_up

PRIMARY, BACKUP = plan(path="primary"), plan(path="backup", target="203.0.113.138")
BOTH = check(PRIMARY, BACKUP)


def measured(state: CheckState, number: int, *, primary: int | None = 10, backup: int | None = 10) -> None:
    """Round `number` (one every 30 s) of both paths, with so many answers of ten."""
    for of, received in ((PRIMARY, primary), (BACKUP, backup)):
        if received is not None:
            one = result(of=of, at=NOON + number * 30 * SECOND, received=received)
            end = one.started_at + one.duration
            assert state.measured.accept(one, start=one.started_at, now=end) is None


def test_a_path_that_fails_gives_way_and_takes_over_again_when_it_heals() -> None:
    state = seen(of=BOTH)
    measured(state, 0)
    first = assessed(state, at=5)
    assert (first.status["preferredPath"], first.move) == ("primary", None)
    for number in range(1, 4):
        measured(state, number, primary=0)
    gone = assessed(state, at=95)
    assert gone.status["preferredPath"] == "backup"
    assert gone.status["headline"] == {"path": "backup", "probe": "ping"}
    assert [(path["name"], path["state"], path["reason"]) for path in gone.status["paths"]] == [
        ("primary", "Unhealthy", "Down"),
        ("backup", "Healthy", "WithinThresholds"),
    ]
    assert gone.urgent
    assert gone.move is not None
    assert gone.move.bad
    assert gone.move.message.startswith(
        "backup instead of primary: Down: no answer to the last 30 packets in 3 rounds on primary/ping"
    )
    for number in range(4, 20):
        measured(state, number)
    back = assessed(state, at=575)
    assert back.move is not None
    assert not back.move.bad
    assert back.move.message == (
        "primary instead of backup: primary is healthy, and stands before it in the spec"
    )
    assert assessed(state, at=576).move is None


def test_whose_pod_starts_first_is_no_change_of_preference() -> None:
    state = seen(of=BOTH)
    measured(state, 0, primary=None)
    early = assessed(state, at=3)
    assert (early.status["preferredPath"], early.move) == ("backup", None)
    measured(state, 0, backup=None)
    assert assessed(state, at=5).move is None


def test_when_no_path_is_healthy_the_first_is_preferred_and_that_is_said() -> None:
    state = seen(of=BOTH)
    for number in range(3):
        measured(state, number, primary=0)
    assert assessed(state, at=63).status["preferredPath"] == "backup"
    for number in range(3, 6):
        measured(state, number, primary=0, backup=0)
    none = assessed(state, at=155)
    assert none.move is not None
    assert none.move.message.startswith("primary instead of backup: no path is healthy; Down: ")


def test_a_path_removed_from_the_spec_gives_way() -> None:
    state = seen(of=BOTH)
    for number in range(3):
        measured(state, number, primary=0)
    assert assessed(state, at=63).status["preferredPath"] == "backup"
    take_up(state, check(PRIMARY))
    made = assessed(state, at=64)
    assert made.move is not None
    assert made.move.message == "primary instead of backup: that path is no longer in the spec"
    assert [entry["path"] for entry in made.status["probes"]] == ["primary"]


def test_a_restart_is_no_change_of_preference() -> None:
    state = seen(of=BOTH)
    for number in range(3):
        measured(state, number, primary=0)
    before = dict(assessed(state, at=63).status)
    again = seen(before, now=NOON + 70 * SECOND, of=BOTH)
    assert assessed(again, at=71).move is None
    for number in range(3):
        measured(again, number, primary=0)
    made = assessed(again, at=72)
    assert (made.status["preferredPath"], made.move) == ("backup", None)

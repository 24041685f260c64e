"""The preferred path: which it is, when that is told, and in which words."""

from typing import Any

from ipsecping_operator.check.state import CheckState

from .assessments import assessed, seen, take
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
    assert (first.status["preferredPath"], first.paths.move) == ("primary", None)
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
    assert gone.paths.move is not None
    assert gone.paths.move.bad
    assert gone.paths.move.message.startswith(
        "backup instead of primary: Down: no answer to the last 30 packets in 3 rounds on primary/ping"
    )
    healthy_again = 13  # the round by which its losses have left the window
    for number in range(4, healthy_again + 4):
        measured(state, number)
        assert assessed(state, at=number * 30 + 5).paths.move is None
    measured(state, healthy_again + 4)
    back = assessed(state, at=(healthy_again + 4) * 30 + 5)
    assert back.paths.move is not None
    assert not back.paths.move.bad
    assert back.paths.move.message == (
        "primary instead of backup: primary has been healthy for 5 rounds (thresholds.preferAfter), and "
        "stands before it in the spec"
    )
    assert assessed(state, at=(healthy_again + 4) * 30 + 6).paths.move is None


def test_whose_pod_starts_first_is_no_change_of_preference() -> None:
    state = seen(of=BOTH)
    measured(state, 0, primary=None)
    early = assessed(state, at=3)
    assert (early.status["preferredPath"], early.paths.move) == ("backup", None)
    measured(state, 0, backup=None)
    assert assessed(state, at=5).paths.move is None


def test_when_no_path_is_healthy_the_one_in_use_stays() -> None:
    state = seen(of=BOTH)
    for number in range(3):
        measured(state, number, primary=0)
    assert assessed(state, at=63).status["preferredPath"] == "backup"
    for number in range(3, 6):
        measured(state, number, primary=0, backup=0)
    none = assessed(state, at=155)
    assert none.paths.move is None
    assert none.status["preferredPath"] == "backup"


def test_a_path_that_comes_and_goes_is_not_preferred_again() -> None:
    state = seen(of=check(PRIMARY, BACKUP, window_s=60, down_after=1))
    measured(state, 0)
    assessed(state, at=5)
    moves = list[str]()
    for number in range(1, 60):
        measured(state, number, primary=0 if number % 8 < 2 else 10)
        made = assessed(state, at=number * 30 + 5)
        moves += [] if made.paths.move is None else [made.paths.move.after]
    assert moves == ["backup"]


def test_of_those_left_one_that_has_been_healthy_for_long_is_rather_taken() -> None:
    fresh, steady = plan(path="fresh"), plan(path="steady")
    of = check(PRIMARY, fresh, steady, window_s=1, down_after=1)
    state = seen(of=of)

    def rounds(number: int, **received: int) -> None:
        for path in (PRIMARY, fresh, steady):
            one = result(of=path, at=NOON + number * 30 * SECOND, received=received.get(path.path, 10))
            take(state, one)

    for number in range(6):
        rounds(number, fresh=0)
        assessed(state, at=number * 30 + 5)
    for number in range(6, 10):
        rounds(number)
        assessed(state, at=number * 30 + 5)
    rounds(10, primary=0)
    assert assessed(state, at=305).status["preferredPath"] == "steady"


def test_the_history_is_bounded_and_survives_a_restart() -> None:
    state = seen(of=check(PRIMARY, BACKUP, window_s=1, down_after=1))
    measured(state, 0)
    assessed(state, at=5)
    for number in range(1, 47):
        odd = number // 3 % 2
        measured(state, number, primary=0 if odd else 10, backup=10 if odd else 0)
        made = assessed(state, at=number * 30 + 5)
    history = made.status["preferredPathChanges"]
    assert len(history) == 10
    assert [each["time"] for each in history] == sorted((each["time"] for each in history), reverse=True)
    wanted = {"from": "backup", "to": "primary", "reason": "Down", "time": "2026-11-23T12:22:05Z"}
    assert history[0].items() >= wanted.items()
    assert state.reported.last.paths.moves_made > 10
    again = seen(dict(made.status), now=NOON + 1200 * SECOND, of=BOTH)
    assert assessed(again, at=1201).status["preferredPathChanges"] == history


def test_what_a_history_in_the_status_has_that_is_none_is_left_out() -> None:
    good = {"time": "2026-11-23T12:00:00Z", "from": "a", "to": "b", "reason": "Down", "message": "m"}
    broken: Any
    for broken in ({}, None, 5, [], good | {"time": "now"}, {"time": None}):
        state = seen({"preferredPathChanges": [broken, good], "pathChanges": [broken], "paths": [broken]})
        assert [move.after for move in state.reported.last.paths.moves] == ["b"]
        assert state.measured.path_changes.newest == ()


def test_a_path_removed_from_the_spec_gives_way() -> None:
    state = seen(of=BOTH)
    for number in range(3):
        measured(state, number, primary=0)
    assert assessed(state, at=63).status["preferredPath"] == "backup"
    take_up(state, check(PRIMARY))
    made = assessed(state, at=64)
    assert made.paths.move is not None
    assert made.paths.move.message == "primary instead of backup: that path is no longer in the spec"
    assert [entry["path"] for entry in made.status["probes"]] == ["primary"]


def test_a_restart_is_no_change_of_preference() -> None:
    state = seen(of=BOTH)
    for number in range(3):
        measured(state, number, primary=0)
    before = dict(assessed(state, at=63).status)
    again = seen(before, now=NOON + 70 * SECOND, of=BOTH)
    assert assessed(again, at=71).paths.move is None
    for number in range(3):
        measured(again, number, primary=0)
    made = assessed(again, at=72)
    assert (made.status["preferredPath"], made.paths.move) == ("backup", None)


def test_a_path_removed_gives_way_to_a_new_one_rather_than_to_one_that_is_down() -> None:
    state = seen(of=check(PRIMARY, BACKUP))
    for number in range(3):
        measured(state, number, primary=0)
    assert assessed(state, at=63).status["preferredPath"] == "backup"
    take_up(state, check(PRIMARY, plan(path="third")))
    assert assessed(state, at=64).status["preferredPath"] == "third"

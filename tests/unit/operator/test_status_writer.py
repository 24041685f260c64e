"""The write budget of a check's status."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from ipsecping_operator.report.status_writer import Gone, StatusWriter

from .virtual_time import run

Status = Mapping[str, Any]


class Api:
    """Takes statuses and notes when; fails as often as it is told to."""

    def __init__(self, *, failures: int = 0, takes: float = 0.0) -> None:
        self.writes: list[tuple[float, Status]] = []
        self.failures = failures
        self.takes = takes
        self.outcomes: list[str] = []

    async def send(self, uid: str, status: Status) -> None:
        await asyncio.sleep(self.takes)
        if self.failures:
            self.failures -= 1
            raise OSError("no route to the API")
        self.writes.append((asyncio.get_running_loop().time(), status))

    def writer(self) -> StatusWriter:
        return StatusWriter(self.send, interval=60, count=self.outcomes.append)

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.writes]


def test_the_first_status_is_written_at_once_and_the_next_after_the_interval() -> None:
    api = Api()

    async def scenario() -> None:
        writer = api.writer()
        for second in range(100):
            writer.submit("a", {"round": second}, at_once=False)
            await asyncio.sleep(1)

    run(scenario())
    assert api.times[0] == 0
    assert len(api.writes) == 2
    assert 54 <= api.times[1] <= 60
    assert api.writes[1][1] == {"round": int(api.times[1])}, "the newest status is the one written"


def test_a_transition_is_written_at_once() -> None:
    api = Api()

    async def scenario() -> None:
        writer = api.writer()
        writer.submit("a", {"healthy": True}, at_once=True)
        await asyncio.sleep(10)
        writer.submit("a", {"healthy": False}, at_once=True)
        await asyncio.sleep(1)

    run(scenario())
    assert api.writes == [(0, {"healthy": True}), (10, {"healthy": False})]


def test_a_transition_hastens_what_was_waiting() -> None:
    api = Api()

    async def scenario() -> None:
        writer = api.writer()
        writer.submit("a", {"n": 1}, at_once=False)
        await asyncio.sleep(5)
        writer.submit("a", {"n": 2}, at_once=False)
        await asyncio.sleep(5)
        writer.submit("a", {"n": 3}, at_once=True)
        await asyncio.sleep(100)

    run(scenario())
    assert api.writes == [(0, {"n": 1}), (10, {"n": 3})]


def test_a_check_that_flaps_is_written_once_a_second_at_most() -> None:
    api = Api()

    async def scenario() -> None:
        writer = api.writer()
        for turn in range(1000):
            writer.submit("a", {"turn": turn}, at_once=True)
            await asyncio.sleep(0.01)
        await asyncio.sleep(5)

    run(scenario())
    assert len(api.writes) <= 12
    assert api.writes[-1][1] == {"turn": 999}


def test_what_changes_nothing_is_not_sent() -> None:
    api = Api()

    async def scenario() -> None:
        writer = api.writer()
        for _ in range(10):
            writer.submit("a", {"same": 1}, at_once=False)
            await asyncio.sleep(100)

    run(scenario())
    assert len(api.writes) == 1
    assert api.outcomes.count("unchanged") == 9


def test_what_the_api_held_already_is_not_sent() -> None:
    api = Api()

    async def scenario() -> None:
        writer = api.writer()
        writer.known("a", {"same": 1})
        writer.submit("a", {"same": 1}, at_once=True)
        await asyncio.sleep(100)

    run(scenario())
    assert api.writes == []


def test_a_failed_write_is_repeated_with_the_newest_status() -> None:
    api = Api(failures=5)

    async def scenario() -> None:
        writer = api.writer()
        for second in range(120):
            writer.submit("a", {"n": second // 40}, at_once=second % 40 == 0)
            await asyncio.sleep(1)

    run(scenario())
    assert api.outcomes.count("failed") == 5
    assert api.writes[-1][1] == {"n": 2}


def test_never_two_writes_of_a_check_at_once_and_the_last_one_wins() -> None:
    api = Api(takes=3)

    async def scenario() -> None:
        writer = api.writer()
        for turn in range(10):
            writer.submit("a", {"turn": turn}, at_once=True)
            await asyncio.sleep(0.1)
        await asyncio.sleep(20)

    run(scenario())
    assert [status["turn"] for _, status in api.writes] == [0, 9]


def test_a_status_of_a_check_that_has_gone_is_given_up() -> None:
    calls = 0

    async def gone(uid: str, status: Status) -> None:
        nonlocal calls
        calls += 1
        raise Gone

    async def scenario() -> None:
        writer = StatusWriter(gone, interval=60)
        writer.submit("a", {"n": 1}, at_once=True)
        await asyncio.sleep(500)

    run(scenario())
    assert calls == 1


def test_what_waits_is_written_when_the_operator_stops() -> None:
    api = Api()

    async def scenario() -> None:
        writer = api.writer()
        writer.submit("a", {"n": 1}, at_once=False)
        await asyncio.sleep(1)
        writer.submit("a", {"n": 2}, at_once=False)
        await writer.close(seconds=3)

    run(scenario())
    assert [status for _, status in api.writes] == [{"n": 1}, {"n": 2}]


def test_an_api_that_hangs_does_not_hold_up_the_stop() -> None:
    api = Api(takes=1000)

    async def scenario() -> float:
        writer = api.writer()
        writer.submit("a", {"n": 1}, at_once=False)
        await writer.close(seconds=3)
        return asyncio.get_running_loop().time()

    assert run(scenario()) == 3


def test_at_the_end_the_newest_status_follows_a_write_that_is_under_way() -> None:
    api = Api(takes=1)

    async def scenario() -> None:
        writer = api.writer()
        writer.submit("a", {"round": 1}, at_once=False)
        await asyncio.sleep(0.5)
        writer.submit("a", {"round": 2}, at_once=False)
        await writer.close(seconds=3)

    run(scenario())
    assert [status for _, status in api.writes] == [{"round": 1}, {"round": 2}]


def test_at_the_end_a_write_that_is_refused_is_not_tried_time_and_again() -> None:
    api = Api(failures=1000)

    async def scenario() -> None:
        writer = api.writer()
        writer.submit("a", {"round": 1}, at_once=False)
        await writer.close(seconds=3)

    run(scenario())
    assert api.writes == []
    assert len(api.outcomes) <= 4


def test_a_status_that_is_no_json_leaves_the_one_before_in_its_place() -> None:
    sent = list[Any]()

    async def scenario() -> None:
        async def send(uid: str, status: Any) -> None:
            sent.append(status)

        writer = StatusWriter(send, interval=60)
        writer.submit("a", {"n": 1}, at_once=True)
        with pytest.raises(TypeError):
            writer.submit("a", {"n": object()}, at_once=True)
        await asyncio.sleep(5)

    run(scenario())
    assert sent == [{"n": 1}]


def test_a_write_that_waits_for_its_turn_is_not_stuck_however_long_ago_the_one_before_it_was() -> None:
    api = Api()

    async def scenario() -> None:
        writer = api.writer()
        for uid in "abc":
            writer.submit(uid, {"n": 0}, at_once=True)
        await asyncio.sleep(3600)
        api.takes = 10
        for uid in "abc":
            writer.submit(uid, {"n": uid}, at_once=True)
        await asyncio.sleep(5)
        assert [uid for uid in "abc" if writer.restart(uid, after=120)] == [], (
            "none was given up, nor set back"
        )
        await asyncio.sleep(30)

    run(scenario())
    assert [(at, status["n"]) for at, status in api.writes[3:]] == [(3610, "a"), (3610, "b"), (3620, "c")]


def test_500_checks_that_flap_in_one_namespace_do_not_delay_a_transition_in_another() -> None:
    written = dict[str, float]()

    async def send(uid: str, status: Status) -> None:
        await asyncio.sleep(0.5)
        written.setdefault(uid, asyncio.get_running_loop().time())

    async def scenario() -> None:
        writer = StatusWriter(send, interval=60, namespace=lambda uid: uid.split("/")[0])
        for number in range(500):
            writer.submit(f"noisy/{number}", {"n": 0}, at_once=True)
        await asyncio.sleep(20.2)
        writer.submit("quiet/a", {"n": 0}, at_once=True)
        await asyncio.sleep(200)

    run(scenario())
    assert written["quiet/a"] == 21
    assert len(written) == 501, "nor does it push others out"


@pytest.mark.parametrize("failures", [0, 1])
def test_a_process_that_stood_still_has_no_write_that_is_stuck(failures: int) -> None:
    api, away = Api(failures=failures), 0.0

    async def scenario() -> None:
        nonlocal away
        loop: Any = asyncio.get_running_loop()
        writer = StatusWriter(api.send, interval=60, awake=lambda: loop.time() - away)
        api.takes = 0.0 if failures else 100
        writer.submit("a", {"n": 1}, at_once=True)
        await asyncio.sleep(0.5)
        loop.stand_still(500)
        away = 500
        assert not writer.restart("a", after=120)
        if not failures:
            api.takes = 1000
            writer.submit("a", {"n": 2}, at_once=True)
            await asyncio.sleep(130)
            assert writer.restart("a", after=120), "one that is stuck is found all the same"

    run(scenario())

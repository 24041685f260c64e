"""One key at a time, every request answered by a later run, failures repeated."""

import asyncio
import itertools
from unittest import mock

from ipsecping_operator.reconcile.work_queue import CALM, Outcome, WorkQueue

from .virtual_time import run


def unexpected(key: str, error: Exception) -> None:
    raise AssertionError(key) from error


def test_requests_during_a_run_lead_to_exactly_one_more() -> None:
    runs: list[float] = []
    running = 0

    async def work(key: str) -> Outcome:
        nonlocal running
        running += 1
        assert running == 1
        runs.append(asyncio.get_running_loop().time())
        await asyncio.sleep(10)
        running -= 1
        return Outcome.DONE

    async def scenario() -> None:
        queue = WorkQueue(work, failed=unexpected)
        for _ in range(5):
            queue.request("a")
            await asyncio.sleep(1)
        await asyncio.sleep(100)

    run(scenario())
    assert runs == [0, 10]


def test_many_requests_are_no_calm_until_hardly_any_is_left() -> None:
    seen: list[tuple[float, bool]] = []

    async def work(key: str) -> Outcome:
        await asyncio.sleep(1)
        return Outcome.DONE

    async def scenario() -> None:
        queue = WorkQueue(work, failed=unexpected, at_once=1)
        for round_ in range(2):
            for key in range(CALM + 2 * round_):
                queue.request(str(key))
            seen.append((asyncio.get_running_loop().time(), queue.calm.is_set()))
            await queue.calm.wait()
            seen.append((asyncio.get_running_loop().time(), True))
            await asyncio.sleep(100)

    run(scenario())
    assert seen == [(0, True), (0, True), (100, False), (102, True)]


def test_different_keys_run_side_by_side_up_to_the_limit() -> None:
    most = running = 0

    async def work(key: str) -> Outcome:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(1)
        running -= 1
        return Outcome.DONE

    async def scenario() -> None:
        queue = WorkQueue(work, failed=unexpected, at_once=4)
        for key in range(20):
            queue.request(str(key))
        await asyncio.sleep(20)

    run(scenario())
    assert most == 4


def test_a_failure_is_repeated_later_each_time_until_it_succeeds() -> None:
    runs: list[float] = []

    async def work(key: str) -> Outcome:
        runs.append(asyncio.get_running_loop().time())
        return Outcome.DONE if len(runs) > 6 else Outcome.REFUSED

    async def scenario() -> None:
        queue = WorkQueue(work, failed=unexpected)
        queue.request("a")
        await asyncio.sleep(10_000)

    run(scenario())
    assert len(runs) == 7
    pauses = [later - earlier for earlier, later in itertools.pairwise(runs)]
    assert all(0.7 * 2**n <= pause <= 2**n for n, pause in enumerate(pauses))


def test_news_about_a_failing_key_is_tried_at_once() -> None:
    runs: list[float] = []

    async def work(key: str) -> Outcome:
        runs.append(asyncio.get_running_loop().time())
        return Outcome.REFUSED

    async def scenario() -> None:
        queue = WorkQueue(work, failed=unexpected)
        queue.request("a")
        await asyncio.sleep(0.1)
        queue.request("a")
        await asyncio.sleep(0.1)
        await queue.close()

    run(scenario())
    assert runs == [0, 0.1]


def test_who_did_not_answer_is_asked_again_within_half_a_minute_however_long_they_were_away() -> None:
    runs: list[float] = []

    async def work(key: str) -> Outcome:
        runs.append(asyncio.get_running_loop().time())
        return Outcome.UNREACHABLE

    async def scenario() -> None:
        queue = WorkQueue(work, failed=unexpected)
        queue.request("a")
        await asyncio.sleep(3600)
        await queue.close()

    run(scenario())
    assert max(later - earlier for earlier, later in itertools.pairwise(runs)) <= 30


def test_work_that_raises_is_told_of_and_done_again() -> None:
    told, done = list[str](), list[str]()

    async def scenario() -> None:
        async def work(key: str) -> Outcome:
            if not told:
                raise KeyError(key)
            done.append(key)
            return Outcome.DONE

        queue = WorkQueue(work, failed=lambda key, error: told.append(f"{key}: {error!r}"))
        queue.request("a")
        await asyncio.sleep(5)
        await queue.close()

    run(scenario())
    assert told == ["a: KeyError('a')"]
    assert done == ["a"]


def test_work_whose_timer_was_lost_is_found() -> None:
    done = list[str]()

    async def scenario() -> None:
        async def work(key: str) -> Outcome:
            done.append(key)
            return Outcome.DONE if len(done) > 1 else Outcome.REFUSED

        queue = WorkQueue(work, failed=lambda key, error: None)
        with mock.patch.object(WorkQueue, "_again", side_effect=MemoryError):
            queue.request("a")
            await asyncio.sleep(10)
        queue.revive()
        await asyncio.sleep(1)
        queue.revive()
        await asyncio.sleep(1)
        await queue.close()

    run(scenario())
    assert done == ["a", "a"]


def test_500_keys_of_one_namespace_do_not_delay_that_of_another() -> None:
    order = list[str]()

    async def work(key: str) -> Outcome:
        await asyncio.sleep(1)
        order.append(key)
        return Outcome.DONE

    async def scenario() -> None:
        queue = WorkQueue(work, failed=unexpected, namespace=lambda key: key[:5], at_once=2)
        for number in range(500):
            queue.request(f"noisy{number}")
        await asyncio.sleep(2.5)
        queue.request("quiet")
        await asyncio.sleep(500)

    run(scenario())
    assert order.index("quiet") in (6, 7)
    assert len(order) == 501

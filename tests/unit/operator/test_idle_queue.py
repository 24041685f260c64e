"""Work that can wait comes one after the other, and each only once."""

import asyncio

from ipsecping_operator.reconcile.idle_queue import IdleQueue

from .virtual_time import run


def test_the_first_comes_at_once_and_the_others_with_pauses() -> None:
    calls: list[tuple[float, str]] = []

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        queue = IdleQueue(lambda key: calls.append((loop.time(), key)), pause=2)
        for key in ("a", "b", "a", "c"):
            queue.request(key)
        await asyncio.sleep(100)
        queue.request("a")
        await asyncio.sleep(1)

    run(scenario())
    assert calls == [(0, "a"), (2, "b"), (4, "c"), (100, "a")]


def test_other_work_comes_first() -> None:
    calls: list[tuple[float, str]] = []

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        queue = IdleQueue(
            lambda key: calls.append((loop.time(), key)),
            busy=lambda: loop.time() < 10 or 12 <= loop.time() < 20,
            pause=2,
            again=1,
        )
        for key in ("a", "b"):
            queue.request(key)
        await asyncio.sleep(100)

    run(scenario())
    assert calls == [(10, "a"), (20, "b")]


def test_what_has_waited_for_long_waits_no_more() -> None:
    calls: list[tuple[float, str]] = []

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        queue = IdleQueue(
            lambda key: calls.append((loop.time(), key)), busy=lambda: True, pause=2, again=1, longest=50
        )
        for key in ("a", "b", "a"):
            queue.request(key)
        await asyncio.sleep(100)

    run(scenario())
    assert calls == [(50, "a"), (52, "b")]


def test_nothing_comes_after_the_end() -> None:
    calls: list[str] = []

    async def scenario() -> None:
        queue = IdleQueue(calls.append, pause=2)
        for key in ("a", "b"):
            queue.request(key)
        queue.close()
        await asyncio.sleep(100)

    run(scenario())
    assert calls == []


def test_the_queue_goes_on_after_a_call_that_raises() -> None:
    called = list[str]()

    async def scenario() -> None:
        def call(key: str) -> None:
            called.append(key)
            raise ValueError(key)

        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        queue = IdleQueue(call, pause=2)
        for key in ("a", "b", "c"):
            queue.request(key)
        await asyncio.sleep(20)

    run(scenario())
    assert called == ["a", "b", "c"]

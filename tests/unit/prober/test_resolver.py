"""Names to addresses: what one name with a silent server costs the others."""

import asyncio
import threading

import pytest

from ipsecping.net.resolve import MAX_LOOKUPS, ResolveError, Resolver


async def test_a_name_whose_servers_are_silent_takes_one_thread_however_often_it_is_asked_for() -> None:
    silent, asked = threading.Event(), list[str]()

    def find(name: str) -> list[str]:
        asked.append(name)
        if name == "silent.example":
            silent.wait(30)
        return ["192.0.2.1"]

    resolver = Resolver(find)
    asking = [
        asyncio.create_task(resolver.resolve("silent.example", seconds=0.05)) for _ in range(2 * MAX_LOOKUPS)
    ]
    assert await resolver.resolve("good.example") == "192.0.2.1"
    for task in asking:
        with pytest.raises(ResolveError, match=r"no answer from the resolver in 0\.05 s"):
            await task
    assert sorted(asked) == ["good.example", "silent.example"]
    silent.set()
    assert await resolver.resolve("silent.example") == "192.0.2.1"


async def test_more_names_than_threads_wait_for_their_turn() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def find(name: str) -> list[str]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1
        return [name.replace("n", "192.0.2.")]

    resolver = Resolver(find)
    names = [f"n{number}" for number in range(3 * MAX_LOOKUPS)]
    found = await asyncio.gather(*(resolver.resolve(name) for name in names))
    assert found == [name.replace("n", "192.0.2.") for name in names]
    assert most <= MAX_LOOKUPS


async def test_an_error_that_nobody_waits_for_any_more_is_no_trouble() -> None:
    go = threading.Event()

    def find(_: str) -> list[str]:
        go.wait(30)
        raise OSError(2, "gone")

    resolver = Resolver(find)
    with pytest.raises(ResolveError):
        await resolver.resolve("gone.example", seconds=0.01)
    asked = asyncio.create_task(resolver.resolve("gone.example"))
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(ResolveError, match="gone"):
        await asked

"""Turns of a bounded number, shared between namespaces."""

import asyncio

from ipsecping_operator.fair_turns import FairTurns

from .virtual_time import run


def test_groups_take_turns_however_many_one_has_waiting() -> None:
    async def scenario() -> list[str]:
        turns, order = FairTurns(1), list[str]()

        async def work(group: str) -> None:
            async with turns.turn(group):
                order.append(group)
                await asyncio.sleep(1)

        await asyncio.gather(*map(work, ["a"] * 500 + ["b", "b", "c"]))
        return order

    assert "".join(run(scenario())) == "aabcab" + "a" * 497


def test_one_that_gives_up_waiting_takes_nobody_s_turn() -> None:
    async def scenario() -> None:
        turns, running, most = FairTurns(2), 0, 0

        async def work(group: str) -> None:
            nonlocal running, most
            async with turns.turn(group):
                running += 1
                most = max(most, running)
                await asyncio.sleep(1)
                running -= 1

        tasks = [asyncio.ensure_future(work(group)) for group in "aabbcc"]
        await asyncio.sleep(0.5)
        tasks[2].cancel()  # while it waits
        await asyncio.sleep(0.5)
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()  # some at the moment at which they are given the turn
        await asyncio.gather(*tasks, return_exceptions=True)
        running = 0
        await asyncio.gather(*(work("d") for _ in range(6)))
        assert most == 2
        assert asyncio.get_running_loop().time() == 4, "three times two: no turn was lost"

    run(scenario())

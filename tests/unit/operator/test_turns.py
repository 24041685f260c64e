"""Turns for diagnoses: nobody keeps others from theirs, and none is lost."""

import asyncio
import random
import time

from ipsecping_operator.diagnosis.turns import Turns

from .virtual_time import run


class Crowd:
    """Checks that want turns."""

    def __init__(self, number: int) -> None:
        self.turns = Turns(number)
        self.having: list[str] = []
        self.most = 0
        self.tasks: list[asyncio.Task[None]] = []

    def want(self, namespace: str, seconds: float = 10**6) -> asyncio.Task[None]:
        self.tasks.append(asyncio.create_task(self._have(namespace, seconds)))
        return self.tasks[-1]

    async def _have(self, namespace: str, seconds: float) -> None:
        async with self.turns.turn(namespace):
            self.having.append(namespace)
            self.most = max(self.most, len(self.having))
            try:
                await asyncio.sleep(seconds)
            finally:
                self.having.remove(namespace)


def test_a_namespace_whose_turns_never_end_keeps_no_other_from_one() -> None:
    async def scenario() -> None:
        crowd = Crowd(2)
        for _ in range(1000):
            crowd.want("rogue")
        await asyncio.sleep(1)
        assert crowd.having == ["rogue"]
        for _ in range(3):
            await asyncio.wait_for(crowd.want("honest", 20), 25)

    run(scenario())


def test_who_has_fewer_turns_is_first_though_others_wait_longer() -> None:
    async def scenario() -> None:
        crowd = Crowd(3)
        for _ in range(50):
            crowd.want("many", 20)
        crowd.want("busy")
        await asyncio.sleep(1)
        assert sorted(crowd.having) == ["busy", "many", "many"]
        crowd.want("new")
        await asyncio.sleep(20)
        assert "new" in crowd.having

    run(scenario())


def test_turns_are_all_there_again_whoever_is_cancelled_when() -> None:
    async def scenario() -> None:
        chance = random.Random(1)
        crowd = Crowd(4)
        for _ in range(300):
            crowd.want(chance.choice("abc"), chance.random())
            if chance.random() < 0.5:
                chance.choice(crowd.tasks).cancel()
            if chance.random() < 0.5:
                await asyncio.sleep(chance.choice((0, 0.1)))
        await asyncio.gather(*crowd.tasks, return_exceptions=True)
        assert crowd.most == 4
        crowd.tasks.clear()
        for namespace in "abcd":
            crowd.want(namespace)
        await asyncio.sleep(1)
        assert sorted(crowd.having) == list("abcd")

    run(scenario())


def test_a_crowd_of_one_namespace_costs_little() -> None:
    async def scenario() -> None:
        crowd = Crowd(6)
        for _ in range(20_000):
            crowd.want("crowd")
        before = time.process_time()
        await asyncio.sleep(0.001)
        assert time.process_time() - before < 5
        assert len(crowd.having) == 5
        for task in crowd.tasks:
            task.cancel()
        await asyncio.gather(*crowd.tasks, return_exceptions=True)

    run(scenario())

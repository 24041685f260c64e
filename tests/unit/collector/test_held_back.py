"""Trains of a diagnosis that the CPU limit held back, and sent in a burst, say nothing about the path."""

import asyncio
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from ipsecping.collector import packets, pauses
from ipsecping.collector.convert import Sample
from ipsecping.collector.packets import TrainRun
from ipsecping.collector.pauses import PausesRun
from ipsecping.collector.steps import PausesStep
from ipsecping.contract import Invalidity
from ipsecping.host.throttling import ThrottleWatch
from ipsecping.net.clocks import Clock

from ..cli.conftest import Reflector, reflector
from .test_pauses import step

__all__ = ["reflector"]


async def train(one: PausesStep) -> list[Sample]:
    return await TrainRun(one.train, Clock()).run()


async def burst(one: PausesStep) -> list[Sample]:
    return await PausesRun(PausesStep(train=one.train, pauses=(0,)), Clock()).run()


@pytest.mark.parametrize("run", [train, burst])
async def test_a_train_that_was_held_back_and_left_in_a_burst_does_not_count(
    run: Callable[[PausesStep], "asyncio.Future[list[Sample]]"],
    reflector: Reflector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = count()
    throttled = ThrottleWatch([Path("cpu.stat")], read=lambda _: f"throttled_time {next(seconds) * 10**9}\n")
    for module in (packets, pauses):
        monkeypatch.setattr(module, "own_throttling", lambda: throttled)
    asyncio.get_running_loop().call_later(0.01, time.sleep, 0.2)
    (sample,) = await run(step(reflector.stamp))
    assert len(sample.packets) == 3
    assert sample.invalid is Invalidity.CPU_THROTTLED

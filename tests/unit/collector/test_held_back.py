"""Trains of a diagnosis that the CPU limit held back, and sent in a burst, say nothing about the path."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

import pytest

from ipsecping.collector import packets, pauses
from ipsecping.collector.convert import Sample
from ipsecping.collector.packets import TrainRun
from ipsecping.collector.pauses import PausesRun
from ipsecping.collector.steps import Method, PausesStep, Train
from ipsecping.contract import Invalidity, ProbeType
from ipsecping.diagnosis import Part
from ipsecping.host.throttling import ThrottleWatch
from ipsecping.net.clocks import Clock

from ..cli.conftest import Reflector, reflector

__all__ = ["reflector"]


async def alone(train: Train) -> list[Sample]:
    return await TrainRun(train, Clock()).run()


async def after_a_pause(train: Train) -> list[Sample]:
    return await PausesRun(PausesStep(train=train, pauses=(0,)), Clock()).run()


@pytest.mark.parametrize("run", [alone, after_a_pause])
async def test_a_train_that_was_held_back_and_left_in_a_burst_does_not_count(
    run: Callable[[Train], Awaitable[list[Sample]]],
    reflector: Reflector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = count()
    throttled = ThrottleWatch([Path("cpu.stat")], read=lambda _: f"throttled_time {next(seconds) * 10**9}\n")
    for module in (packets, pauses):
        monkeypatch.setattr(module, "own_throttling", lambda: throttled)
    asyncio.get_running_loop().call_later(0.01, time.sleep, 0.2)
    method = Method(type=ProbeType.STAMP, port=reflector.stamp)
    train = Train(
        part=Part.IDLE,
        method=method,
        address="127.0.0.1",
        count=3,
        spacing_ms=20,
        payload=80,
        timeout_ms=2000,
    )
    (sample,) = await run(train)
    assert len(sample.packets) == 3
    assert sample.invalid is Invalidity.CPU_THROTTLED

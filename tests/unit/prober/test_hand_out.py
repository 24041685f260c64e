"""A fault of ours in a figure ends in an invalid round, in the agent's stream as in `ipsecping run`."""

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ipsecping.agent.agent import Agent
from ipsecping.agent.plan_file import read_plan
from ipsecping.agent.ring import Ring
from ipsecping.cli.run import measure
from ipsecping.contract import (
    ContractError,
    Invalidity,
    LossReason,
    Plan,
    PlannedCheck,
    ProbeType,
    RoundResult,
)
from ipsecping.contract.result_stream import Item, read_line
from ipsecping.rounds import prober, unmeasured

from ...plans import check_of
from .far_ends import probe

PROBE = probe(ProbeType.UDP_ECHO, port=7)


def broken(check: PlannedCheck) -> RoundResult:
    """More came back than was sent."""
    good = unmeasured.unmeasured(check, check.probes[0], time.time_ns(), lost=LossReason.TIMEOUT)
    return replace(good, received=2_000_000)


class Broken:
    """Stands for a prober that counts wrongly."""

    def __init__(self, *_: Any) -> None:
        pass

    def round(self, check: PlannedCheck, *, start: int = 0) -> "asyncio.Future[list[RoundResult]]":
        made: asyncio.Future[list[RoundResult]] = asyncio.get_running_loop().create_future()
        made.set_result([broken(check)])
        return made

    def close(self) -> None:
        pass


async def test_an_agent_streams_an_invalid_round_and_observers_see_the_same() -> None:
    ring, seen = Ring(boot_id="b", pod_uid=None), list[RoundResult]()
    agent = Agent(ring, Broken, observers=[lambda _, result: seen.append(result)])
    check = check_of(PROBE, interval_ms=60_000)
    await agent.apply(Plan(checks=(replace(check, run_now="now"),)))
    stream = ring.follow(None)
    await anext(stream)
    line = read_line((await anext(stream)).rstrip(b"\n"))
    await stream.aclose()
    await agent.stop(grace=1)
    assert isinstance(line, Item)
    assert (line.result.invalid, line.result.sent, line.result.run_now) == (
        Invalidity.RESULT_REFUSED,
        0,
        "now",
    )
    assert seen == [line.result]
    assert agent.invalid[Invalidity.RESULT_REFUSED] == 1


async def test_a_run_tells_an_invalid_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prober, "PathProber", Broken)
    (result,) = await measure(Plan(checks=(check_of(PROBE),)))
    assert result.invalid is Invalidity.RESULT_REFUSED


@pytest.mark.parametrize(("set_by", "longest"), [(-(10**18), 0), (10**18, 12)])
def test_a_clock_that_is_set_makes_no_round_longer_than_it_can_be(
    set_by: int, longest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: began + set_by)
    check = check_of(replace(PROBE, count=1, timeout_ms=2000))
    result = unmeasured.unmeasured(check, check.probes[0], began, lost=LossReason.TIMEOUT)
    assert result.duration == longest * 10**9


def test_a_plan_file_in_two_minds_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps({"version": 1, "checks": []})[:-1] + ', "checks": []}')
    with pytest.raises(ContractError, match=r"plan\.json: 'checks' stands twice"):
        read_plan(file)

"""Paths whose answers take longer than a second, as over satellites: what a diagnosis waits for."""

import asyncio
import socket
from contextlib import ExitStack
from dataclasses import replace
from typing import cast

import pytest

from ipsecping.collector.plan import FIRST_MS, MTU_TURNS, RESERVE, next_stage
from ipsecping.collector.searches import MtuSearchRun, TraceRun
from ipsecping.collector.steps import (
    MAX_TIME,
    MTU_PACKETS,
    MTU_TIME,
    SECOND,
    Asked,
    Method,
    MtuStep,
    Stage,
    StageName,
    TraceStep,
    Train,
)
from ipsecping.contract import ProbeType
from ipsecping.contract.trace import TraceEnd
from ipsecping.diagnosis.evidence import Batch, Evidence, PathMtuFound
from ipsecping.probes import mtu_run

TARGET = "10.50.1.10"
ASKED = Asked(
    host=TARGET, methods=(Method(type=ProbeType.STAMP, port=862), Method(type=ProbeType.TCP, port=443))
)
NOTHING = Evidence(at=0, path="default", target=TARGET, address=TARGET)


def first_look() -> Stage:
    stage = next_stage(ASKED, NOTHING, [], sent=0, elapsed=0)
    assert stage is not None
    return stage


def known_after(look: Stage, *, rtt: int, share: float = 1.0) -> Evidence:
    """The evidence of a first look whose packets were answered after `rtt`, but for some of one method."""
    batches = [
        Batch(
            part=step.part, type=step.method.type, address=TARGET, window=1, at=0, size=step.size,
            spacing=step.spacing_ms * 1_000_000, dscp=0, sent=step.count, answered=int(step.count * share),
            rtt_min=rtt, rtt_p50=rtt, rtt_p90=rtt,
        )
        for step in look.steps
        if isinstance(step, Train) and step.flows == 1
    ]  # fmt: skip
    return replace(NOTHING, batches=tuple(batches))


def test_the_first_look_s_traces_and_searches_wait_as_long_as_its_packets() -> None:
    waits = {step.timeout_ms for step in first_look().steps if isinstance(step, Train | TraceStep | MtuStep)}
    assert waits == {FIRST_MS}


def test_a_search_that_slow_answers_left_open_goes_on_for_as_many_round_trips_as_it_needs() -> None:
    look, rtt = first_look(), 900_000_000
    known = known_after(look, rtt=rtt)
    stage = next_stage(ASKED, known, [look.name], sent=200, elapsed=7 * SECOND)
    assert stage is not None
    (step,) = stage.steps
    assert isinstance(step, MtuStep)
    assert (stage.name, step.timeout_ms, step.within) == (StageName.SIZES, 1800, MTU_TURNS * rtt)
    found = replace(known, path_mtu=PathMtuFound(forward=1500, reverse=None))
    assert next_stage(ASKED, found, [look.name], sent=200, elapsed=7 * SECOND) is None
    quick = known_after(look, rtt=20_000_000)
    assert next_stage(ASKED, quick, [look.name], sent=200, elapsed=7 * SECOND) is None


@pytest.mark.parametrize("share", [1.0, 0.9])
@pytest.mark.parametrize("rtt", [300_000_000, 1_200_000_000, 2_400_000_000])
@pytest.mark.parametrize("elapsed", [6 * SECOND, 15 * SECOND, 24 * SECOND])
def test_however_slow_a_path_is_its_diagnosis_ends_in_time(share: float, rtt: int, elapsed: int) -> None:
    look = first_look()
    known, done = known_after(look, rtt=rtt, share=share), [look.name]
    while (stage := next_stage(ASKED, known, done, sent=200, elapsed=elapsed)) is not None:
        elapsed = max(elapsed, stage.not_before) + stage.time
        assert elapsed <= MAX_TIME - RESERVE
        done.append(stage.name)
    if share < 1 and elapsed < MAX_TIME - RESERVE - MTU_TIME:
        assert StageName.CONFIRM in done


async def test_the_path_mtu_is_found_where_each_answer_takes_longer_than_a_second() -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(_LateEcho, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    try:
        method = Method(type=ProbeType.UDP_ECHO, port=port)
        found = await MtuSearchRun(MtuStep(method=method, address="127.0.0.1", timeout_ms=FIRST_MS)).run()
    finally:
        transport.close()
    assert found is not None
    assert found.forward == 1500


async def test_a_black_hole_is_found_in_few_round_trips_where_they_are_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mtu_run, "SLOW", 5_000_000)
    loop, turns = asyncio.get_running_loop(), list[float]()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _LateEcho(delay=0.05, most=1300, turns=turns), local_addr=("127.0.0.1", 0)
    )
    try:
        method = Method(type=ProbeType.UDP_ECHO, port=transport.get_extra_info("sockname")[1])
        run = MtuSearchRun(MtuStep(method=method, address="127.0.0.1"))
        found = await run.run()
    finally:
        transport.close()
    assert found == PathMtuFound(forward=1300, reverse=None, forward_told=False)
    assert run.packets_sent <= MTU_PACKETS
    assert len(turns) <= MTU_TURNS


class _LateEcho(asyncio.DatagramProtocol):
    """Answers after 1.1 s, or another delay, what is not larger than a packet may be."""

    def __init__(self, *, delay: float = 1.1, most: int = 65_535, turns: list[float] | None = None) -> None:
        self._delay, self._most, self._turns = delay, most, turns

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        if self._turns is not None and (not self._turns or loop.time() - self._turns[-1] > self._delay):
            self._turns.append(loop.time())
        if len(data) + 28 <= self._most:
            loop.call_later(self._delay, self._transport.sendto, data, address)


async def test_a_connection_that_opens_after_more_than_a_second_is_the_end_of_the_trace() -> None:
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address = server.getsockname()
        stack.enter_context(
            socket.create_connection(address)
        )  # fills the queue: the kernel drops further SYNs
        asyncio.get_running_loop().call_later(0.5, lambda: stack.enter_context(server.accept()[0]))
        method = Method(type=ProbeType.TCP, port=address[1])
        run = TraceRun(TraceStep(method=method, address="127.0.0.1", timeout_ms=FIRST_MS), "127.0.0.1")
        trace = await run.run()
    assert trace.end is TraceEnd.REACHED

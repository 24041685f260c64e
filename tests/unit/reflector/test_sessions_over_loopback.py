"""STAMP sessions with reflectors on loopback: sources, rounds side by side and cancelled, and TWAMP Light."""

import asyncio
import gc
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ipsecping.host.key_file import KeyFile
from ipsecping.measure.packet import Packet
from ipsecping.net.clocks import Clock
from ipsecping.net.resolve import Resolver
from ipsecping.reflector.keys import KeyRing
from ipsecping.rounds.prober import PathProber
from ipsecping.rounds.round_driver import RoundDriver
from ipsecping.rounds.round_machine import RoundMachine

from ...peers.processes import PATIENCE
from ...result_figures import sources_of
from .sessions import (
    LOOPBACK,
    OLD,
    check_with,
    exchange,
    foreign_reflector,
    one_round,
    planned,
    reflect_twamp,
    reflector,
    session_with,
    write_keys,
)


@pytest.mark.parametrize("size", [160, 163, 500])
@pytest.mark.parametrize("signed", [False, True], ids=["unauthenticated", "authenticated"])
async def test_the_result_names_the_source_that_the_reflector_saw(
    tmp_path: Path, signed: bool, size: int
) -> None:
    keys = tmp_path / "stamp.keys"
    write_keys(keys, OLD)
    async with reflector(KeyRing(KeyFile(keys)) if signed else None) as listener:
        probe = planned(listener.port, keys if signed else None, size=size, ask_source=True)
        result = await one_round(probe)
    assert (result.received, sources_of(result)) == (3, {LOOPBACK: 3})
    assert listener.counters.octets_answered == listener.counters.octets_received == 3 * size


async def test_a_round_that_is_over_leaves_nothing_for_the_garbage_collector() -> None:
    def alive() -> list[object]:
        return [each for each in gc.get_objects() if isinstance(each, Packet | RoundDriver | RoundMachine)]

    before = len(alive())  # of other tests
    gc.disable()
    try:
        async with reflector(None) as listener:
            result = await one_round(planned(listener.port))
        left = len(alive()) - before
    finally:
        gc.enable()
    assert (result.sent, left) == (3, 0)


async def test_a_round_that_is_begun_ahead_sends_nothing_before_its_start() -> None:
    came = list[int]()

    def answer(request: bytes, count: int) -> bytes:
        came.append(time.monotonic_ns())
        return reflect_twamp(request, count, size=44)

    with foreign_reflector(answer) as port:
        start, ahead = time.monotonic_ns() + 50_000_000, time.time_ns()
        result = await one_round(planned(port, size=44), start=start)
    assert result.received == 3
    assert came[0] >= start
    assert result.started_at > ahead


async def test_rounds_that_overlap_share_a_session_and_each_has_its_own_packets() -> None:
    prober = PathProber(Clock(), Resolver())
    async with reflector(None) as listener:
        check = check_with(replace(planned(listener.port), count=5, spacing_ms=10))
        rounds = await asyncio.gather(*(prober.round(check) for _ in range(3)))
        prober.close()
    figures = [(r.sent, r.received, r.duplicates, r.reordered, r.forward_lost) for (r,) in rounds]
    assert figures == [(5, 5, 0, 0, 0)] * 3


async def test_a_round_that_is_cancelled_sends_no_more_and_does_not_hold_the_session() -> None:
    came = 0

    def answer(request: bytes, count: int) -> bytes:
        nonlocal came
        came += 1
        return reflect_twamp(request, count, size=44)

    prober = PathProber(Clock(), Resolver())
    with foreign_reflector(answer) as port:
        round_ = prober.round(check_with(replace(planned(port, size=44), count=1000, spacing_ms=2)))
        async with asyncio.timeout(PATIENCE):
            while came < 3:
                await asyncio.sleep(0.001)
        round_.cancel()
        with pytest.raises(asyncio.CancelledError):
            await round_
        prober.close()
        await asyncio.sleep(0.02)
        before = came
        await asyncio.sleep(0.05)
        assert came == before
    again = prober.round(check_with(planned(port, size=44)))
    assert (await again)[0].received == 0, "nobody answers any more, but a round can begin"


async def test_of_a_reflector_that_keeps_addresses_to_itself_no_source_is_known() -> None:
    async with reflector(None, tell_location=False) as listener:
        result = await one_round(planned(listener.port, ask_source=True))
    assert (result.received, sources_of(result)) == (3, {})


async def test_nothing_is_asked_unless_it_is_wanted() -> None:
    async with reflector(None) as listener:
        result = await one_round(planned(listener.port))
    assert (result.received, sources_of(result)) == (3, {})


@pytest.mark.parametrize("size", [41, 44, 200])
@pytest.mark.parametrize("stateful", [True, False])
async def test_twamp_light_reflectors_are_understood_whatever_the_length_of_their_answers(
    size: int, stateful: bool
) -> None:
    def answer(request: bytes, count: int) -> bytes:
        number = count if stateful else int.from_bytes(request[:4], "big")
        return reflect_twamp(request, number, size=size)

    with foreign_reflector(answer) as port, session_with(planned(port, size=60)) as session:
        packets = await exchange(session, 3)
        assert all(packet.answered for packet in packets)
        assert session.ledger.stateful == stateful


async def test_each_session_has_a_port_and_an_ssid_of_its_own() -> None:
    seen: list[bytes] = []

    def answer(request: bytes, count: int) -> bytes:
        seen.append(request)
        return reflect_twamp(request, count, size=44)

    with foreign_reflector(answer) as port:
        for _ in range(4):
            with session_with(planned(port, size=44)) as session:
                await exchange(session, 2)
    ssids = [int.from_bytes(data[14:16], "big") for data in seen]
    assert ssids[::2] == ssids[1::2]
    assert 0 not in ssids
    assert len(set(ssids)) > 1

"""Long texts are written in timeslices, and the event loop gets its turn between them."""

import asyncio
from collections.abc import Iterator

import pytest

from ipsecping.agent import timeslice
from ipsecping.agent.timeslice import written

from ...peers.processes import PATIENCE

BITS = 50


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Timeslices end after each bit."""
    monkeypatch.setattr(timeslice, "MAX_TIMESLICE", -1)


class Loop:
    """Counts its turns."""

    def __init__(self) -> None:
        self.turns = 0
        self._tick()

    def _tick(self) -> None:
        self.turns += 1
        asyncio.get_running_loop().call_soon(self._tick)


def text(of: Loop, made: list[int]) -> Iterator[str]:
    """Notes in which turn of the loop each bit is made."""
    for number in range(BITS):
        made.append(of.turns)
        yield f"{number}\n"


async def whole(bits: Iterator[str], turn: asyncio.Lock) -> bytes:
    return b"".join([piece async for piece in written(bits, turn)])


@pytest.mark.usefixtures("short")
async def test_others_have_their_turn_after_each_timeslice() -> None:
    loop, made = Loop(), list[int]()
    said = await whole(text(loop, made), asyncio.Lock())
    assert said.decode().splitlines() == [str(number) for number in range(BITS)]
    assert len(set(made)) == BITS


@pytest.mark.usefixtures("short")
async def test_many_texts_at_once_take_no_more_of_a_turn_than_one_and_are_all_whole() -> None:
    loop, made, turn = Loop(), list[int](), asyncio.Lock()
    async with asyncio.timeout(PATIENCE):
        said = await asyncio.gather(*(whole(text(loop, made), turn) for _ in range(16)))
    assert set(said) == {"".join(f"{number}\n" for number in range(BITS)).encode()}
    assert len(set(made)) == len(made) == 16 * BITS


@pytest.mark.usefixtures("short")
async def test_a_reader_that_takes_nothing_holds_up_no_other() -> None:
    loop, turn = Loop(), asyncio.Lock()
    slow = written(text(loop, []), turn)
    await anext(slow)
    async with asyncio.timeout(PATIENCE):
        assert await whole(text(loop, []), turn)
    await slow.aclose()


async def test_short_bits_are_joined_and_empty_ones_end_nothing() -> None:
    pieces = [piece async for piece in written(iter(["", "a", "", "b"]), asyncio.Lock())]
    assert b"".join(pieces) == b"ab"
    assert all(pieces)

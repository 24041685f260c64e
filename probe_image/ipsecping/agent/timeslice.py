"""Does long work in short timeslices: packets that are due meanwhile do not wait for its end."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable, Iterator

MAX_TIMESLICE = 1_000_000
"""So long (nanoseconds) is worked before the event loop has a turn: packets due meanwhile leave late."""


class Yielder:
    """Yields to the event loop once a timeslice is over."""

    def __init__(self) -> None:
        self._since = time.monotonic_ns()

    async def maybe_yield(self) -> None:
        """Return at once within a timeslice, and else after a turn of the event loop."""
        if time.monotonic_ns() - self._since > MAX_TIMESLICE:
            await asyncio.sleep(0)
            self._since = time.monotonic_ns()


async def written(bits: Iterable[str], turn: asyncio.Lock) -> AsyncGenerator[bytes, None]:
    """Yield the bits of a text, joined as far as they are made in one timeslice.

    Texts that share `turn` share the timeslices too: many of them delay a packet no more than one does.
    """
    rest = iter(bits)
    while True:
        async with turn:
            made = _one_timeslice(rest)
            await asyncio.sleep(0)
        if not made:
            return
        if piece := "".join(made):
            yield piece.encode()


def _one_timeslice(bits: Iterator[str]) -> list[str]:
    """At least one bit, unless there is none left."""
    since, made = time.monotonic_ns(), []
    for bit in bits:
        made.append(bit)
        if time.monotonic_ns() - since > MAX_TIMESLICE:
            break
    return made

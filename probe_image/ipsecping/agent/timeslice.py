"""Long work in short stretches: packets that are due meanwhile do not wait for its end."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable, Iterator

MAX_STRETCH = 1_000_000
"""For so long (nanoseconds) work goes on in one go: packets that are due meanwhile leave late."""


class Breath:
    """Gives way to what is due in the event loop, time and again."""

    def __init__(self) -> None:
        self._since = time.monotonic_ns()

    async def taken(self) -> None:
        """Go on at once, or after the others had their turn when the last time is long ago."""
        if time.monotonic_ns() - self._since > MAX_STRETCH:
            await asyncio.sleep(0)
            self._since = time.monotonic_ns()


async def written(bits: Iterable[str], turn: asyncio.Lock) -> AsyncGenerator[bytes, None]:
    """The bits of a text, joined as far as they are made in one stretch.

    Texts that share `turn` share the stretches too: many of them delay a packet no more than one does.
    """
    rest = iter(bits)
    while True:
        async with turn:
            made = _one_stretch(rest)
            await asyncio.sleep(0)
        if not made:
            return
        if piece := "".join(made):
            yield piece.encode()


def _one_stretch(bits: Iterator[str]) -> list[str]:
    """At least one bit, unless there is none left."""
    since, made = time.monotonic_ns(), []
    for bit in bits:
        made.append(bit)
        if time.monotonic_ns() - since > MAX_STRETCH:
            break
    return made

"""The text of `/metrics`, made once for all who ask for it within a while, and kept compressed.

So neither time nor memory depends on how many ask: at most a fifth of the event loop's time goes into it, in
stretches of a few milliseconds, and a fleet's megabytes take a fraction of their size.
"""

import asyncio
import time
import zlib
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence

from prometheus_client.registry import Collector

from .exposition import pieces

LEAST_FRESH = 0.2
"""Seconds that a text is handed out for, from when it is made ..."""
REST = 4
"""... or so many times the time that it took to make it, if that is longer."""
MAX_TEXT = 16_384
"""Bytes of text that are unpacked at once."""
_GZIP = 16 + zlib.MAX_WBITS
_LEVEL = 1


class CachedExposition:
    """The families of a registry as one gzip stream (RFC 1952). Belongs to one event loop."""

    def __init__(
        self,
        registry: Collector,
        *,
        before: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`before` is called whenever the text is made; `clock` gives monotonic seconds."""
        self._registry = registry
        self._before = before
        self._clock = clock
        self._made: tuple[bytes, ...] = ()
        self._fresh_until = float("-inf")
        self._making: asyncio.Task[tuple[bytes, ...]] | None = None

    async def pieces(self) -> tuple[bytes, ...]:
        """Return the stream in pieces of some kilobytes. Raises what a collector raises."""
        if self._clock() < self._fresh_until:
            return self._made
        if self._making is None:
            self._making = asyncio.create_task(self._make(), name="exposition")
            self._making.add_done_callback(self._done)
        # Who asks may go meanwhile; the others wait for the same text.
        return await asyncio.shield(self._making)

    async def _make(self) -> tuple[bytes, ...]:
        began = self._clock()
        self._before()
        packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        made = []
        for piece in pieces(self._registry):
            if packed := packer.compress(piece):
                made.append(packed)
            await asyncio.sleep(0)
        made.append(packer.flush())
        ended = self._clock()
        self._fresh_until = ended + max(LEAST_FRESH, REST * (ended - began))
        return tuple(made)

    def _done(self, task: asyncio.Task[tuple[bytes, ...]]) -> None:
        self._making = None
        if not task.cancelled() and task.exception() is None:
            self._made = task.result()


async def handed_out(
    packed: Sequence[bytes], turn: asyncio.Lock, *, gzip: bool
) -> AsyncGenerator[bytes, None]:
    """Yield the stream for a client that takes gzip, or else the text itself.

    Of all who share `turn` one gets a piece in a turn of the event loop: many hold it no longer than one.
    """
    pieces = iter(packed) if gzip else _inflated(packed)
    while True:
        async with turn:
            piece = next(pieces, None)
            await asyncio.sleep(0)
        if piece is None:
            return
        yield piece


def _inflated(packed: Sequence[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(_GZIP)
    for piece in packed:
        rest = piece
        while rest:
            if text := unpacker.decompress(rest, MAX_TEXT):
                yield text
            rest = unpacker.unconsumed_tail
    if text := unpacker.flush():
        yield text

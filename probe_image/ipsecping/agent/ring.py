"""The bounded ring of results that readers follow, each at its own cursor."""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import suppress

from ..contract import RoundResult
from ..contract.result_stream import HEARTBEAT_SECONDS, Cursor, Heartbeat, Hello, Item, line_to_json

DEFAULT_CAPACITY = 8 * 1024 * 1024
MAX_LINES = 64
"""Lines that a reader gets at once: one after the other, it could not keep up with thousands of paths."""
LONGEST_HELD = 60_000_000_000
"""Nanoseconds: a result does not wait longer for those of the other probes of its round."""


def steady_clock() -> int:
    """Nanoseconds; runs on while the machine sleeps, and is never set."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Ring:
    """Results in order of sequence, encoded once, at most `capacity` bytes: the oldest make room.

    Belongs to one event loop.
    """

    def __init__(
        self,
        *,
        boot_id: str,
        pod_uid: str | None,
        capacity: int = DEFAULT_CAPACITY,
        steady: Callable[[], int] = steady_clock,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        self.boot_id = boot_id
        self.pod_uid = pod_uid
        self._steady = steady
        self._wall = wall
        self._capacity = capacity
        self._lines: deque[bytes] = deque()
        self._octets = 0
        self._last = 0
        self._closed = False
        self._news = asyncio.Event()

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def octets(self) -> int:
        """Memory that the held results take as text."""
        return self._octets

    @property
    def last(self) -> int:
        """Sequence of the newest result; 0 before the first."""
        return self._last

    @property
    def dropped(self) -> int:
        """How many results have made room for newer ones."""
        return self._last - len(self._lines)

    def append(self, result: RoundResult) -> None:
        """Add a result and wake the readers."""
        self._last += 1
        held = min(max(self._wall() - result.started_at - result.duration, 0), LONGEST_HELD)
        line = encode(Item(sequence=self._last, ended=self._steady() - held, result=result))
        self._lines.append(line)
        self._octets += len(line)
        while self._octets > self._capacity and len(self._lines) > 1:
            self._octets -= len(self._lines.popleft())
        self._news.set()

    def newest_first(self) -> Iterator[bytes]:
        """The lines that are held now."""
        return reversed(list(self._lines))

    def begun_at(self, item: Item) -> int:
        """When the round of an item of this ring began, Unix nanoseconds by the wall clock as it is now set.

        Results say what it showed then; where it was set in between, they cannot be put in a row.
        """
        return max(self._wall() - self._steady() + item.ended - item.result.duration, 0)

    def close(self) -> None:
        """No more results will come: readers get what is left, then their streams end."""
        self._closed = True
        self._news.set()

    async def follow(self, after: Cursor | None) -> AsyncGenerator[bytes, None]:
        """Lines for one reader: Hello, what it has not seen, then each new result; Heartbeats in between.

        What is there is handed out together, at most `MAX_LINES`.
        """
        seen = after.sequence if after is not None and after.boot_id == self.boot_id else 0
        seen = max(min(seen, self._last), self.dropped)
        yield encode(Hello(boot_id=self.boot_id, pod_uid=self.pod_uid, now=self._steady(), first=seen + 1))
        while True:
            if seen < self._last:
                # A reader slower than the ring sees a gap in the sequence, and so do we.
                seen = max(seen, self.dropped)
                first = seen - self.dropped
                lines = [self._lines[i] for i in range(first, min(first + MAX_LINES, len(self._lines)))]
                seen += len(lines)
                yield b"".join(lines)
            elif self._closed:
                return
            else:
                self._news.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        await self._news.wait()
                    continue
                yield encode(Heartbeat(now=self._steady()))


def encode(line: Hello | Item | Heartbeat) -> bytes:
    """One line of the stream, with its line feed."""
    return _to_text(line_to_json(line)).encode() + b"\n"


_to_text = json.JSONEncoder(separators=(",", ":")).encode

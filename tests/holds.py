"""How long the event loop is held at once, in CPU time of its thread: what others take of the machine is none
of the loop's fault."""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

LIMIT_MS = 20.0
"""So long nothing that comes from the network may hold an agent's or a reflector's event loop."""


@dataclass(slots=True)
class Holds:
    """The longest hold, and by what."""

    longest_ms: float = 0.0
    what: str = ""


@contextmanager
def measured() -> Iterator[Holds]:
    """Measure each call that any event loop of this process makes, from now on."""
    found = Holds()
    original = asyncio.Handle._run

    def run(handle: asyncio.Handle) -> None:
        before = time.thread_time_ns()
        original(handle)
        taken = (time.thread_time_ns() - before) / 1e6
        if taken > found.longest_ms:
            found.longest_ms, found.what = taken, repr(handle)

    gc.collect()
    gc.freeze()  # as an agent does it: what the tests themselves hold is not looked through
    asyncio.Handle._run = run  # type: ignore[assignment, method-assign]
    try:
        yield found
    finally:
        asyncio.Handle._run = original  # type: ignore[method-assign]
        gc.unfreeze()

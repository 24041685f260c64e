"""What the interpreter and the C library do about memory, for a process that lives long and holds much."""

import asyncio
import ctypes
import gc

GC_THRESHOLD = 10_000
"""More objects than at the last search for cycles, and the next one begins.

Python's own (700) takes a tenth of the operator's time while a fleet is applied.
"""
HAND_BACK_SECONDS = 20.0


def spare_collector() -> None:
    """What was imported stays, and is not looked through again; of the rest little is in cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)


async def hand_back() -> None:
    """Now and then give the system what glibc keeps of freed memory, for its heap shrinks at its end only.

    Never returns; other C libraries do so by themselves.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    while True:
        await asyncio.sleep(HAND_BACK_SECONDS)
        if trim is not None:
            trim(0)

"""An event loop in a thread of its own: for what goes on beside a test that is not asynchronous itself."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Background:
    """Runs coroutines until `close`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="background")
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, T], *, seconds: float = 60) -> T:
        """Run it to its end; what it returns or raises."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Have it run on; what it raises shows in `close`."""
        self.do(self._spawn(work))

    async def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(asyncio.create_task(work))

    def close(self) -> None:
        """Cancel what runs, and end the thread. Raises what a spawned coroutine died of."""
        try:
            self.do(self._cancel())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

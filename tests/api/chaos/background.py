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
        """Have it run on; what it raises shows in `end_spawned`."""
        self.do(self._spawn(work))

    async def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(asyncio.create_task(work))

    def end_spawned(self) -> None:
        """Cancel what runs. Raises what a spawned coroutine died of."""
        self.do(self._cancel())

    def close(self) -> None:
        """The same, and end the thread."""
        try:
            self.end_spawned()
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    async def _cancel(self) -> None:
        tasks, self._tasks = self._tasks, set()
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

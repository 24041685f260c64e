"""An event loop whose clock jumps to the next timer instead of waiting for it."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    jumped = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("nothing will ever happen: the test waits for itself")
            self.jumped += timeout
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumps = _Selector()
        super().__init__(self._jumps)

    def time(self) -> float:
        return self._jumps.jumped

    def stand_still(self, seconds: float) -> None:
        """Let time pass in which nothing runs."""
        self._jumps.jumped += seconds


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; hours of timers pass in no time. For code without sockets and threads."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)

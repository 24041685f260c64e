"""Runs a trace in real time: asks its machine what is to be done, and does it."""

import asyncio
import time
from collections.abc import Callable

from .machine import Heard, Step, TraceMachine
from .sockets import Probes


class TraceDriver:
    """Drives one machine. Belongs to one event loop."""

    def __init__(self, machine: TraceMachine) -> None:
        self.machine = machine
        self._woken = asyncio.Event()

    def hear(self, heard: Heard | None) -> None:
        """See `sockets.Hear`."""
        if heard is None:
            self.machine.ignore()
        else:
            self.machine.heard(heard)
            self._woken.set()

    def stop(self) -> None:
        """Break the trace off; it ends at once."""
        self.machine.stop()
        self._woken.set()

    async def run(self, probes: Probes, progressed: Callable[[int], None]) -> None:
        """Until all is known; `progressed` is told the time at each step. Raises OSError: not sent."""
        while True:
            now = time.monotonic_ns()
            progressed(now)
            step = self.machine.next(now)
            if step is Step.OVER:
                return
            if step is Step.SEND:
                probes.send(self.machine.packet)
                self.machine.sent(now)
                await asyncio.sleep(0)  # what has come in is heard first: it may have been the target
                continue
            self._woken.clear()
            try:
                async with asyncio.timeout((self.machine.due - now) / 1e9):
                    await self._woken.wait()
            except TimeoutError:
                continue

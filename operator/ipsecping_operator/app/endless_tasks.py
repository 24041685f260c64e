"""Tasks that run for as long as the operator does: that one ends is a fault, and makes it unhealthy."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from ipsecping_operator.fault_types import Where
from ipsecping_operator.metrics.health import Health
from ipsecping_operator.metrics.operator import OperatorMetrics

_log = logging.getLogger(__name__)


class EndlessTasks:
    """A group of such tasks, which is closed as a whole."""

    def __init__(self, *, metrics: OperatorMetrics, health: Health) -> None:
        self._metrics = metrics
        self._health = health
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run this until `close`."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    async def close(self) -> None:
        """Cancel all and wait for their ends."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Note a task that ended before it was told to: only a restart brings it back."""
        if self._closing:
            return
        error = None if task.cancelled() else task.exception()
        self._metrics.fault(Where.TASK)
        _log.error("the task %s ended: a fault of the operator", task.get_name(), exc_info=error)
        self._health.ended = task.get_name()

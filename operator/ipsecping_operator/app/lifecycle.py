"""The process of the operator: from its start to SIGTERM."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

import kopf

from ipsecping_operator import memory
from ipsecping_operator.settings import Settings

from . import handlers
from .operator import Operator


async def run(settings: Settings) -> None:
    """Run the operator until SIGTERM or SIGINT. Raises AccessError and CannotListen."""
    memory.spare_collector()
    operator, stop = Operator(settings), _stop_signal()
    asyncio.get_running_loop().set_exception_handler(operator.stray)
    try:
        await operator.serve()
        if await _done_before(stop, operator.prepare()):
            await kopf.operator(
                registry=handlers.registry(operator),
                settings=handlers.settings(),
                standalone=True,
                clusterwide=not settings.namespaces,
                namespaces=settings.namespaces,
                stop_flag=stop,
            )
    finally:
        await operator.close()


def _stop_signal() -> asyncio.Event:
    """Make an event that SIGTERM and SIGINT set, until Kopf replaces these handlers by its own.

    The first process of a container ignores signals that it has no handler for.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _done_before(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Return whether the work was done before the event was set. Raises what the work raises."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if stop.is_set():
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        return False
    await working
    return True

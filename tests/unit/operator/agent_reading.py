"""A reader of an agent's results on a loopback socket, and what came of it."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ipsecping.contract import RoundResult
from ipsecping.contract.result_stream import Hello, Item, line_to_json
from ipsecping_operator.backoff import Backoff
from ipsecping_operator.check.rejection import Rejection
from ipsecping_operator.check.unreadable import Unreadable
from ipsecping_operator.collect.result_reader import Agent, ResultReader

from ...peers.processes import PATIENCE
from .agent_server import LOG, POD_UID, Script, Send, encoded, serving
from .builders import NOON, SECOND, result

HELLO = encoded(Hello(boot_id="b", pod_uid=POD_UID, now=NOON, first=1))


class Followed:
    """What a reader delivered and rejected."""

    def __init__(self) -> None:
        self.results: list[tuple[RoundResult, int]] = []
        self.rejected: dict[Rejection, int] = {}
        self.troubles: list[Unreadable | None] = []
        self._news = asyncio.Event()
        self.reader: ResultReader
        self.reading: asyncio.Task[None]

    def deliver(self, given: RoundResult, start: int) -> None:
        self.results.append((given, start))
        self._news.set()

    def reject(self, reason: Rejection, count: int) -> None:
        self.rejected[reason] = self.rejected.get(reason, 0) + count
        self._news.set()

    def tell(self, trouble: Unreadable | None) -> None:
        self.troubles.append(trouble)
        self._news.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not holds():
                self._news.clear()
                await self._news.wait()

    @property
    def order(self) -> list[int]:
        return [given.started_at for given, _ in self.results]


@asynccontextmanager
async def following(
    script: Script,
    *,
    pod_uid: str = POD_UID,
    silence: float = 25.0,
    clock: int = NOON + 3600 * SECOND,
    first_pause: float = 0.01,
    wanted: Sequence[str] = (),
    shown: Sequence[str] = (),
    grace: float = 3600,
) -> AsyncIterator[Followed]:
    followed = Followed()
    async with serving(script, tokens=wanted) as port:
        reader = followed.reader = ResultReader(
            Agent(pod_uid=pod_uid, pod="probe-1", address="127.0.0.1", port=port),
            deliver=followed.deliver,
            reject=followed.reject,
            log=LOG,
            clock=lambda: clock,
            tokens=shown,
            tell=followed.tell,
            silence=silence,
            backoff=Backoff(first=first_pause, longest=3600.0),
            grace=grace,
        )
        task = followed.reading = asyncio.create_task(reader.run())
        try:
            yield followed
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def rounds(count: int) -> list[RoundResult]:
    return [result(at=NOON + index * 30 * SECOND) for index in range(count)]


def item(sequence: int, **changed: Any) -> bytes:
    """A line of the stream, with wrong fields in its result."""
    line = line_to_json(Item(sequence=sequence, ended=NOON, result=result(at=NOON + sequence)))
    line["result"] |= changed
    return json.dumps(line).encode() + b"\n"


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def broken_off(after: str | None, send: Send) -> None:
    """An agent that ends each stream right after its greeting."""
    await send(encoded(Hello(boot_id="b", pod_uid=POD_UID, now=NOON, first=1)))

"""Read one agent's results, over as many connections as it takes."""

import asyncio
import json
import logging
import os
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass

import aiohttp

from ipsecping.contract import ContractError, RoundResult
from ipsecping.contract.stream import (
    HEARTBEAT_SECONDS,
    RESULTS_PATH,
    Cursor,
    Heartbeat,
    Hello,
    Item,
    line_from_json,
)
from ipsecping.contract.token import authorization

from . import placing
from .lines import LineSplitter
from .rejection import Rejection
from .trouble import Trouble

SILENCE = 2.5 * HEARTBEAT_SECONDS
"""Seconds without a line after which a connection counts as dead."""
CONNECT_SECONDS = 5.0
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0


class StreamError(Exception):
    """The connection is of no use; try again later."""


class Unauthorized(StreamError):
    """The agent does not take the token that was shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """Whom to ask: a pod and where it listens."""

    pod_uid: str
    pod: str
    address: str
    port: int

    @property
    def url(self) -> str:
        """Of the results."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}{RESULTS_PATH}"


class Reader:
    """Follows one agent until cancelled or told to end.

    Each result is delivered once, in order, across reconnections.

    `deliver(result, start)` takes a result and its start on the operator's clock; `reject(reason, count)`
    is told what was dropped; `clock` gives the Unix time in nanoseconds. `tokens` are shown to the agent, in
    that order, until it takes one. `tell` is told why the agent cannot be read, and with None that it can.
    """

    def __init__(
        self,
        agent: Agent,
        *,
        session: aiohttp.ClientSession,
        deliver: Callable[[RoundResult, int], None],
        reject: Callable[[Rejection, int], None],
        log: logging.LoggerAdapter[logging.Logger],
        clock: Callable[[], int],
        tokens: Sequence[str] = (),
        tell: Callable[[Trouble | None], None] = lambda _: None,
        silence: float = SILENCE,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        self._agent = agent
        self._session = session
        self._deliver = deliver
        self._reject = reject
        self._log = log
        self._clock = clock
        self._tokens = tokens
        self._tell = tell
        self._silence = silence
        self._first_pause = first_pause
        self._cursor: Cursor | None = None
        self._distance: placing.Distance | None = None
        self._pause = first_pause
        self._fault: str | None = None
        self._ending = False
        self._hastened = False
        self._resting: asyncio.Event | None = None
        """Set to end the pause between two connections; None while there is no pause."""

    def hasten(self) -> None:
        """Its pod has changed, so the agent may answer now: try again at once where the last try failed."""
        self._hastened = True
        if self._resting is not None:
            self._resting.set()

    def move(self, by: int) -> None:
        """The operator's clock was set forward by so many nanoseconds (back: negative)."""
        if self._distance is not None:
            self._distance.move(by)

    def end(self) -> None:
        """The agent ends: `run` reads what is still handed out on this connection, and makes no other."""
        self._ending = True

    async def run(self) -> None:
        """Connect, read, and connect again with growing pauses; returns only after `end`."""
        while not self._ending:
            self._hastened = False
            unauthorized = False
            try:
                await self._read_with_token()
                fault = "the agent ended the stream"
            except ContractError as error:
                self._reject(Rejection.MALFORMED, 1)
                fault = f"not an agent's answer: {error}"
            except aiohttp.ClientConnectorError as error:
                # asyncio words it at length, and names the address.
                said = os.strerror(error.os_error.errno) if error.os_error.errno else str(error.os_error)
                fault = f"cannot connect to {self._agent.url}: {said}"
            except aiohttp.ConnectionTimeoutError:
                fault = f"{self._agent.url} does not answer: does a NetworkPolicy let the operator in?"
            except TimeoutError:
                fault = f"{self._agent.url} says nothing"
            except Unauthorized as error:
                fault, unauthorized = str(error), True
            except (aiohttp.ClientError, OSError, StreamError) as error:
                fault = f"{self._agent.url}: {str(error) or type(error).__name__}"
            except Exception as error:
                self._log.exception("results of pod %s: a fault of the operator", self._agent.pod)
                fault = type(error).__name__
            await self._after(fault, unauthorized=unauthorized)

    async def _after(self, fault: str, *, unauthorized: bool) -> None:
        """Say once what is wrong, and rest."""
        if self._ending:
            return
        self._tell(Trouble(pod=self._agent.pod, text=fault, unauthorized=unauthorized))
        if fault != self._fault:
            # Once per kind of fault, not once per attempt.
            self._log.warning("results of pod %s: %s", self._agent.pod, fault)
            self._fault = fault
        if not self._hastened:
            spread = random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, no secret
            self._resting = asyncio.Event()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._resting.wait(), self._pause * spread)
            self._resting = None
        self._pause = self._first_pause if self._hastened else min(self._pause * 2, LONGEST_PAUSE)

    async def _read_with_token(self) -> None:
        *others, last = self._tokens or (None,)
        for token in others:
            with suppress(Unauthorized):
                await self._read(token)
                return
        await self._read(last)

    async def _read(self, token: str | None) -> None:
        stream = _lines(
            self._session, self._agent.url, after=self._cursor, token=token, silence=self._silence
        )
        async with aclosing(stream) as lines:
            hello = await anext(lines, None)
            if not isinstance(hello, Hello):
                raise ContractError("the first line is no hello")
            self._greet(hello)
            async for line in lines:
                match line:
                    case Heartbeat():
                        self._learn(sent=line.now)
                    case Item():
                        self._take(line)
                    case Hello():
                        raise ContractError("a second hello in one stream")

    def _greet(self, hello: Hello) -> None:
        if hello.pod_uid != self._agent.pod_uid:
            self._reject(Rejection.FOREIGN_POD, 1)
            raise StreamError(f"another pod ({hello.pod_uid or 'without a UID'}) answers there")
        self._distance = placing.Distance(sent=hello.now, now=self._clock())
        seen = self._cursor.sequence if self._cursor and self._cursor.boot_id == hello.boot_id else 0
        if seen and hello.first > seen + 1:
            self._miss(hello.first - seen - 1)
        # What left the ring before the first connection was read by an earlier run of the operator, or never.
        self._cursor = Cursor(boot_id=hello.boot_id, sequence=max(seen, hello.first - 1))
        self._pause, self._fault = self._first_pause, None
        self._tell(None)
        self._log.debug("following pod %s at %s", self._agent.pod, self._agent.url)

    def _take(self, item: Item) -> None:
        assert self._cursor is not None
        expected = self._cursor.sequence + 1
        if item.sequence < expected:
            self._reject(Rejection.DUPLICATE, 1)
            return
        if item.sequence > expected:
            self._miss(item.sequence - expected)
        self._cursor = Cursor(boot_id=self._cursor.boot_id, sequence=item.sequence)
        end = self._learn(sent=item.ended)
        self._deliver(item.result, end - item.result.duration)

    def _learn(self, *, sent: int) -> int:
        """When that was, on the operator's clock."""
        assert self._distance is not None
        now = self._clock()  # first of all: it may move the distance
        self._distance.learn(sent=sent, now=now)
        return self._distance.place(sent, now=now)

    def _miss(self, count: int) -> None:
        self._log.warning("results of pod %s: %d left its ring before they were read", self._agent.pod, count)
        self._reject(Rejection.MISSED, count)


async def _lines(
    session: aiohttp.ClientSession, url: str, *, after: Cursor | None, token: str | None, silence: float
) -> AsyncGenerator[Hello | Item | Heartbeat, None]:
    """The decoded lines of one connection."""
    timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=silence)
    query = {"after": str(after)} if after else {}
    headers = {} if token is None else {"Authorization": authorization(token)}
    async with session.get(
        url, params=query, headers=headers, timeout=timeout, allow_redirects=False
    ) as answer:
        if answer.status == 401:
            raise Unauthorized(f"{url} answers 401: it does not know the operator's token (yet)")
        if answer.status != 200:
            raise StreamError(f"it answers {answer.status} {answer.reason}")
        splitter = LineSplitter()
        async for data in answer.content.iter_any():
            for line in splitter.feed(data):
                try:
                    decoded = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise ContractError(f"line: {error}") from error
                yield line_from_json(decoded)
            # A flood must not keep the event loop from everything else.
            await asyncio.sleep(0)

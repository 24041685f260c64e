"""Read one agent's results, over as many connections as it takes."""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from urllib.parse import quote

from ipsecping.contract import ContractError, RoundResult
from ipsecping.contract.bounds import MAX_INTEGER
from ipsecping.contract.result_stream import (
    HEARTBEAT_SECONDS,
    MAX_LINE,
    RESULTS_PATH,
    Cursor,
    Heartbeat,
    Hello,
    Item,
    Line,
    Refused,
    read_line,
)
from ipsecping.contract.token import authorization
from ipsecping.printable import printable
from ipsecping_operator.backoff import Attempts, Backoff
from ipsecping_operator.check.rejection import Rejection
from ipsecping_operator.check.unreadable import Unreadable
from ipsecping_operator.lines import EndlessLine, LineSplitter
from ipsecping_operator.trouble import GRACE, Trouble

from . import connection, placing
from .throttle import SentTooMuch, Throttle

SILENCE = 2.5 * HEARTBEAT_SECONDS
"""Seconds without a line after which a connection counts as dead."""
CONNECT_SECONDS = 5.0
"""A connection has this long to come about, and an agent then to begin its answer."""
BACKOFF = Backoff(first=0.5, longest=30.0, spread=0.5)
"""Between two connections to an agent."""
MAX_MISSED = 1_000_000
"""A gap in the sequence counts as no more: the number is the agent's to choose, the counter everybody's."""
MAX_FAULT = 300
"""Characters of what is said of a connection."""
MISSED_SECONDS = 60.0
"""What has been missed is logged so often at most: how often it happens is the agent's to choose."""
MAX_TOLD = 64
"""Fields of which is remembered that they have been complained of."""


class StreamError(Exception):
    """A connection that is of no use; another is made later."""


class Unauthorized(StreamError):
    """The agent does not take the token that was shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A pod and where its agent listens."""

    pod_uid: str
    pod: str
    address: str
    port: int

    @property
    def url(self) -> str:
        """The URL of its results."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}{RESULTS_PATH}"


class ResultReader:
    """Follows one agent until cancelled or told to end.

    Each result is delivered once, in order, across reconnections. A line that breaks the contract is passed
    over and counted; what is behind it is read, and no reconnection meets it again.

    `deliver(result, start)` takes a result and its start on the operator's clock; `reject(reason, count)`
    is told what was dropped; `clock` gives the Unix time in nanoseconds; `throttle` says how fast to read.
    `tokens` are shown to the agent, in that order, until it takes one. `tell` is told why the agent cannot be
    read, and with None that it can; `failed` of a fault of the operator's own.
    """

    def __init__(
        self,
        agent: Agent,
        *,
        deliver: Callable[[RoundResult, int], None],
        reject: Callable[[Rejection, int], None],
        log: logging.LoggerAdapter[logging.Logger],
        clock: Callable[[], int],
        throttle: Throttle | None = None,
        tokens: Sequence[str] = (),
        tell: Callable[[Unreadable | None], None] = lambda _: None,
        failed: Callable[[Exception], None] = lambda _: None,
        silence: float = SILENCE,
        backoff: Backoff = BACKOFF,
        grace: float = GRACE,
    ) -> None:
        self._agent = agent
        self._deliver = deliver
        self._reject = reject
        self._log = log
        self._clock = clock
        self.throttle = throttle or Throttle()
        self._tokens = tokens
        self._tell = tell
        self._failed = failed
        self._silence = silence
        self._cursor: Cursor | None = None
        self._unplaced = 0
        """Lines since the cursor that could not be read at all: most likely they were items."""
        self._refused: set[str] = set()
        """Fields of which the log has said that they are wrong."""
        self._missed_at: float | None = None
        """When missed results were last logged, in the event loop's time."""
        self._offset: placing.ClockOffset | None = None
        self._attempts = Attempts(backoff)
        self._trouble = Trouble(grace=grace)
        self._ending = False
        self._hastened = False
        self._resting: asyncio.Event | None = None
        """Set to end the pause between two connections; None while there is no pause."""

    def hasten(self) -> None:
        """Try again at once where the last try failed: the pod has changed, so its agent may answer now."""
        self._hastened = True
        if self._resting is not None:
            self._resting.set()

    def shift(self, by: int) -> None:
        """Follow the operator's clock, which was set forward by so many nanoseconds (back: negative)."""
        if self._offset is not None:
            self._offset.shift(by)

    def end(self) -> None:
        """Let `run` read what is still handed out on this connection and then return: the agent ends."""
        self._ending = True

    async def run(self) -> None:
        """Connect, read, and connect again with growing pauses; returns only after `end`."""
        while not self._ending:
            self._hastened = False
            unauthorized = False
            passing = tell = True
            try:
                await self._read_with_token()
                fault = "the agent ended the stream"
            except (ContractError, EndlessLine) as error:
                self._reject(Rejection.MALFORMED, 1)
                fault, passing = f"not an agent's answer: {error}", False
            except connection.NotConnected as error:
                fault = (
                    f"cannot connect to {self._agent.url}: {_words(error.error)}"
                    if error.error
                    else f"{self._agent.url} does not answer: does a NetworkPolicy let the operator in?"
                )
            except TimeoutError:
                fault = f"{self._agent.url} says nothing"
            except Unauthorized as error:
                fault, unauthorized = str(error), True
            except OSError as error:
                fault = f"{self._agent.url}: {_words(error)}"
            except (connection.BadAnswer, StreamError) as error:
                fault = f"{self._agent.url}: {error}"
            except SentTooMuch as error:
                # The throttle tells of it, for as long as it lasts.
                fault, tell = f"{self._agent.url}: {error}", False
            except Exception as error:
                self._failed(error)
                fault = f"a fault of the operator: {type(error).__name__}"
            await self._after(fault, passing=passing, unauthorized=unauthorized, tell=tell)

    async def _after(self, fault: str, *, passing: bool, unauthorized: bool, tell: bool) -> None:
        """Say what is wrong (part of which may be the agent's words), and pause."""
        fault = printable(fault, MAX_FAULT)
        if self._ending:
            return
        if tell:
            where = fault if self._agent.url in fault else f"{self._agent.url}: {fault}"
            self._tell(Unreadable(pod=self._agent.pod, text=where, unauthorized=unauthorized))
        level = self._trouble.met(fault, now=asyncio.get_running_loop().time(), passing=passing)
        if level is not None:
            self._log.log(level, "results of pod %s: %s", self._agent.pod, fault)
        pause = self._attempts.failed()
        if not self._hastened:
            self._resting = asyncio.Event()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._resting.wait(), pause)
            self._resting = None
        if self._hastened:
            self._attempts.succeeded()

    async def _read_with_token(self) -> None:
        *others, last = self._tokens or (None,)
        for token in others:
            with suppress(Unauthorized):
                await self._read(token)
                return
        await self._read(last)

    async def _read(self, token: str | None) -> None:
        stream = _lines(
            self._agent,
            after=self._cursor,
            token=token,
            silence=self._silence,
            throttle=self.throttle,
        )
        async with aclosing(stream) as lines:
            hello = await anext(lines, None)
            if isinstance(hello, Refused):
                raise hello.error
            if not isinstance(hello, Hello):
                raise ContractError("the first line is no hello")
            self._greet(hello)
            try:
                async for line in lines:
                    self._take(line)
            finally:
                self._pass_unplaced()

    def _greet(self, hello: Hello) -> None:
        if hello.pod_uid != self._agent.pod_uid:
            self._reject(Rejection.FOREIGN_POD, 1)
            raise StreamError(f"another pod ({hello.pod_uid or 'without a UID'}) answers there")
        self._offset = placing.ClockOffset(sent=hello.now, now=self._clock())
        seen = self._cursor.sequence if self._cursor and self._cursor.boot_id == hello.boot_id else 0
        if seen and hello.first > seen + 1:
            self._miss(hello.first - seen - 1)
        # What left the ring before the first connection was read by an earlier run of the operator, or never.
        self._cursor = Cursor(boot_id=hello.boot_id, sequence=max(seen, hello.first - 1))
        self._tell(None)
        self._log.debug("following pod %s at %s", self._agent.pod, self._agent.url)

    def _take(self, line: Line | Refused) -> None:
        match line:
            case Refused():
                self._refuse(line)
                return
            case Hello():
                raise ContractError("a second hello in one stream")
            case Heartbeat():
                self._learn(sent=line.now)
            case Item() if self._advance(line.sequence):
                end = self._learn(sent=line.ended)
                self._deliver(line.result, end - line.result.duration)
        # Not before: one that greets and then says nothing of use is to be asked less and less often.
        self._attempts.succeeded()

    def _refuse(self, line: Refused) -> None:
        """Pass over a line, and say so once for each field that is wrong."""
        if line.sequence is not None and not self._advance(line.sequence):
            return
        if line.sequence is None and line.item:
            self._unplaced += 1
        self._reject(Rejection.MALFORMED, 1)
        if line.error.field not in self._refused and len(self._refused) < MAX_TOLD:
            self._refused.add(line.error.field)
            self._log.warning("results of pod %s: passed over: %s", self._agent.pod, line.error)

    def _advance(self, sequence: int) -> bool:
        """Move the cursor to an item; returns whether it is a new one."""
        assert self._cursor is not None
        expected = self._cursor.sequence + 1
        if sequence < expected:
            self._reject(Rejection.DUPLICATE, 1)
            return False
        missed = sequence - expected - self._unplaced
        if missed > 0:
            self._miss(missed)
        self._unplaced = 0
        self._cursor = Cursor(boot_id=self._cursor.boot_id, sequence=sequence)
        return True

    def _pass_unplaced(self) -> None:
        """Move the cursor past lines that could not be read: the next connection shall not get them again."""
        assert self._cursor is not None
        sequence = min(self._cursor.sequence + self._unplaced, MAX_INTEGER)
        self._cursor = Cursor(boot_id=self._cursor.boot_id, sequence=sequence)
        self._unplaced = 0

    def _learn(self, *, sent: int) -> int:
        """Put an instant of the agent's clock on the operator's, and learn how far apart they are."""
        assert self._offset is not None
        self._trouble.over()
        now = self._clock()  # first of all: it may shift the offset
        self._offset.learn(sent=sent, now=now)
        return self._offset.place(sent, now=now)

    def _miss(self, count: int) -> None:
        self._reject(Rejection.MISSED, min(count, MAX_MISSED))
        now = asyncio.get_running_loop().time()
        if self._missed_at is None or now - self._missed_at >= MISSED_SECONDS:
            self._missed_at = now
            self._log.warning(
                "results of pod %s: %d left its ring before they were read", self._agent.pod, count
            )


async def _lines(
    agent: Agent, *, after: Cursor | None, token: str | None, silence: float, throttle: Throttle
) -> AsyncGenerator[Line | Refused, None]:
    """Yield the lines of one connection, each read or refused. Raises TimeoutError when none comes.

    Raises Unauthorized, StreamError, ContractError, SentTooMuch, and what `connection.get` raises, as well.
    """
    throttle.connected()
    target = f"{RESULTS_PATH}?after={quote(str(after))}" if after else RESULTS_PATH
    fields = {} if token is None else {"Authorization": authorization(token)}
    async with connection.get(
        agent.address, agent.port, target, fields=fields, seconds=CONNECT_SECONDS, pace=throttle.frame
    ) as answer:
        if answer.status == 401:
            raise Unauthorized(f"{agent.url} answers 401: it does not know the operator's token (yet)")
        if answer.status != 200:
            raise StreamError(f"it answers {answer.status} {answer.reason}")
        splitter = LineSplitter(MAX_LINE)
        loop = asyncio.get_running_loop()
        due = loop.time() + silence
        async with aclosing(answer.content) as content:
            # What keeps sending, but no line, is as silent as what sends nothing.
            while data := await _by(due, content):
                for line in splitter.feed(data):
                    await throttle.line(MAX_LINE if line is None else len(line))
                    yield _TOO_LONG if line is None else read_line(line)
                    due = loop.time() + silence
                # A flood of pieces of a line must not keep the event loop from everything else either.
                await asyncio.sleep(0)


async def _by(due: float, content: AsyncGenerator[bytes, None]) -> bytes:
    """Return the next piece, empty at the end. Raises TimeoutError at `due`, in the event loop's time."""
    async with asyncio.timeout_at(due):
        return await anext(content, b"")


def _words(error: OSError) -> str:
    """Return the system's words alone: asyncio's are longer, and name the address again."""
    return os.strerror(error.errno) if error.errno else str(error) or type(error).__name__


_TOO_LONG = Refused(error=ContractError(f"line: longer than {MAX_LINE} bytes"))

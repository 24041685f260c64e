"""Tell one Alertmanager what fires and what is over (API v2)."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence

from ipsecping_operator.backoff import Attempts, Backoff
from ipsecping_operator.notification_settings import AlertmanagerSettings

from .alert_book import AlertBook, Held
from .alerts import Labels
from .post import NotTaken, Poster
from .receiver_log import ReceiverLog
from .told import Posting, Told, to_json, together

RETRIES = Backoff(first=1.0, longest=30.0)
STANDBY = 1.0
"""Seconds after which an operator that may not write looks whether it may."""
GATHER = 0.5
"""Seconds from one look to the next: thousands of checks may fail together, and each look takes in all."""
BATCH = 256
"""Alerts in a request, as a Prometheus has it."""
MOST_REFUSED = 32
"""Requests refused one after the other; then the receiver itself is at fault, and left alone for a while."""
MAX_BODY = 1 << 20
"""Bytes of a request; a larger batch is halved."""
_API = "/api/v2/alerts"


class Alertmanager:
    """One Alertmanager, which knows nothing of the others: each gets everything."""

    def __init__(
        self,
        settings: AlertmanagerSettings,
        *,
        book: AlertBook,
        poster: Poster,
        log: ReceiverLog,
        may_send: Callable[[], bool],
        clock: Callable[[], int],
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._book = book
        self._poster = poster
        self._log = log
        self._may_send = may_send
        self._clock = clock
        self._steady = steady
        self._told = Told(repeat=settings.repeat)
        self._attempts = Attempts(RETRIES)
        self._changed = asyncio.Event()
        self._refused = 0

    def changed(self) -> None:
        """Look what is to be told now."""
        self._changed.set()

    def assume(self, firing: Mapping[Labels, Held]) -> None:
        """Take it that an earlier run of the operator told of these."""
        self._told.assume(firing, now=self._steady())
        self._changed.set()

    async def run(self) -> None:
        """Tell what is due, for ever."""
        try:
            self._poster.check()
        except NotTaken as error:
            self._log.unready(error)
        looked = float("-inf")
        while True:
            await asyncio.sleep(max(looked + GATHER - self._steady(), 0.0))
            looked = self._steady()
            self._changed.clear()
            pause = await self._tell()
            if pause is not None:
                # What is new waits as well: the receiver is to be left alone for so long.
                await asyncio.sleep(pause)
                continue
            try:
                async with asyncio.timeout(self._until_next()):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def flush(self) -> None:
        """Tell once more what is due, before the operator ends."""
        await self._tell()

    def _until_next(self) -> float | None:
        now = self._steady()
        times = (self._told.next_due(self._book.firing(now)), self._book.next_change(now))
        first = min((each for each in times if each is not None), default=None)
        return None if first is None else max(first - now, 0.01)

    async def _tell(self) -> float | None:
        """Tell all that is due. Returns the seconds to wait before another attempt, None: all was told."""
        self._refused = 0
        while due := self._due():
            if not self._may_send():
                return STANDBY
            try:
                await self._post(together(due, most=BATCH))
            except NotTaken as error:
                return max(self._attempts.failed(), min(error.retry_after, RETRIES.longest))
            self._attempts.succeeded()
        return None

    def _due(self) -> list[Posting]:
        now = self._steady()
        due = self._told.due(self._book.firing(now), now=now, wall=self._clock())
        self._log.waiting(len(due) + sum(self._told.left_out.values()))
        self._log.left_out(self._told.left_out)
        return due

    async def _post(self, postings: Sequence[Posting]) -> None:
        """Raises NotTaken, unless they are refused for what is in them: that is counted, and told again."""
        try:
            content = self._content(postings)
        except Exception:
            if len(postings) > 1:
                await self._post_halves(postings)
                return
            # A fault of ours with this alert: the others are not to wait for it for ever.
            self._told.delivered(postings, now=self._steady())
            self._log.dropped(1)
            raise
        if len(content) > MAX_BODY and len(postings) > 1:
            await self._post_halves(postings)
            return
        try:
            await self._poster.post(_API, content, {})
        except NotTaken as error:
            self._refused += error.refused
            if self._refused > MOST_REFUSED:
                self._log.not_taken(error, len(postings))
                raise
            if error.refused and len(postings) > 1:
                # One of them is at fault: the others are not to be kept back by it.
                await self._post_halves(postings)
                return
            self._log.not_taken(error, len(postings))
            if not error.refused:
                raise
        else:
            self._refused = 0
            self._log.delivered(len(postings))
        self._told.delivered(postings, now=self._steady())

    async def _post_halves(self, postings: Sequence[Posting]) -> None:
        middle = len(postings) // 2
        await self._post(postings[:middle])
        await self._post(postings[middle:])

    def _content(self, postings: Sequence[Posting]) -> bytes:
        settings = self._settings
        alerts = to_json(
            postings,
            external=settings.labels,
            runbooks=settings.runbooks,
            repeat=settings.repeat,
            wall=self._clock(),
        )
        return json.dumps(alerts).encode()

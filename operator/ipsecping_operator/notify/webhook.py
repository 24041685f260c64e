"""Send the events that wait to the webhook, signed, in order for each check."""

import asyncio
import random
import time
from collections.abc import Callable

from ipsecping_operator.notification_settings import WebhookSettings

from .cloud_event import CONTENT_TYPE, CheckEvent
from .event_queue import EventQueue
from .post import NotTaken, Poster, content_of
from .receiver_log import ReceiverLog
from .signature import BadKeys, fields, read_keys

AT_ONCE = 4
"""Events under way, each of another check."""
STANDBY = 1.0
"""Seconds after which an operator that may not write looks whether it may."""
SECOND = 1_000_000_000


class Webhook:
    """The one receiver of events."""

    def __init__(
        self,
        settings: WebhookSettings,
        *,
        poster: Poster,
        log: ReceiverLog,
        may_send: Callable[[], bool],
        settled: Callable[[str, CheckEvent], None],
        lapsed: Callable[[str], None],
        clock: Callable[[], int],
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """`settled(uid, event)` is called when an event of a check was taken, or was refused for good.

        `lapsed(uid)` is called when the last event that waited was given up after a long time.
        """
        self._settled = settled
        self._lapsed = lapsed
        self._settings = settings
        self._poster = poster
        self._log = log
        self._may_send = may_send
        self._clock = clock
        self._steady = steady
        self._queue = EventQueue()
        self._changed = asyncio.Event()

    @property
    def source(self) -> str:
        """What its events name as their source."""
        return self._settings.source

    def put(self, uid: str, event: CheckEvent, *, namespace: str) -> None:
        """Have an event of the check with this UID sent, which is of that namespace."""
        self._log.dropped(self._queue.put(uid, event, namespace=namespace, now=self._steady()))
        self._log.waiting(len(self._queue))
        self._changed.set()

    async def run(self) -> None:
        """Send what waits, for ever."""
        try:
            self._keys()
            self._poster.check()
        except NotTaken as error:
            self._log.unready(error)
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work())

    async def flush(self) -> None:
        """Try once to send what waits, before the operator ends."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._send_all())

    async def _work(self) -> None:
        while True:
            self._changed.clear()
            if not self._may_send():
                await asyncio.sleep(STANDBY)
                continue
            await self._send_all()
            first = self._queue.next_time()
            try:
                async with asyncio.timeout(None if first is None else max(first - self._steady(), 0.01)):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def _send_all(self) -> None:
        """Send what is due, until nothing is."""
        given_up = self._queue.give_up(now=self._steady())
        self._log.dropped(len(given_up))
        for uid in dict.fromkeys(given_up):
            if not self._queue.waits(uid):
                self._lapsed(uid)
        while (taken := self._queue.next(now=self._steady())) is not None:
            uid, event = taken
            try:
                await self._send(event)
            except NotTaken as error:
                self._log.not_taken(error, 1)
                if error.refused:
                    self._queue.over(uid)
                    self._settled(uid, event)
                else:
                    now = self._steady()
                    self._queue.failed(uid, asked=error.retry_after, now=now, chance=random.random)
            except asyncio.CancelledError:
                self._queue.put_back(uid)
                raise
            except Exception:
                # A fault of ours with this event: the others are not to wait for it for ever.
                self._queue.over(uid)
                self._log.dropped(1)
                raise
            else:
                self._log.delivered(1)
                self._queue.over(uid)
                self._settled(uid, event)
            self._log.waiting(len(self._queue))

    async def _send(self, event: CheckEvent) -> None:
        """Raises NotTaken."""
        signed = fields(event.id, event.body, keys=self._keys(), now=self._clock() // SECOND)
        await self._poster.post("", event.body, {**signed, "Content-Type": CONTENT_TYPE})

    def _keys(self) -> tuple[bytes, ...]:
        """Raises NotTaken."""
        file = self._settings.keys_file
        try:
            return read_keys(content_of(file).decode("ascii", errors="replace"))
        except BadKeys as error:
            raise NotTaken(f"{file}: {error}") from None

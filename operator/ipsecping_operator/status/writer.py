"""Write statuses within a budget: at once on a transition, else at most once per interval, never in vain."""

import asyncio
import hashlib
import json
import logging
import random
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

LEAST_PAUSE = 1.0
"""Seconds between two writes of a check that flaps."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
AT_ONCE = 2
"""Writes in flight: a fleet's statuses leave the API's attention to the objects that measure."""

Status = Mapping[str, Any]
_log = logging.getLogger(__name__)


class Gone(Exception):
    """The check no longer exists."""


Send = Callable[[str, Status], Awaitable[None]]
"""Write the status of the check with this UID. Raises Gone, or any other exception to be retried."""


class _Encoded(NamedTuple):
    """A status as compressed JSON, a tenth of what its parts would take, and the SHA-256 of the JSON."""

    text: bytes
    digest: bytes


@dataclass(slots=True)
class _Slot:
    """What of one check's status is still to be written, and which was written last."""

    wanted: _Encoded | None = None
    """None when it has been written."""
    written: bytes | None = None
    """The digest of what the API holds, as far as is known."""
    hasty: bool = False
    """A transition is waiting to be written."""
    last: float = float("-inf")
    """Loop time of the last write."""
    pause: float = 0.0
    """Seconds after it before the next write that no transition hastens."""
    failures: int = 0
    timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None


class StatusWriter:
    """One write at a time per check; the newest status replaces one that waits."""

    def __init__(
        self,
        send: Send,
        *,
        interval: float,
        count: Callable[[str], None] = lambda outcome: None,
    ) -> None:
        """`interval` in seconds; `count` is told `written`, `unchanged` or `failed`."""
        self._send = send
        self._interval = interval
        self._count = count
        self._slots: dict[str, _Slot] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    @property
    def writing(self) -> int:
        """Statuses that are being written or wait for their turn."""
        return sum(slot.task is not None for slot in self._slots.values())

    def known(self, uid: str, status: Status) -> None:
        """The API holds this status already."""
        self._slots[uid] = _Slot(written=_encoded(status).digest)

    def has_written(self, uid: str) -> bool:
        """Whether the API holds a status of the check, as far as is known."""
        slot = self._slots.get(uid)
        return slot is not None and slot.written is not None

    def written(self, uid: str) -> str | None:
        """A digest of the status that the API holds, as far as is known; None before the first write."""
        slot = self._slots.get(uid)
        if slot is None or slot.written is None:
            return None
        return slot.written.hex()

    def submit(self, uid: str, status: Status, *, at_once: bool) -> None:
        """Have the status written: now, or when the check's interval allows."""
        slot = self._slots.setdefault(uid, _Slot())
        slot.wanted = _encoded(status)
        slot.hasty = slot.hasty or at_once
        if slot.task is None and not slot.failures:
            self._arrange(uid, slot)

    def forget(self, uid: str) -> None:
        """The check has gone."""
        slot = self._slots.pop(uid, None)
        if slot is not None:
            self._cancel_timer(slot)
            if slot.task is not None:
                slot.task.cancel()

    async def close(self, *, seconds: float) -> None:
        """Write what waits, for at most so long."""
        loop = asyncio.get_running_loop()
        end, tried = loop.time() + seconds, dict[str, _Encoded]()
        while True:
            for uid, slot in self._slots.items():
                if slot.task is None and slot.wanted is not None and tried.get(uid) != slot.wanted:
                    tried[uid] = slot.wanted
                    self._start(uid, slot)
            tasks = [slot.task for slot in self._slots.values() if slot.task is not None]
            if not tasks or loop.time() >= end:
                break
            await asyncio.wait(tasks, timeout=end - loop.time())
        for task in tasks:
            task.cancel()
        for slot in self._slots.values():
            self._cancel_timer(slot)

    def _arrange(self, uid: str, slot: _Slot) -> None:
        """Set the timer for what is wanted; none is needed when that is written already."""
        self._cancel_timer(slot)
        if slot.wanted is None or slot.wanted.digest == slot.written:
            slot.wanted, slot.hasty = None, False
            self._count("unchanged")
            return
        loop = asyncio.get_running_loop()
        due = slot.last + (LEAST_PAUSE if slot.hasty else slot.pause)
        if due <= loop.time():
            self._start(uid, slot)
        else:
            slot.timer = loop.call_at(due, self._start, uid, slot)

    def _start(self, uid: str, slot: _Slot) -> None:
        self._cancel_timer(slot)
        slot.task = asyncio.get_running_loop().create_task(self._write(uid, slot), name=f"status {uid}")

    async def _write(self, uid: str, slot: _Slot) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with self._turns:
                # Not before its turn: what was wanted meanwhile is sent instead, not afterwards.
                sending, slot.hasty = slot.wanted, False
                assert sending is not None
                await self._send(uid, _decoded(sending))
        except Gone:
            slot.task = None
            self.forget(uid)
            return
        except Exception as error:
            _log.warning("status of check %s not written, will retry: %s", uid, error)
            self._count("failed")
            slot.failures += 1
            pause = min(FIRST_PAUSE * 2.0 ** min(slot.failures - 1, 20), LONGEST_PAUSE)
            slot.task = None
            slot.timer = loop.call_later(pause * random.uniform(0.7, 1.0), self._start, uid, slot)  # noqa: S311
            return
        self._count("written")
        slot.task, slot.failures, slot.written, slot.last = None, 0, sending.digest, loop.time()
        # Not all checks in the same second of the minute, for ever.
        slot.pause = self._interval * random.uniform(0.9, 1.0)  # noqa: S311
        if slot.wanted is sending:
            slot.wanted = None
        else:
            self._arrange(uid, slot)

    @staticmethod
    def _cancel_timer(slot: _Slot) -> None:
        if slot.timer is not None:
            slot.timer.cancel()
            slot.timer = None


def _encoded(status: Status) -> _Encoded:
    text = json.dumps(status, sort_keys=True, separators=(",", ":")).encode()
    return _Encoded(zlib.compress(text, level=1), hashlib.sha256(text).digest())


def _decoded(encoded: _Encoded) -> Status:
    status: Status = json.loads(zlib.decompress(encoded.text))
    return status

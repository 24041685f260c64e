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

from ipsecping_operator.backoff import Backoff
from ipsecping_operator.fair_turns import FairTurns

LEAST_PAUSE = 1.0
"""Seconds between two writes of a check that flaps."""
BACKOFF = Backoff(first=1.0, longest=30.0)
"""Between two attempts to write a status."""
CONTEST_SECONDS = 600.0
"""Edits by somebody else within this time are one contest."""
CONTEST = Backoff(first=LEAST_PAUSE, longest=20.0, spread=0.0)
"""Between two writes in one."""
AT_ONCE = 2
"""Writes in flight: so those of a fleet leave the API free for the objects that measure."""

Status = Mapping[str, Any]
_log = logging.getLogger(__name__)


class Gone(Exception):
    """The check no longer exists."""


Send = Callable[[str, Status], Awaitable[None]]
"""Write the status of the check with this UID. Raises Gone, or any other exception to be retried."""


class Encoded(NamedTuple):
    """A status as compressed JSON, a tenth of what its parts would take, and the SHA-256 of the JSON."""

    text: bytes
    digest: bytes


@dataclass(slots=True)
class _Slot:
    """One check's status: what is still to be written, and what was written last."""

    wanted: Encoded | None = None
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
    edits: int = 0
    """How often in a row somebody else has edited what was written."""
    edited: float = float("-inf")
    """Loop time of the last such edit."""
    sending: float | None = None
    """When the write under way got its turn, on the clock `awake`; None before it has."""
    timer: asyncio.TimerHandle | None = None
    due: float = 0.0
    """When the timer ends, on the same clock."""
    task: asyncio.Task[None] | None = None


class StatusWriter:
    """Writes statuses, one at a time per check; the newest replaces one that waits. Namespaces take turns."""

    def __init__(
        self,
        send: Send,
        *,
        interval: float,
        namespace: Callable[[str], str] = lambda uid: "",
        count: Callable[[str], None] = lambda outcome: None,
        failed: Callable[[str, Exception], None] = lambda uid, error: None,
        awake: Callable[[], float] | None = None,
    ) -> None:
        """`interval` in seconds; `count` is told `written`, `unchanged`, `failed` or `edited`.

        `namespace` gives that of a check. `failed` is told of each attempt that failed, and may submit
        another status in its place. `awake` is a clock that stands still while this process does (None: the
        loop's).
        """
        self._send = send
        self._interval = interval
        self._count = count
        self._failed = failed
        self._slots: dict[str, _Slot] = {}
        self._turns = FairTurns(AT_ONCE)
        self._namespace = namespace
        self._awake = awake or _loop_time

    @property
    def writing(self) -> int:
        """Number of statuses that are being written or wait for their turn."""
        return sum(slot.task is not None for slot in self._slots.values())

    def known(self, uid: str, status: Status) -> None:
        """Take note that the API holds this status already."""
        self._slots[uid] = _Slot(written=encode(status).digest)

    def has_written(self, uid: str) -> bool:
        """Return whether the API holds a status of the check, as far as is known."""
        slot = self._slots.get(uid)
        return slot is not None and slot.written is not None

    def written(self, uid: str) -> str | None:
        """Return a digest of the status that the API is known to hold; None before the first write."""
        slot = self._slots.get(uid)
        if slot is None or slot.written is None:
            return None
        return slot.written.hex()

    def is_writing(self, uid: str) -> bool:
        """Return whether a write of this check's status is under way, or waits for its turn."""
        slot = self._slots.get(uid)
        return slot is not None and slot.task is not None and not slot.task.done()

    def submit(self, uid: str, status: Status, *, at_once: bool) -> None:
        """Have the status written: now, or when the check's interval allows. Raises what `encode` raises."""
        self.submit_encoded(uid, encode(status), at_once=at_once)

    def submit_encoded(self, uid: str, status: Encoded, *, at_once: bool) -> None:
        """Do as `submit` with a status that is encoded already."""
        slot = self._slots.setdefault(uid, _Slot())
        slot.wanted = status
        slot.hasty = slot.hasty or at_once
        if slot.task is None and not slot.failures:
            self._arrange(uid, slot)

    def lost(self, uid: str) -> None:
        """Write the next status whatever it says: somebody else has edited what was written.

        Each time in a row it waits for longer, so that two who write the same do not race for ever.
        """
        slot = self._slots.get(uid)
        if slot is None:
            return
        now = asyncio.get_running_loop().time()
        slot.edits = slot.edits + 1 if now - slot.edited < CONTEST_SECONDS else 0
        slot.written, slot.edited = None, now
        slot.pause = CONTEST.pause(slot.edits + 1)
        self._count("edited")

    def restart(self, uid: str, *, after: float) -> bool:
        """Start a stuck write anew. Returns whether there was one.

        `after` is how many seconds a request may take.
        """
        slot = self._slots.get(uid)
        if slot is None or slot.wanted is None:
            return False
        if slot.task is not None and not slot.task.done():
            if slot.sending is None or self._awake() - slot.sending < after:
                return False
            slot.task.cancel()
        elif slot.timer is not None and slot.due + LEAST_PAUSE > self._awake():
            return False
        slot.task = None
        self._start(uid, slot)
        return True

    def forget(self, uid: str) -> None:
        """Forget a check that has gone."""
        slot = self._slots.pop(uid, None)
        if slot is not None:
            self._cancel_timer(slot)
            if slot.task is not None:
                slot.task.cancel()

    async def close(self, *, seconds: float) -> None:
        """Write what waits, for at most so long."""
        loop = asyncio.get_running_loop()
        end, tried = loop.time() + seconds, dict[str, Encoded]()
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
            self._set_timer(uid, slot, due - loop.time())

    def _start(self, uid: str, slot: _Slot) -> None:
        self._cancel_timer(slot)
        slot.sending = None
        slot.task = asyncio.get_running_loop().create_task(self._write(uid, slot), name=f"status {uid}")

    async def _write(self, uid: str, slot: _Slot) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with self._turns.turn(self._namespace(uid)):
                # Not before its turn: what was wanted meanwhile is sent instead, not afterwards.
                sending, slot.hasty, slot.sending = slot.wanted, False, self._awake()
                assert sending is not None
                if sending.digest != slot.written:
                    await self._send(uid, _decoded(sending))
        except Gone:
            slot.task = None
            self.forget(uid)
            return
        except Exception as error:
            self._not_written(uid, slot, error)
            return
        self._count("written")
        slot.task, slot.failures, slot.written, slot.last = None, 0, sending.digest, loop.time()
        # Not all checks in the same second of the minute, for ever.
        slot.pause = self._interval * random.uniform(0.9, 1.0)  # noqa: S311
        if slot.wanted is sending:
            slot.wanted = None
        else:
            self._arrange(uid, slot)

    def _not_written(self, uid: str, slot: _Slot, error: Exception) -> None:
        _log.warning("status of check %s not written, will retry: %s", uid, error)
        self._count("failed")
        slot.failures += 1
        self._failed(uid, error)
        slot.task = None
        self._set_timer(uid, slot, BACKOFF.pause(slot.failures))

    def _set_timer(self, uid: str, slot: _Slot, pause: float) -> None:
        slot.due = self._awake() + pause
        slot.timer = asyncio.get_running_loop().call_later(pause, self._start, uid, slot)

    @staticmethod
    def _cancel_timer(slot: _Slot) -> None:
        if slot.timer is not None:
            slot.timer.cancel()
            slot.timer = None


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


def encode(status: Status) -> Encoded:
    """Make a status ready to be submitted. Raises TypeError, ValueError, RecursionError if it is no JSON."""
    text = json.dumps(status, sort_keys=True, separators=(",", ":")).encode()
    return Encoded(zlib.compress(text, level=1), hashlib.sha256(text).digest())


def _decoded(encoded: Encoded) -> Status:
    status: Status = json.loads(zlib.decompress(encoded.text))
    return status

"""The state of a stateful Session-Reflector: one counter per STAMP session (RFC 8762 section 4)."""

from collections import OrderedDict
from collections.abc import Hashable

from ..wire.ntp import NANOSECONDS

MAX_SESSIONS = 65_536
IDLE_NS = 900 * NANOSECONDS
"""A session unused for so long is forgotten: REFWAIT's default in TWAMP (RFC 5357 section 3.1)."""


class SessionTable:
    """Counts replies per session; the one unused for longest goes when there are too many."""

    def __init__(self, *, max_sessions: int = MAX_SESSIONS, idle_ns: int = IDLE_NS) -> None:
        self._max_sessions = max_sessions
        self._idle_ns = idle_ns
        self._sessions: OrderedDict[Hashable, tuple[int, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def next_sequence(self, session: Hashable, now: int) -> int:
        """The number of the next reply: 0, 1, ... `now` in monotonic nanoseconds."""
        self._forget_idle(now)
        sequence = self._sessions.pop(session, (0, now))[0]
        self._sessions[session] = ((sequence + 1) % 2**32, now)
        if len(self._sessions) > self._max_sessions:
            self._sessions.popitem(last=False)
        return sequence

    def _forget_idle(self, now: int) -> None:
        """Drop the sessions unused for too long: they stand in front, in order of use."""
        while self._sessions:
            session = next(iter(self._sessions))
            if now - self._sessions[session][1] <= self._idle_ns:
                return
            del self._sessions[session]

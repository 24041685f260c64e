"""The state of a Session-Reflector: one entry for each STAMP session (RFC 8762 section 4)."""

from collections import OrderedDict
from typing import NamedTuple

from ..wire.ntp import NANOSECONDS
from .replay import ReplayWindow

MAX_SESSIONS = 65_536
IDLE_NS = 900 * NANOSECONDS
"""A session unused for so long is forgotten: REFWAIT's default in TWAMP (RFC 5357 section 3.1)."""

LOOK_NS = NANOSECONDS
"""How often it is looked whether sessions can be forgotten."""


class SessionId(NamedTuple):
    """What packets of one session have in common (RFC 8972 section 3)."""

    peer: str
    peer_port: int
    local: str
    local_port: int
    ssid: int


class ReflectedSession:
    """What is kept of one session."""

    __slots__ = ("received", "replay", "transmitted", "used_at")

    def __init__(self) -> None:
        self.received = 0
        self.transmitted = 0
        self.replay = ReplayWindow()
        self.used_at = 0


class SessionTable:
    """The sessions; the one unused for longest goes when there are too many."""

    def __init__(self, *, max_sessions: int = MAX_SESSIONS, idle_ns: int = IDLE_NS) -> None:
        self._max_sessions = max_sessions
        self._idle_ns = idle_ns
        self._sessions: OrderedDict[SessionId, ReflectedSession] = OrderedDict()
        self._look_at = 0

    def __len__(self) -> int:
        return len(self._sessions)

    def session(self, key: SessionId, now: int) -> ReflectedSession:
        """The session, perhaps a new one. `now` in monotonic nanoseconds."""
        if now >= self._look_at:
            self._look_at = now + LOOK_NS
            self._forget_idle(now)
        session = self._sessions.get(key)
        if session is None:
            session = self._sessions[key] = ReflectedSession()
            if len(self._sessions) > self._max_sessions:
                self._sessions.popitem(last=False)
        else:
            self._sessions.move_to_end(key)
        session.used_at = now
        return session

    def _forget_idle(self, now: int) -> None:
        """Drop the sessions unused for too long: they stand in front, in order of use."""
        while self._sessions:
            key = next(iter(self._sessions))
            if now - self._sessions[key].used_at <= self._idle_ns:
                return
            del self._sessions[key]

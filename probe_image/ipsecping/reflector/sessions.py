"""The state of a Session-Reflector: one entry for each STAMP session (RFC 8762 section 4).

Ports and SSIDs are many (2^32 for one address), and whoever may send can try them all. So the table is shared
out when it is full: a source that has its share or more makes room for its new session among its own ones.
"""

from collections import OrderedDict
from typing import NamedTuple

from ..wire.ntp import NANOSECONDS
from .replay import ReplayWindow
from .sources import source_of

MAX_SESSIONS = 65_536
IDLE_NS = 900 * NANOSECONDS
"""A session unused for so long is forgotten: REFWAIT's default in TWAMP (RFC 5357 section 3.1)."""

LOOK_NS = NANOSECONDS
"""How often it is looked whether sessions can be forgotten."""


SAMPLE = 8
"""Sessions looked at to find one that was not used for long."""
MOST_FORGOTTEN = 64
"""Idle sessions dropped at once, so that no packet waits for tens of thousands of them."""


class SessionId(NamedTuple):
    """What packets of one session have in common (RFC 8972 section 3)."""

    peer: str
    peer_port: int
    local: str
    local_port: int
    ssid: int


class ReflectedSession:
    """What is kept of one session."""

    __slots__ = ("received", "replay", "source", "transmitted", "used_at")

    def __init__(self, source: str) -> None:
        self.source = source
        """Whose share of the table it takes: see `source_of`."""
        self.received = 0
        self.transmitted = 0
        self.replay: ReplayWindow | None = None
        """Of signed packets."""
        self.used_at = 0

    def admit(self, sequence: int, timestamp: int) -> bool:
        """Whether a signed packet is new; it is taken note of then."""
        if self.replay is None:
            self.replay = ReplayWindow()
        return self.replay.admit(sequence, timestamp)


class SessionTable:
    """The sessions, of which those unused for longest go when there are too many."""

    def __init__(self, *, max_sessions: int = MAX_SESSIONS, idle_ns: int = IDLE_NS) -> None:
        self._max_sessions = max_sessions
        self._idle_ns = idle_ns
        self._sessions: OrderedDict[SessionId, ReflectedSession] = OrderedDict()
        """In order of use."""
        self._of_source: dict[str, OrderedDict[SessionId, None]] = {}
        self._largest = ""
        """The source that was last found to have more than its share."""
        self._look_at = 0
        self.evicted = 0
        """Sessions that went for want of room."""

    def __len__(self) -> int:
        return len(self._sessions)

    def session(self, key: SessionId, now: int) -> ReflectedSession:
        """The session, perhaps a new one. `now` in monotonic nanoseconds."""
        if now >= self._look_at:
            self._look_at = now + LOOK_NS
            self._forget_idle(now)
        session = self._sessions.get(key)
        if session is None:
            session = self._begin(key)
        else:
            self._sessions.move_to_end(key)
        session.used_at = now
        return session

    def _begin(self, key: SessionId) -> ReflectedSession:
        source = source_of(key.peer)
        if len(self._sessions) >= self._max_sessions:
            self._make_room(source)
        session = self._sessions[key] = ReflectedSession(source)
        self._of_source.setdefault(source, OrderedDict())[key] = None
        return session

    def _make_room(self, source: str) -> None:
        """For a session of `source`: among its own, if it has its share, else among those of who has more."""
        self.evicted += 1
        share = self._max_sessions // len(self._of_source)
        if len(self._of_source.get(source, ())) >= share:
            self._largest = source
            self._forget(self._least_used(source))
        elif len(self._of_source.get(self._largest, ())) > share:
            self._forget(self._least_used(self._largest))
        else:
            self._forget(next(iter(self._sessions)))

    def _least_used(self, source: str) -> SessionId:
        """Of the sessions of a source one unused for long: the best of a few, others the next time."""
        own = self._of_source[source]
        keys = [own.popitem(last=False)[0] for _ in range(min(SAMPLE, len(own)))]
        own.update(dict.fromkeys(keys))
        return min(keys, key=lambda key: self._sessions[key].used_at)

    def _forget(self, key: SessionId) -> None:
        source = self._sessions.pop(key).source
        own = self._of_source[source]
        del own[key]
        if not own:
            del self._of_source[source]

    def _forget_idle(self, now: int) -> None:
        """Drop the sessions unused for too long: they stand in front, in order of use."""
        for _ in range(MOST_FORGOTTEN):
            key = next(iter(self._sessions), None)
            if key is None or now - self._sessions[key].used_at <= self._idle_ns:
                return
            self._forget(key)
        self._look_at = now  # more of them with the next packet

"""Writes of the operator that the watches have still to show: a watch that does not is suspect. Pure."""

from collections.abc import Container
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Awaited:
    """Versions of one object that were stored at our request."""

    oldest: int
    newest: int
    since: float
    """When the oldest was written, by the caller's clock."""


@dataclass(slots=True)
class PendingWrites:
    """Objects by UID whose written version no watch has shown yet.

    The answer to a request tells what was stored; only the watch can tell that the watch works.
    """

    _awaited: dict[str, _Awaited] = field(default_factory=dict)

    def expect(self, uid: str, version: int, *, now: float) -> None:
        """Note that this version was stored, and is newer than what the watch has shown."""
        awaited = self._awaited.get(uid)
        if awaited is None:
            self._awaited[uid] = _Awaited(version, version, now)
        else:
            awaited.newest = max(awaited.newest, version)

    def shown(self, uid: str, version: int, *, now: float) -> None:
        """Note that a watch has shown this version, and with it all before."""
        awaited = self._awaited.get(uid)
        if awaited is None or version < awaited.oldest:
            return
        if version >= awaited.newest:
            del self._awaited[uid]
        else:
            awaited.oldest, awaited.since = awaited.newest, now

    def forget(self, uid: str) -> None:
        """Forget an object that has gone."""
        self._awaited.pop(uid, None)

    def missing(self, uid: str, version: int) -> bool:
        """Return whether a version up to this one was written and not shown."""
        awaited = self._awaited.get(uid)
        return awaited is not None and awaited.oldest <= version

    def late(self, *, before: float) -> bool:
        """Return whether something written before that instant has not been shown yet."""
        return any(awaited.since < before for awaited in self._awaited.values())

    def retain(self, listed: Container[str], *, before: float) -> None:
        """Forget what the API no longer lists, and what was written before that list."""
        gone = [uid for uid, one in self._awaited.items() if uid not in listed and one.since < before]
        for uid in gone:
            del self._awaited[uid]

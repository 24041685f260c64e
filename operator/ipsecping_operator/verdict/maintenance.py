"""Which window of maintenance is open, and which opens next, at one instant. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ipsecping_operator.compile.compiled import MaintenanceWindow
from ipsecping_operator.compile.cron import fire_times

SECOND = 1_000_000_000
Windows = tuple[MaintenanceWindow, ...]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that a window is open: from `start` on, until `end`; Unix times, nanoseconds."""

    name: str
    reason: str | None
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What the windows say at one instant, and until when they say so."""

    windows: Windows
    at: int
    changes: int | None
    """When they say something else; None: never."""
    open: Occurrence | None = None
    """Of those that are open, the one that closes last."""
    next: Occurrence | None = None
    """The first that opens afterwards."""
    over: tuple[str, ...] = ()
    """Names of windows that are not open again, where none is open."""

    def stands(self, windows: Windows, *, now: int) -> bool:
        """Whether another look would see the same."""
        return windows is self.windows and self.at <= now and (self.changes is None or now < self.changes)


def look(windows: Windows, *, now: int, before: Outlook | None = None) -> Outlook:
    """What the windows say at `now`; `before` is the last look, which may still stand.

    A window is open from its start on, and closed from its end on. Where one opens in the instant in which
    another closes, there is nothing in between.
    """
    if before is not None and before.stands(windows, now=now):
        return before
    near = [each for window in windows for each in _occurrences(window, now=now)]
    is_open = [each for each in near if each.start <= now < each.end]
    coming = [each for each in near if each.start > now]
    shown = max(is_open, key=lambda each: each.end, default=None)
    following = min(coming, key=lambda each: each.start, default=None)
    changes = [shown.end] if shown is not None else []
    if following is not None:
        changes.append(following.start)
    return Outlook(
        windows=windows,
        at=now,
        changes=min(changes, default=None),
        open=shown,
        next=following,
        over=tuple(each.name for each in near if each.end <= now) if shown is None else (),
    )


def _occurrences(window: MaintenanceWindow, *, now: int) -> Iterator[Occurrence]:
    """The window's occurrences that are open at `now`, and the next one; of one time, that one."""
    for start in _starts(window, after=now - window.length):
        yield Occurrence(window.name, window.reason, start, start + window.length)
        if start > now:
            break


def _starts(window: MaintenanceWindow, *, after: int) -> Iterable[int]:
    """When it opens: once, or each time after `after`."""
    if window.cron is None:
        assert window.start is not None
        return (window.start,)
    begin = datetime.fromtimestamp(0, tz=UTC) + timedelta(microseconds=after // 1000)
    return (int(each.timestamp()) * SECOND for each in fire_times(window.cron, after=begin, skipped=True))

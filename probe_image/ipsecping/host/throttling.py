"""How long the cgroup's CPU limit has held this process back.

Control groups of version 1 say so in `cpu.stat` of the `cpu` controller (`throttled_time`, nanoseconds),
those of version 2 in `cpu.stat` of the unified hierarchy (`throttled_usec`). A limit of a group further up
holds us back as well and is counted up there alone, so every group that can be seen is read. Source:
Documentation/scheduler/sched-bwc.rst, Documentation/admin-guide/cgroup-v2.rst, cgroups(7), proc(5).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

STAT = "cpu.stat"
FRESH = 20_000_000
"""A reading serves for so long (nanoseconds): a prober with thousands of paths reads no more often."""
MAX_LEVELS = 32

_NANOSECONDS_PER = {"throttled_time": 1, "throttled_usec": 1000}
_SELF_CGROUP, _SELF_MOUNTS = Path("/proc/self/cgroup"), Path("/proc/self/mountinfo")


class _Mount(NamedTuple):
    root: PurePosixPath
    """The part of the hierarchy that is mounted."""
    point: PurePosixPath


def stat_files(cgroup: str, mountinfo: str) -> list[PurePosixPath]:
    """Where the CPU limits of a process stand, its own group's first; empty when they cannot be seen.

    The arguments are the texts of /proc/PID/cgroup and /proc/PID/mountinfo. The `cpu` controller belongs to
    one version at a time: where version 1 has it mounted, version 2 knows nothing of it.
    """
    groups = dict(_groups(cgroup))
    mounts = dict(_mounts(mountinfo))
    for controller in ("cpu", ""):
        group, mount = groups.get(controller), mounts.get(controller)
        # Without the mounted part above it, a group's place is not known: better none than another one's.
        if group is not None and mount is not None and group.is_relative_to(mount.root):
            own = mount.point / group.relative_to(mount.root)
            levels = [own, *own.parents][:MAX_LEVELS]
            return [level / STAT for level in levels if level.is_relative_to(mount.point)]
    return []


def throttled(stat: str) -> int | None:
    """The time in the text of a `cpu.stat` (nanoseconds); None where the group has no CPU limit."""
    for line in stat.splitlines():
        name, _, value = line.partition(" ")
        if name in _NANOSECONDS_PER and value.isascii() and value.isdigit():
            return int(value) * _NANOSECONDS_PER[name]
    return None


class ThrottleWatch:
    """The time that one process was held back, summed over its groups."""

    def __init__(self, files: Sequence[Path], *, read: Callable[[Path], str] = Path.read_text) -> None:
        """`files` that do not exist or do not say anything count nothing."""
        self._files = files
        self._read = read
        self._seen = dict.fromkeys(files, 0)
        self._read_at: int | None = None

    def total(self, *, now: int) -> int:
        """Nanoseconds since some moment in the past; `now` is monotonic. Never decreases."""
        if self._read_at is None or now - self._read_at > FRESH:
            self._read_at = now
            for file in self._files:
                self._seen[file] = max(self._seen[file], self._value(file))
        return sum(self._seen.values())

    def _value(self, file: Path) -> int:
        try:
            return throttled(self._read(file)) or 0
        except (OSError, UnicodeError):
            return 0


@cache
def own_throttling() -> ThrottleWatch:
    """That of this process, in the groups it is in when this is called first."""
    try:
        found = stat_files(_SELF_CGROUP.read_text(), _SELF_MOUNTS.read_text())
    except (OSError, UnicodeError):
        found = []
    return ThrottleWatch([file for file in map(Path, found) if _says_anything(file)])


def _says_anything(file: Path) -> bool:
    try:
        return throttled(file.read_text()) is not None
    except (OSError, UnicodeError):
        return False


def _groups(cgroup: str) -> Iterator[tuple[str, PurePosixPath]]:
    """Controller and group; the unified hierarchy's controller is empty."""
    for line in cgroup.splitlines():
        _, _, rest = line.partition(":")
        controllers, separator, group = rest.partition(":")
        if separator and group.startswith("/"):
            for controller in controllers.split(","):
                yield controller, PurePosixPath(group)


def _mounts(mountinfo: str) -> Iterator[tuple[str, _Mount]]:
    """Controller and where it is mounted; see proc(5) for the fields."""
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        places, kind = fields.split(" ")[3:5], rest.split(" ")
        if len(places) < 2 or len(kind) < 3 or kind[0] not in ("cgroup", "cgroup2"):
            continue
        mount = _Mount(*(PurePosixPath(_unescaped(place)) for place in places))
        for controller in kind[2].split(",") if kind[0] == "cgroup" else ("",):
            yield controller, mount


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)

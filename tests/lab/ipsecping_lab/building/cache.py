"""The cache: each entry is a directory named by a digest of everything that it was made from.

An entry appears under its final name only when complete (made under a temporary name, then renamed), so a
build that was killed leaves nothing that a later one could mistake for a result.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from ..host.locks import locked
from ..layout import cache_directory

Maker = Callable[[Path], None]
"""Fills the directory that it is given."""
KEEP_DAYS = 30
KEEP_NEWEST = 4
"""When an entry is made, those of its name are removed that are unused for so long or more than so many."""


def digest(parts: Iterable[bytes | str | Path]) -> str:
    """A short digest of texts and of files' contents, in order."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            content = part.read_bytes()
        else:
            content = part.encode() if isinstance(part, str) else part
        total.update(len(content).to_bytes(8, "big"))
        total.update(content)
    return total.hexdigest()[:20]


def entry(kind: str, name: str, key: str) -> Path:
    """Where the entry is or will be; marks it as used."""
    path = cache_directory() / kind / f"{name}-{key}"
    if path.is_dir():
        os.utime(path)
    return path


def produce(
    kind: str, name: str, key: str, make: Maker, *, on_wait: Callable[[], None] = lambda: None
) -> Path:
    """The entry, made by ``make(directory)`` when it is not there. One process at a time makes it."""
    path = entry(kind, name, key)
    if path.is_dir():
        return path
    with locked(cache_directory() / "locks" / f"{kind}-{name}", on_wait=on_wait):
        if path.is_dir():
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent, name)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=path.parent))
        try:
            make(unfinished)
            unfinished.chmod(0o755)
            unfinished.rename(path)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return path


def _sweep(directory: Path, name: str) -> None:
    """Remove what killed builds of ``name`` left (its lock is held), and entries of it that nobody needs.

    Neither a digest nor what mkdtemp makes up has a dash: entries of ``name-more`` are another's.
    """
    for leftover in directory.glob(f".{name}-*"):
        if "-" not in leftover.name.removeprefix(f".{name}-"):
            shutil.rmtree(leftover, ignore_errors=True)
    oldest = time.time() - KEEP_DAYS * 86400
    own = [path for path in directory.glob(f"{name}-*") if "-" not in path.name.removeprefix(f"{name}-")]
    entries = sorted(own, key=lambda path: path.stat().st_mtime, reverse=True)
    for place, path in enumerate(entries):
        if place >= KEEP_NEWEST - 1 or path.stat().st_mtime < oldest:
            shutil.rmtree(path, ignore_errors=True)

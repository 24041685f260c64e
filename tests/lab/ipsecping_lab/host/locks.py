"""Locks between runs: two `lab up` must not trample one another, two builds need not do the same work."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(
    path: Path, *, on_wait: Callable[[], None], remove: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Hold the lock file ``path``; call ``on_wait`` once when somebody else holds it.

    The kernel gives the lock back when its holder dies, however it dies. Where
    ``remove`` says so the file is taken away at the end; whoever waited for it tries again with a new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _acquire(path, on_wait)
    try:
        yield
    finally:
        if remove():
            path.unlink(missing_ok=True)
        os.close(descriptor)


def _acquire(path: Path, on_wait: Callable[[], None]) -> int:
    told = False
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not told:
                on_wait()
                told = True
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is_still(path, descriptor):
            return descriptor
        os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.stat(path).st_ino == os.fstat(descriptor).st_ino  # noqa: PTH116
    except FileNotFoundError:
        return False

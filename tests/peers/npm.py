"""Packages from the npm registry, installed once into the user's cache directory."""

import shutil
import sys
from pathlib import Path

from ipsecping_lab.building import cache
from ipsecping_lab.errors import LabError
from ipsecping_lab.host.commands import run
from ipsecping_lab.progress import Progress

from .missing import PeerMissing

_SECONDS = 300.0
"""How long a download may take."""


def packages(name: str, *pinned: str) -> Path:
    """A folder whose node_modules has these packages (`name@version`). It is cached under `name`.

    No script of a package runs.

    Raises:
        PeerMissing: there is no npm, or the registry does not answer.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise PeerMissing(f"{', '.join(pinned)} need npm: apt install npm")

    def make(directory: Path) -> None:
        with Progress(sys.stderr).step(f"npm install {' '.join(pinned)}"):
            words = ["install", "--ignore-scripts", "--no-audit", "--no-fund", f"--prefix={directory}"]
            run([npm, *words, *pinned], timeout=_SECONDS)

    try:
        return cache.produce("peers", f"npm-{name}", cache.digest([*pinned]), make)
    except LabError as error:
        raise PeerMissing(f"{', '.join(pinned)}: {error}") from error

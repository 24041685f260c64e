"""Wheel, source distribution and the prober as one file."""

import os
import subprocess
import sys
from pathlib import Path

from .versions import Release


def build(root: Path, release: Release, target: Path) -> None:
    """Make them in `target`, by the build backend that is installed: nothing is downloaded."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(release.timestamp)}
    words = (sys.executable, "-m", "hatchling", "build", "--directory", str(target))
    subprocess.run(words, cwd=root, env=environment, check=True, stdout=subprocess.DEVNULL)
    one_file = target / f"ipsecping-{release.version}.pyz"
    zipapp = root / "scripts" / "zipapp.py"
    subprocess.run((sys.executable, zipapp, one_file), check=True, stdout=subprocess.DEVNULL)

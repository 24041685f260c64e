"""Programs from Debian packages: the machine's own, else a copy in the user's cache, else installed."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from ipsecping_lab.building import cache as store
from ipsecping_lab.errors import LabError
from ipsecping_lab.host import packages
from ipsecping_lab.host.commands import run
from ipsecping_lab.progress import Progress

from .missing import PeerMissing

_FOLDERS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where packages put programs; a user's own path may lack those for root."""
_SECONDS = 300.0
"""How long a download may take."""


def program(name: str, package: str) -> str:
    """Find a program, or fetch its package into the cache: that takes no root and changes no machine.

    Where that copy lacks a library it is installed instead (as root only).

    Raises:
        PeerMissing: it is not there and cannot be had; the message says how a user gets it.
    """
    found = _find(name)
    if found is not None:
        return found
    there = _fetched(name, package)
    if isinstance(there, Path):
        return str(there)
    try:
        return installed(name, package)
    except PeerMissing as error:
        raise PeerMissing(f"{error}; and {there}") from error


def installed(name: str, *package: str) -> str:
    """Find a program that needs the rest of its package in place (plug-ins, libraries); installed if need be.

    Raises:
        PeerMissing: it is not there and cannot be installed; the message says how a user gets it.
    """
    found = _find(name)
    if found is None:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise PeerMissing(
                f"{name} is not installed and this user may not: apt install {' '.join(package)}"
            )
        try:
            packages.ensure(package, Progress(sys.stderr))
        except LabError as error:
            raise PeerMissing(f"{name}: {error}") from error
        found = _find(name)
    if found is None:
        raise PeerMissing(f"{' '.join(package)} brings no {name}")
    return found


def _find(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=_FOLDERS)


@cache
def _fetched(name: str, package: str) -> Path | LabError:
    """The program in the cache, or why it is not there: asked once, for a mirror may be slow to fail."""
    try:
        return _unpacked(name, package)
    except LabError as error:
        return error


def _unpacked(name: str, package: str) -> Path:
    """The program in the cache, from its package alone. Raises LabError."""
    release = Path("/etc/os-release")
    key = store.digest([package, release if release.exists() else "", os.uname().machine])

    def make(directory: Path) -> None:
        with Progress(sys.stderr).step(f"Debian package {package}, unpacked into the cache"):
            archive = _download(package, directory)
            run(["dpkg-deb", "--extract", archive, directory])
            archive.unlink()

    directory = store.produce("peers", f"deb-{package}", key, make)
    for folder in _FOLDERS.split(":"):
        path = directory / folder.removeprefix("/") / name
        if path.exists():
            _check_libraries(path)
            return path
    raise LabError(f"the package {package} brings no {name}")


def _download(package: str, directory: Path) -> Path:
    """The package's file, by the lists that apt has; by new ones of our own where those are absent or old."""
    scratch = directory / ".apt"
    (scratch / "lists" / "partial").mkdir(parents=True)
    (scratch / "archives" / "partial").mkdir(parents=True)
    own = ["-o", f"Dir::State::Lists={scratch / 'lists'}", "-o", f"Dir::Cache={scratch}"]
    try:
        try:
            run(["apt-get", "-q", "download", package], cwd=directory, timeout=_SECONDS)
        except LabError:
            run(["apt-get", "-q", *own, "update"], timeout=_SECONDS)
            run(["apt-get", "-q", *own, "download", package], cwd=directory, timeout=_SECONDS)
    finally:
        shutil.rmtree(scratch)
    (archive,) = directory.glob("*.deb")
    return archive


def _check_libraries(path: Path) -> None:
    """Raise LabError where the program would not start for a library that this machine lacks."""
    said = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    lacking = [line.split()[0] for line in said.splitlines() if line.endswith("not found")]
    if lacking:
        raise LabError(f"a copy of {path.name} lacks {', '.join(lacking)}")

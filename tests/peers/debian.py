"""Peers from Debian packages, installed once where that is possible."""

import os
import shutil
import sys

from ipsecping_lab.errors import LabError
from ipsecping_lab.host import packages
from ipsecping_lab.progress import Progress

from .missing import PeerMissing

_FOLDERS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where packages put programs; a user's own path may lack those for root."""


def program(name: str, package: str) -> str:
    """The path of a program, whose package is installed first if need be (seconds; as root only).

    Raises:
        PeerMissing: it is not there and cannot be installed; the message says how a user gets it.
    """
    found = _find(name)
    if found is None:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise PeerMissing(f"{name} is not installed and this user may not: apt install {package}")
        try:
            packages.ensure([package], Progress(sys.stderr))
        except LabError as error:
            raise PeerMissing(f"{name}: {error}") from error
        found = _find(name)
    if found is None:
        raise PeerMissing(f"the package {package} brings no {name}")
    return found


def _find(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=_FOLDERS)

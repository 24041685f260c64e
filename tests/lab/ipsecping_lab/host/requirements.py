"""What a machine must be for the lab, said plainly when it is not."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import LabError
from .commands import run

_ELSEWHERE = "With a cluster of your own: LAB=existing KUBECONFIG=... LAB_CONTEXT=... (tests/lab/README.md)."


@dataclass(frozen=True, slots=True)
class Requirement:
    """Something that must hold, and what to say when it does not."""

    holds: Callable[[], bool]
    otherwise: str


REQUIREMENTS = (
    Requirement(lambda: platform.system() == "Linux", "the lab needs Linux (network namespaces, IPsec)."),
    Requirement(
        lambda: platform.machine() == "x86_64",
        "the lab needs an x86-64 machine: Debian has User-mode Linux for no other.",
    ),
    Requirement(
        lambda: os.geteuid() == 0,
        "the lab needs root: it makes network namespaces and mounts. Run it with sudo.",
    ),
    Requirement(
        lambda: shutil.which("apt-get") is not None and shutil.which("dpkg-query") is not None,
        "the lab installs its tools with apt and was made for Debian 12.",
    ),
)


def check() -> None:
    """Refuse a machine on which the lab cannot work.

    Raises:
        LabError: with the reason and with what works there instead.
    """
    for requirement in REQUIREMENTS:
        if not requirement.holds():
            raise LabError(f"{requirement.otherwise}\n{_ELSEWHERE}")
    for module in ("br_netfilter", "overlay", "tun"):
        # built in, loaded already, or not there: what needs it says so itself
        run([shutil.which("modprobe", path="/usr/sbin:/sbin") or "true", "--quiet", module], check=False)

"""Debian packages: install what is missing, without starting the services that they bring."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import LabError
from ..layout import cache_directory
from ..progress import Progress
from .commands import run, run_logged

COMMON = (
    "iproute2",
    "procps",
    "util-linux",
    "openssl",
    "gcc",
    "libc6-dev",
    "python3-venv",
    "ca-certificates",
)
CLUSTER = ("containerd", "runc", "containernetworking-plugins", "iptables", "nftables", "tcpdump", "kmod")
IPSEC = (
    "user-mode-linux",
    "charon-systemd",
    "strongswan-swanctl",
    "libstrongswan-standard-plugins",
    "iptables",
    "conntrack",
    "iputils-ping",
    "tcpdump",
    "kmod",
)
IMAGES = ("buildah", "mmdebstrap")
_SERVICES = {
    "containerd": "containerd.service",
    "charon-systemd": "strongswan.service",
    "prometheus-alertmanager": "prometheus-alertmanager.service",
}
"""Packages whose service nobody wants on the machine: the lab and the tests run their own."""
_POLICY = Path("/usr/sbin/policy-rc.d")
_POLICY_TEXT = "#!/bin/sh\n# by the ipsecping lab, for as long as it installs packages\nexit 101\n"


def ensure(packages: Iterable[str], progress: Progress) -> None:
    """Install those that are missing.

    Raises:
        LabError: apt fails; the error carries its log.
    """
    missing = sorted(set(packages) - _installed())
    if not missing:
        return
    log = cache_directory() / "log" / "apt.log"
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=600"]
    install: list[str | Path] = [*apt, "install", "--no-install-recommends", *missing]
    with progress.step(f"apt: {' '.join(missing)}"), _services_left_alone():
        # half-configured packages of an interrupted run would make every install fail
        run(["dpkg", "--configure", "-a"], env=environment, check=False)
        try:
            run_logged([*apt, "update"], log=log, what="apt-get update", env=environment)
        except LabError as error:
            progress.say(f"{error.message}; trying with the package lists that are there")
        run_logged(install, log=log, what="installing Debian packages", env=environment)
    for package in missing:
        _disable(package)


def _installed() -> set[str]:
    listing = run(["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n"]).stdout
    return {line.split()[0] for line in listing.splitlines() if line.endswith(" installed")}


@contextmanager
def _services_left_alone() -> Iterator[None]:
    """Debian asks policy-rc.d whether a package may start its service; the answer is no meanwhile."""
    ours = not _POLICY.exists() or _POLICY.read_text() == _POLICY_TEXT
    if ours:
        _POLICY.write_text(_POLICY_TEXT)
        _POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            _POLICY.unlink(missing_ok=True)


def _disable(package: str) -> None:
    service = _SERVICES.get(package)
    if service and shutil.which("systemctl") and Path("/run/systemd/system").is_dir():
        run(["systemctl", "disable", "--quiet", service], check=False)

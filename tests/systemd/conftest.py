"""One guest for all tests of this folder; they change it, each in its own part."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipsecping_lab.building.binaries import GUEST_NAMES, binaries
from ipsecping_lab.errors import LabError
from ipsecping_lab.host import packages, requirements
from ipsecping_lab.progress import Progress

from ..docs import documents
from . import image
from .machine import Machine, booted

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("e2fsprogs", "gcc", "libc6-dev", "mmdebstrap", "user-mode-linux", "util-linux")
NEAR = "10.244.0.1"
"""An address that the environment file as shipped allows, on the guest's loopback."""


def payload() -> dict[str, bytes]:
    """The repository as far as the documented commands need it, and the program that `make zipapp` builds."""
    subprocess.run(
        [sys.executable, "-I", "-S", ROOT / "scripts" / "zipapp.py"], check=True, capture_output=True
    )
    files = [ROOT / "dist" / "ipsecping.pyz", *(ROOT / "probe_image" / "deploy" / "systemd").iterdir()]
    return {str(file.relative_to(ROOT)): file.read_bytes() for file in files}


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """Debian under systemd, on whose loopback there is NEAR."""
    try:
        requirements.check()
        packages.ensure(TOOLS, Progress(sys.stderr))
        disk, shim = image.disk(), binaries(GUEST_NAMES, progress=Progress(sys.stderr))[GUEST_NAMES[0]]
    except LabError as error:
        pytest.skip(f"no guest in User-mode Linux here: {error.message.splitlines()[0]}")
    with booted(disk, shim, payload()) as made:
        made.run(f"ip address add {NEAR}/32 dev lo")
        yield made


@pytest.fixture(scope="session")
def reflector(machine: Machine) -> Machine:
    """The same with the reflector, as its documentation installs it."""
    machine.run(documents.commands("reflector.md", behind="Under systemd:", done=("make zipapp",)))
    return machine

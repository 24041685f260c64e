"""Where a lab keeps its files, and what its things are called.

``LAB_NAME`` (default ``ipsecping-lab``) names the network namespace, the state directory, the cgroup and
the node, so that several labs can live on one machine beside each other.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import LabError

DEFAULT_NAME = "ipsecping-lab"
SOURCE = Path(__file__).resolve().parent.parent
"""The lab's own sources: ``tests/lab``."""
REPOSITORY = SOURCE.parent.parent
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")


def cache_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Where built binaries and images stay: ``$XDG_CACHE_HOME/ipsecping``, else ``~/.cache/ipsecping``."""
    base = environment.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "ipsecping"


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one lab. All but the lock and the network namespace's pin lie under ``state``."""

    name: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Layout:
        """The lab that ``LAB_NAME`` names."""
        name = environment.get("LAB_NAME", DEFAULT_NAME)
        if not _NAME.fullmatch(name):
            raise LabError(
                f"LAB_NAME={name!r}: use at most 40 lower-case letters, digits and dashes, a letter first"
            )
        return cls(name)

    @property
    def state(self) -> Path:
        return Path("/var/lib") / self.name

    @property
    def netns(self) -> Path:
        return Path("/run/netns") / self.name

    @property
    def lock(self) -> Path:
        return Path("/run/lock") / f"{self.name}.lock"

    @property
    def run(self) -> Path:
        """Records of processes and of what must be put back."""
        return self.state / "run"

    @property
    def log(self) -> Path:
        return self.state / "log"

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def conf(self) -> Path:
        return self.state / "conf"

    @property
    def guest(self) -> Path:
        """What the User-mode Linux guest reads, so world-readable: it runs as an unprivileged user."""
        return self.state / "guest"

    @property
    def control_socket(self) -> Path:
        return self.run / "control.sock"

    @property
    def kubeconfig(self) -> Path:
        return self.pki / "admin.kubeconfig"

    def log_file(self, component: str) -> Path:
        return self.log / f"{component}.log"

    def record(self, process: str) -> Path:
        return self.run / f"{process}.pid"

    def make(self) -> None:
        """Create the directories that every part of the lab needs."""
        self.state.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.run.mkdir(mode=0o700, exist_ok=True)
        self.log.mkdir(mode=0o755, exist_ok=True)
        self.conf.mkdir(mode=0o755, exist_ok=True)

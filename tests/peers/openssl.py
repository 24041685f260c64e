"""The program openssl, which makes certificates and serves TLS for tests."""

import subprocess
from pathlib import Path

from . import debian


def openssl_path() -> str:
    """Where it is; fetched if need be. Raises PeerMissing."""
    return debian.program("openssl", "openssl")


def openssl(*arguments: str | Path) -> str:
    """Run it to its end and return what it printed. Raises PeerMissing, CalledProcessError where it fails."""
    command = [openssl_path(), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout

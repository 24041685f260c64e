"""Members of the hostile zoo as processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..peers.openssl import openssl_path

_PATIENCE = 30.0


@contextmanager
def hostile(kind: str, port: int = 0) -> Iterator[int]:
    """A target of that kind; the port that it listens on."""
    with _started(kind, port) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline().rpartition(" ")[2])


@contextmanager
def tormented(kind: str, port: int) -> Iterator[None]:
    """A client of that kind at work on a port."""
    with _started(kind, port):
        yield


@contextmanager
def _started(kind: str, port: int) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.peers.hostile", kind, str(port)]
    folders = [os.environ.get("PATH", os.defpath)]
    if kind.startswith("tls"):
        folders.append(str(Path(openssl_path()).parent))  # they call it by its name
    environment = {**os.environ, "PATH": os.pathsep.join(folders)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(_PATIENCE)

"""A real reflector in a process of its own, for the commands that measure."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import pytest

COMMAND = (sys.executable, "-m", "ipsecping")


class Reflector(NamedTuple):
    stamp: int
    echo: int


@pytest.fixture(scope="package")
def reflector() -> Iterator[Reflector]:
    """Answers STAMP and UDP echo on ports of 127.0.0.1."""
    command = [*COMMAND, "reflect", "--stamp", "127.0.0.1:0", "--udp-echo", "127.0.0.1:0"]
    with subprocess.Popen([*command, "--allow", "127.0.0.0/8"], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            ports = [int(re.findall(r"port (\d+)", process.stderr.readline())[0]) for _ in range(2)]
            yield Reflector(*ports)
        finally:
            process.terminate()


@contextmanager
def signed_reflector(keys: Path) -> Iterator[int]:
    """The port of a reflector that answers packets with a key of the file alone."""
    command = [*COMMAND, "reflect", "--stamp", "127.0.0.1:0", "--key-file", str(keys)]
    with subprocess.Popen([*command, "--allow", "127.0.0.0/8"], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            yield int(re.findall(r"port (\d+)", process.stderr.readline())[0])
        finally:
            process.terminate()


def ipsecping(
    *arguments: str, stdout: int | IO[str] = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command without a terminal."""
    return subprocess.run(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )

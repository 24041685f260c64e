"""Peer programs that listen on loopback for the time of a test."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def running(*command: str, ready: str) -> Iterator[None]:
    """Run a peer; goes on once it has printed a line that contains `ready`."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as peer:
        assert peer.stdout is not None
        said: list[str] = []
        try:
            for line in peer.stdout:
                said.append(line)
                if ready in line:
                    break
            else:
                pytest.fail(f"{command[0]} ended before it was ready: {''.join(said)}")
            yield
        finally:
            peer.kill()

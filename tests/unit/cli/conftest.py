"""A real reflector in a process of its own, for the commands that measure."""

import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import IO, Any, NamedTuple
from unittest.mock import patch

import pytest

from ipsecping.cli.main import main

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


def ipsecping(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command without a terminal, in this process: to start a Python takes 0.25 s of CPU each time."""
    output, errors = (TextIOWrapper(BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with (
        patch.dict(os.environ, environment),
        Path(os.devnull).open() as nothing,
        patch.object(sys, "stdin", nothing),
        redirect_stdout(output),
        redirect_stderr(errors),
        _logging_kept(),
    ):
        try:
            code = main(arguments)
        except SystemExit as ended:  # argparse, of wrong usage
            code = ended.code if isinstance(ended.code, int) else 0
    said, told = (stream.buffer.getvalue().decode() for stream in (output, errors))
    return subprocess.CompletedProcess(arguments, code, said, told)


def in_a_process(
    *arguments: str, stdin: str | None = None, stdout: int | IO[str] = subprocess.PIPE, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run a command in a process of its own: where its streams or its start are what is tested."""
    given: dict[str, Any] = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    return subprocess.run(
        [*COMMAND, *arguments],
        **given,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
        check=False,
    )


@contextmanager
def _logging_kept() -> Iterator[None]:
    """Put the root logger back as it was: a command sets it up for its own standard error."""
    root, asyncios = logging.getLogger(), logging.getLogger("asyncio")
    handlers, levels = root.handlers[:], (root.level, asyncios.level)
    root.handlers = []
    try:
        yield
    finally:
        root.handlers = handlers
        for logger, level in zip((root, asyncios), levels, strict=True):
            logger.setLevel(level)

"""Run a program and turn its failure into an error that a person can read."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import LabError


def run(
    argv: Sequence[str | Path],
    *,
    stdin: str | None = None,
    check: bool = True,
    timeout: float | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run ``argv`` to its end and return its output.

    Raises:
        LabError: it is missing, takes longer than ``timeout`` seconds or (with ``check``) fails.
    """
    try:
        done = subprocess.run(
            [str(word) for word in argv],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            env=None if env is None else dict(env),
            cwd=cwd,
            check=False,
        )
    except FileNotFoundError as error:
        raise LabError(f"cannot run {argv[0]}: {error}") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"no end within {timeout:.0f} s: {_shown(argv)}") from error
    if check and done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise LabError(f"{_shown(argv)} failed with status {done.returncode}: {said}")
    return done


def run_logged(
    argv: Sequence[str | Path],
    *,
    log: Path,
    what: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Run a long program with its output in ``log``.

    Raises:
        LabError: it is missing or fails; the error carries the log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file:
        print("+", shlex.join([str(word) for word in argv]), file=file, flush=True)
        try:
            done = subprocess.run(
                [str(word) for word in argv],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=None if env is None else dict(env),
                cwd=cwd,
                check=False,
            )
        except FileNotFoundError as error:
            raise LabError(f"{what}: cannot run {argv[0]}: {error}") from error
    if done.returncode != 0:
        raise LabError(f"{what} failed (status {done.returncode})", log=log)


def _shown(argv: Sequence[str | Path]) -> str:
    return shlex.join([str(word) for word in argv])[:300]

"""Our own two programs as processes, as their users start them."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

ALLOWED = "0.0.0.0/0"
"""Everybody: loopback and namespaces without an uplink."""
PATIENCE = 60.0
"""Seconds after which a program that should have ended is taken for stuck."""


def ping(*arguments: str, inside: Sequence[str] = ()) -> dict[str, Any]:
    """`ipsecping ping ARGUMENTS --json`: the object that it prints. `inside` are words before the command.

    Exit code 1 says that nothing was answered; the object says so too.
    """
    return _printed("ping", *arguments, inside=inside)


def mtu(*arguments: str) -> dict[str, Any]:
    """The same of `ipsecping mtu`."""
    return _printed("mtu", *arguments)


def audit(*arguments: str) -> dict[str, Any]:
    """The same of `ipsecping audit`; exit code 1 says that there is a finding, or no answer."""
    return _printed("audit", *arguments)


def _printed(*arguments: str, inside: Sequence[str] = ()) -> dict[str, Any]:
    done = subprocess.run(
        [*inside, sys.executable, "-m", "ipsecping", *arguments, "--json"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


@dataclass(slots=True)
class Reflector:
    """A running `ipsecping reflect`."""

    process: "subprocess.Popen[str]"
    port: int
    lines: list[dict[str, Any]]

    def stop(self) -> dict[str, Any]:
        """End it as systemd does; the counters that it logs last. A clean exit is part of the promise."""
        self.process.terminate()
        _, said = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0, said
        self.lines += [json.loads(line) for line in said.splitlines()]
        return [line for line in self.lines if line["message"] == "counters"][-1]


@contextmanager
def reflector(
    kind: str,
    *arguments: str,
    address: str = "127.0.0.1",
    inside: Sequence[str] = (),
    port: int = 0,
    allow: str = ALLOWED,
) -> Iterator[Reflector]:
    """`ipsecping reflect --KIND ADDRESS:PORT --allow ... ARGUMENTS`, answering when the body begins.

    `kind` is `stamp` or `udp-echo`.
    """
    with subprocess.Popen(
        [*inside, sys.executable, "-m", "ipsecping", "reflect", "--log-format", "json",
         f"--{kind}", f"{address}:{port}", "--allow", allow, *arguments],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stderr is not None
            first = json.loads(process.stderr.readline())
            yield Reflector(process, int(first["message"].rpartition(" ")[2]), [first])
        finally:
            if process.poll() is None:
                process.kill()

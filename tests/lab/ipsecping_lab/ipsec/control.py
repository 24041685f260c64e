"""Ask the guest to do something, by way of the supervisor's socket."""

from __future__ import annotations

import json
import shlex
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import LabError
from ..layout import Layout

GUEST = "/run/lab"
"""Where the guest finds its files (see guest_files.py)."""
_MARGIN = 15
"""Seconds that an answer may take beyond the time-out of what was asked."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command in one of the guest's namespaces. ``tolerant``: its failure does not end a batch."""

    argv: tuple[str, ...]
    namespace: str = "left"
    stdin: str = ""
    tolerant: bool = False
    timeout: float = 30
    environment: Mapping[str, str] = field(default_factory=dict)

    def request(self) -> dict[str, Any]:
        return {
            "op": "run",
            "argv": list(self.argv),
            "ns": self.namespace,
            "stdin": self.stdin,
            "tolerant": self.tolerant,
            "timeout": self.timeout,
            "env": dict(self.environment),
        }

    def __str__(self) -> str:
        return f"in {self.namespace}: {shlex.join(self.argv)}"


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str


class Control:
    """A client of the guest. Every call is one connection, so that it may be shared between threads."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def call(self, request: Mapping[str, Any], *, timeout: float = 30) -> dict[str, Any]:
        """The guest's answer.

        Raises:
            LabError: the gateways are not up, or do not answer in time.
        """
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(timeout + _MARGIN)
                line.connect(str(self._layout.control_socket))
                line.sendall((json.dumps(request) + "\n").encode())
                answer: dict[str, Any] = json.loads(line.makefile("rb").readline() or "null") or {}
        except (FileNotFoundError, ConnectionRefusedError):
            raise LabError("the IPsec gateways are not up: run `lab up`") from None
        except TimeoutError:
            raise LabError("the IPsec gateways do not answer", log=self._layout.log_file("console")) from None
        if "rc" not in answer:
            raise LabError("the IPsec gateways ended meanwhile", log=self._layout.log_file("console"))
        return answer

    def ready(self) -> bool:
        """Whether the guest answers."""
        try:
            return bool(self.call({"op": "hello"}, timeout=5)["rc"] == 0)
        except LabError:
            return False

    def run(self, command: Command) -> Done:
        """Run it and return how it ended, whatever its status."""
        answer = self.call(command.request(), timeout=command.timeout)
        return Done(answer["rc"], answer.get("out", ""), answer.get("err", ""))

    def check(self, command: Command) -> str:
        """Run it and return its output.

        Raises:
            LabError: it failed.
        """
        done = self.run(command)
        if done.status != 0:
            raise LabError(f"{command} failed ({done.status}): {(done.err or done.out).strip()}")
        return done.out

    def batch(self, steps: Sequence[Mapping[str, Any]]) -> None:
        """Several requests in order, in one go; nothing else that comes in a batch gets between them.

        Raises:
            LabError: one that is not tolerant failed; those behind it were not done.
        """
        if not steps:
            return
        answer = self.call({"op": "batch", "steps": list(steps)}, timeout=60)
        if answer["rc"] != 0:
            said = (answer.get("err") or answer.get("out", "")).strip()
            step = steps[answer.get("failed", 0)]
            words = shlex.join(step.get("argv", [step["op"]]))
            raise LabError(f"in {step.get('ns', 'the guest')}: {words} failed ({answer['rc']}): {said}")

    def read(self, path: str) -> str | None:
        """Content of a file in the guest; None when there is none."""
        answer = self.call({"op": "read", "path": path})
        return answer["out"] if answer["rc"] == 0 else None

    def spawn(self, key: str, argv: Sequence[str], *, namespace: str, environment: Mapping[str, str]) -> None:
        """Start a service in the guest unless it runs."""
        request = {"op": "spawn", "key": key, "argv": list(argv), "ns": namespace, "env": dict(environment)}
        answer = self.call(request)
        if answer["rc"] != 0:
            raise LabError(f"starting {key} failed: {answer.get('err', '')}")

    def kill(self, key: str) -> None:
        """End a service in the guest; fine when it does not run."""
        self.call({"op": "kill", "key": key})

    def services(self) -> dict[str, bool]:
        """Services that were started, and whether each still runs."""
        running: dict[str, bool] = self.call({"op": "services"})["services"]
        return running

    def await_file(self, path: str, *, seconds: float) -> bool:
        return bool(
            self.call({"op": "await_file", "path": path, "timeout": seconds}, timeout=seconds)["rc"] == 0
        )

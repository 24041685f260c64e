"""The one exception that the lab raises for what a person can understand and mend."""

from __future__ import annotations

from collections import deque
from pathlib import Path


class LabError(Exception):
    """A step failed. ``message`` says what and how to mend it; ``log`` is the file that explains it."""

    def __init__(self, message: str, *, log: Path | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.log = log

    def explain(self, *, lines: int = 25) -> str:
        """The message with the tail of its log and the log's path."""
        if self.log is None:
            return self.message
        tail = tail_of(self.log, lines=lines)
        if not tail:
            return f"{self.message}\n  (log {self.log} is empty)"
        shown = "\n".join(f"  | {line}" for line in tail)
        return f"{self.message}\n{shown}\n  log: {self.log}"


def tail_of(path: Path, *, lines: int) -> list[str]:
    """The last lines of a text file; none when it cannot be read."""
    try:
        with path.open(errors="replace") as file:
            return [line.rstrip("\n") for line in deque(file, maxlen=lines)]
    except OSError:
        return []

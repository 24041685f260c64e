"""A wall clock of the operator's that tests set."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from . import settable


class Clock:
    """The operator's wall clock."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.file.touch()
        self.off = timedelta()
        self.set(self.off)

    def set(self, off: timedelta) -> None:
        """Let it be so far from the true time from now on."""
        self.off = off
        with self.file.open("r+b") as file:  # written over: the operator has it mapped
            file.write(settable.NANOSECONDS.pack(int(off.total_seconds()) * 1_000_000_000))

    def now(self) -> datetime:
        """What it shows."""
        return datetime.now(UTC) + self.off

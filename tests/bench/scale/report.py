"""What the bench prints: progress, and a table in the end."""

import os
import time
from dataclasses import dataclass, field

CHILDREN_GOAL = 1.3
REQUESTS_GOAL = 70.0
MEMORY_GOAL = 150.0
RESTART_GOAL = 30.0


@dataclass(slots=True)
class Row:
    """One figure; `met` is None where there is no goal."""

    what: str
    seen: str
    goal: str = ""
    met: bool | None = None


@dataclass(slots=True)
class Report:
    """Gathers figures, and says how far the run is."""

    checks: int
    began: float = field(default_factory=time.monotonic)
    bare: dict[str, float] = field(default_factory=dict)
    busy: dict[str, float] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)

    def say(self, text: str) -> None:
        """A line of progress."""
        print(f"{time.monotonic() - self.began:7.1f} s  {text}", flush=True)

    def add(self, what: str, seen: str, *, goal: str = "", met: bool | None = None) -> None:
        """A figure for the table."""
        self.rows.append(Row(what, seen, goal, met))
        self.say(f"{what}: {seen}")

    @property
    def passed(self) -> bool:
        """Every goal was met."""
        return all(row.met is not False for row in self.rows)

    def table(self) -> str:
        """All figures, as Markdown."""
        lines = [
            "",
            f"{self.checks} checks, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end",
            "",
            "| writes by the plain client, ten in flight | bare API server | beside the controllers |",
            "| --- | --- | --- |",
            *(f"| {what} | {self.bare[what]:.1f} s | {self.busy[what]:.1f} s |" for what in self.bare),
            "",
            "| the operator | seen | goal | |",
            "| --- | --- | --- | --- |",
            *(f"| {row.what} | {row.seen} | {row.goal} | {_word(row.met)} |" for row in self.rows),
        ]
        return "\n".join(lines)


def _word(met: bool | None) -> str:
    return {None: "", True: "met", False: "missed"}[met]

"""One line per step: what, and for how long. A live timer on a terminal, plain lines elsewhere."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

REMIND_AFTER = 30.0
"""Seconds after which a step still under way says so where there is no terminal."""


@dataclass(slots=True)
class Step:
    """A step under way. ``note`` is shown behind its title, also when it is done."""

    title: str
    started: float
    note: str = ""
    reminded: float = field(default=0.0)

    def text(self) -> str:
        return f"{self.title}: {self.note}" if self.note else self.title


class Progress:
    """Steps may run in several threads at once; each prints its own line when it ends."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stdout
        self._live = self._stream.isatty()
        self._began = time.monotonic()
        self._steps: list[Step] = []
        self._lock = threading.Lock()
        self._ticker: threading.Thread | None = None

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show ``title`` while the body runs, and how long it took afterwards."""
        step = Step(title, time.monotonic())
        step.reminded = step.started
        with self._lock:
            self._steps.append(step)
            self._start_ticker()
            self._draw()
        try:
            yield step
        except BaseException:
            self._end(step, mark="FAILED")
            raise
        self._end(step, mark="")

    def say(self, text: str) -> None:
        """A line of its own, for what is no step."""
        with self._lock:
            self._print(f"          {text}")
            self._draw()

    def _end(self, step: Step, *, mark: str) -> None:
        with self._lock:
            self._steps.remove(step)
            took = time.monotonic() - step.started
            self._print(f"{self._clock()}  {mark + ' ' if mark else ''}{step.text()} ({took:.1f} s)")
            self._draw()

    def _clock(self) -> str:
        return f"{time.monotonic() - self._began:6.1f} s"

    def _print(self, line: str) -> None:
        self._stream.write(f"\r\x1b[K{line}\n" if self._live else f"{line}\n")
        self._stream.flush()

    def _draw(self) -> None:
        """The line of the steps under way; the caller holds the lock."""
        if not self._live:
            return
        now = time.monotonic()
        under_way = "; ".join(f"{step.text()} {now - step.started:.0f} s" for step in self._steps)
        line = f"{self._clock()}  … {under_way}" if under_way else ""
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(f"\r\x1b[K{line[:width]}")
        self._stream.flush()

    def _start_ticker(self) -> None:
        if self._ticker is None or not self._ticker.is_alive():
            self._ticker = threading.Thread(target=self._tick, daemon=True)
            self._ticker.start()

    def _tick(self) -> None:
        while True:
            time.sleep(0.25)
            with self._lock:
                if not self._steps:
                    self._ticker = None
                    return
                self._draw()
                self._remind()

    def _remind(self) -> None:
        now = time.monotonic()
        for step in self._steps:
            if not self._live and now - step.reminded >= REMIND_AFTER:
                step.reminded = now
                self._print(f"{self._clock()}  … {step.text()}, {now - step.started:.0f} s so far")

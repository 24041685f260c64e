"""Wait for something to become true, and say why it did not."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from ..errors import LabError


def wait_until(
    ready: Callable[[], bool],
    *,
    what: str,
    seconds: float,
    log: Path | None = None,
    alive: Callable[[], bool] = lambda: True,
    every: float = 0.05,
) -> None:
    """Poll ``ready`` until it holds.

    Raises:
        LabError: ``seconds`` are over, or ``alive`` says that it can no longer come true.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        if not alive():
            raise LabError(f"{what}: the process ended", log=log)
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not ready within {seconds:.0f} s", log=log)
        time.sleep(every)

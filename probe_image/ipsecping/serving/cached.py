"""A text that is made anew only so often that making it takes little time, however many ask for it."""

import time
from collections.abc import Callable

REST = 20
"""It is handed out for so many times the time that it took to make it."""


class CachedText:
    """What `make` makes, now or a moment ago; `clock` gives monotonic seconds."""

    def __init__(self, make: Callable[[], bytes], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._make = make
        self._clock = clock
        self._text = b""
        self._fresh_until = float("-inf")

    def text(self) -> bytes:
        """Raises what `make` raises."""
        began = self._clock()
        if began >= self._fresh_until:
            self._text = self._make()
            ended = self._clock()
            self._fresh_until = ended + REST * (ended - began)
        return self._text

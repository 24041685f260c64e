"""Tells the log that packets were left unanswered, seldom enough that a flood of them does not fill it."""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from ..wire.ntp import NANOSECONDS
from .admission import Drop

R = TypeVar("R", bound=StrEnum)
INTERVAL_NS = 60 * NANOSECONDS

QUEUE = "QueueFull"
HINTS = {
    Drop.NOT_ALLOWED.value: "see --allow",
    QUEUE: "dropped by the kernel: this program was too slow",
    Drop.RESERVED_PORT.value: "source port below 1024: see --allow-source-port",
    Drop.TTL_EXPIRED.value: "came with a TTL or hop limit of 1, and an answer has one less",
    Drop.OTHER_MODE.value: "signed, and answered only with --key-file, without --keys-for-tlvs",
    Drop.TOO_LONG.value: "see --max-octets",
}


class DropReport:
    """What is new since it was last told, at most once a minute."""

    def __init__(self) -> None:
        self._told: Counter[str] = Counter()
        self._told_at: int | None = None

    def due(
        self,
        dropped: Mapping[R, int],
        now: int,
        queue_drops: int = 0,
        last: Mapping[R, str] | None = None,
    ) -> str | None:
        """A line about the drops so far, or None when there is nothing to tell yet. Monotonic nanoseconds.

        `queue_drops`: packets that the kernel dropped before they were seen. `last`: from whom the newest one
        came, by reason.
        """
        if self._told_at is not None and now - self._told_at < INTERVAL_NS:
            return None
        so_far = Counter({reason.value: count for reason, count in dropped.items()})
        so_far[QUEUE] = queue_drops
        fresh = so_far - self._told
        if not fresh:
            return None
        self._told, self._told_at = so_far, now
        sources = {reason.value: f"the last one from {source}" for reason, source in (last or {}).items()}
        return "not answered: " + ", ".join(
            f"{count} {reason}{_in_brackets(HINTS.get(reason), sources.get(reason))}"
            for reason, count in sorted(fresh.items())
        )


def _in_brackets(*parts: str | None) -> str:
    said = "; ".join(filter(None, parts))
    return f" ({said})" if said else ""

"""When the API server is to be left alone: after it has asked for that (429, Retry-After). Pure.

API Priority and Fairness tells requests apart by account, verb and resource, and refuses those of one kind
while it takes others: so kinds of requests wait each for themselves.
"""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from ipsecping_operator.backoff import Backoff, Chance

BACKOFF = Backoff(first=1.0, longest=8.0, spread=0.0)
"""Pauses where the server asks for none, or for shorter ones again and again."""
LONGEST = 20.0
"""Seconds that are waited at most, whatever the server asks for: no status is to stand still for an hour."""
SPREAD = 0.1
"""Share that chance adds: those who were refused together do not come back together."""
_SECONDS = re.compile(r"[0-9]{1,9}")


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float:
    """Seconds that the header Retry-After (RFC 9110, section 10.2.3) asks to wait: a number, or a date.

    A date is counted from the server's own (header Date), from `now` where it gives none. 0 where there is
    nothing to be understood.
    """
    asked = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(asked):
        return float(asked)
    until = _date(asked)
    if until is None:
        return 0.0
    return max((until - (_date(headers.get("Date", "")) or now)).total_seconds(), 0.0)


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # Of an obsolete form, or with the zone -0000.
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Pause:
    until: float
    refusals: int


@dataclass(slots=True)
class Throttling:
    """The kinds of requests that wait, and until when. Times are seconds of a steady clock."""

    longest: float = LONGEST
    _pauses: dict[str, _Pause] = field(default_factory=dict)

    def left(self, kind: str, *, now: float) -> float:
        """Seconds before a request of this kind may be sent."""
        pause = self._pauses.get(kind)
        return 0.0 if pause is None else max(pause.until - now, 0.0)

    def learn(
        self,
        kind: str,
        status: int,
        headers: Mapping[str, str],
        *,
        sent: float,
        now: float,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Chance = random.random,
    ) -> bool:
        """Learn from the answer to a request that was sent at `sent`; whether it was put off.

        That is what 429 means, and an error of the server that asks to come back.
        """
        if status == 429 or (status >= 500 and "Retry-After" in headers):
            self._put_off(kind, retry_after(headers, now=wall()), sent=sent, now=now, chance=chance())
            return True
        before = self._pauses.get(kind)
        if before is not None and sent >= before.until:
            del self._pauses[kind]
        return False

    def _put_off(self, kind: str, asked: float, *, sent: float, now: float, chance: float) -> None:
        """Pauses grow while that goes on. What was sent before a pause is put off with it and counts once."""
        before = self._pauses.get(kind)
        if before is not None and sent < before.until:
            before.until = max(before.until, now + min(asked, self.longest))
            return
        refusals = 1 if before is None else before.refusals + 1
        wait = min(max(asked, BACKOFF.pause(refusals)), self.longest) * (1 + SPREAD * chance)
        self._pauses[kind] = _Pause(now + wait, refusals)

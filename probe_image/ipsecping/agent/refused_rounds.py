"""Who refused packets of the newest rounds, since nothing has been answered any more.

Hosts limit ICMP errors, and rounds go on while a diagnosis measures: what they were told it may not be.
"""

from collections.abc import Iterator

from ..contract import CheckRef, PlannedCheck, RoundResult
from ..contract.refused_packets import RefusedPackets

MAX_KEPT = 1024
"""Probes of paths, each with one address: a megabyte, or three where each is refused by several."""
NEWEST = 3
"""Rounds of each."""

_Key = tuple[CheckRef, str, str | None]
_Round = tuple[int, tuple[RefusedPackets, ...]]


class RefusedRounds:
    """An observer of results (see Agent)."""

    def __init__(self) -> None:
        self._rounds: dict[_Key, tuple[_Round, ...]] = {}

    def __call__(self, _: PlannedCheck, result: RoundResult) -> None:
        """Remember the round if packets were refused and none was answered; an answer ends it all."""
        if result.invalid is not None or not result.sent:
            return
        key = result.check, result.probe, result.remote_ip
        before = self._rounds.pop(key, ())
        if result.received or any(reason.misanswered for reason in result.losses):
            return
        if not before and not result.refused:
            return
        if len(self._rounds) >= MAX_KEPT:
            del self._rounds[next(iter(self._rounds))]
        self._rounds[key] = (*before, (result.started_at, result.refused))[-NEWEST:]

    def of(self, check: CheckRef, probe: str, address: str) -> Iterator[tuple[int, RefusedPackets]]:
        """Yield what was refused there in the newest rounds, with when its round began (Unix nanoseconds)."""
        for at, refused in self._rounds.get((check, probe, address), ()):
            for each in refused:
                yield at, each

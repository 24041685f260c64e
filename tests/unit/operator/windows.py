"""Windows of a probe's rounds, and what is said of them."""

from dataclasses import replace
from typing import Any

from ipsecping.contract import Invalidity
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.verdict.judge import Expectation, ProbeKey, Verdict, judge
from ipsecping_operator.verdict.packed_histogram import EMPTY, unpack
from ipsecping_operator.verdict.tally import Tally
from ipsecping_operator.verdict.window import Window

from .builders import NOON, SECOND, check, result

FIVE_MINUTES = 300 * SECOND


def filled(*rounds: Any, length: int = FIVE_MINUTES, **shared: Any) -> Window:
    """A round every 30 s from noon; each is a count of answers (of ten), or a dict of a result's values."""
    window = Window(length=length)
    for index, given in enumerate(rounds):
        values = {"received": given} if isinstance(given, int) else given
        at = NOON + index * 30 * SECOND
        made = result(at=at, **(shared | values))
        window.add(Tally.of(made, start=at), now=at + made.duration)
    return window


def verdict(
    window: Window | None, of: CompiledCheck | None = None, *, after: float = 0, known_last: int | None = None
) -> Verdict:
    """The verdict on a single probe's window, `after` seconds past its newest round."""
    windows: dict[ProbeKey, Window] = {} if window is None else {("default", "ping"): window}
    last = NOON if window is None or window.last is None else window.last.end
    now = last + int(after * SECOND)
    if window is not None:
        window.forget(now=now)
    return judge(of or check(), windows, expected=Expectation(since=NOON, known_last=known_last), now=now)


def tally(at: int, *, received: int = 10, invalid: bool = False) -> Tally:
    blame = Invalidity.LATE_TICKS if invalid else None
    made = result(at=at, received=received, invalid=blame, duration=SECOND)
    return Tally.of(made, start=at)


def told(tally: Tally | None) -> Any:
    """The order of a packed histogram's buckets means nothing."""
    return None if tally is None else (replace(tally, packed_rtt=EMPTY), unpack(tally.packed_rtt))

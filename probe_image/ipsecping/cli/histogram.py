"""Round-trip times as bars, one line for each range of times."""

from bisect import bisect_right
from itertools import pairwise

from ..contract import Histogram
from ..contract.histogram import bucket_bounds

ROWS = 12
WIDE_RANGE = 8
"""From this quotient of longest and shortest time on, ranges grow by a factor rather than by a sum."""
LEAST_BAR = 10
_EIGHTHS = " ▏▎▍▌▋▊▉"


def histogram_lines(rtt: Histogram, *, width: int, unicode: bool) -> list[str]:
    """At most `ROWS` lines that leave the terminal's last column free; none without times.

    A time stands in the range of its bucket's midpoint: off by at most the histogram's relative error.
    """
    if rtt.min is None or rtt.max is None:
        return []
    edges = _edges(rtt.min, rtt.max)
    counts = [0] * (len(edges) - 1)
    for index, count in rtt.counts.items():
        low, high = bucket_bounds(index, rtt.precision)
        middle = min(max((low + high) / 2, rtt.min), rtt.max)
        counts[min(bisect_right(edges, middle) - 1, len(counts) - 1)] += count
    shown = [f"{edge / 1e6:.3f}" for edge in edges]
    longest = max(len(text) for text in shown)
    labels = [f"{low.rjust(longest)} - {high.rjust(longest)} ms" for low, high in pairwise(shown)]
    digits = len(str(max(counts)))
    room = max(width - len(labels[0]) - digits - 4, LEAST_BAR)
    edge = "▕" if unicode else "|"
    lines = []
    for label, count in zip(labels, counts, strict=True):
        bar = _bar(count / max(counts) * room, unicode=unicode)
        lines.append(f"{label} {str(count).rjust(digits)} {edge}{bar}".rstrip())
    return lines


def _edges(low: int, high: int) -> list[float]:
    if low == high:
        return [low, high]
    if low and high / low >= WIDE_RANGE:
        factor = (high / low) ** (1 / ROWS)
        return [low * factor**row for row in range(ROWS)] + [high]
    rows = min(ROWS, high - low)
    return [low + (high - low) * row / rows for row in range(rows)] + [high]


def _bar(length: float, *, unicode: bool) -> str:
    """A bar of that many characters; whatever is there is seen."""
    if not unicode:
        return "#" * max(round(length), length > 0)
    eighths = max(round(length * 8), length > 0)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()

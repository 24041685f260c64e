"""Pack histograms into bytes: they take a tenth of the memory that way. Pure."""

from array import array
from functools import lru_cache
from itertools import chain
from struct import Struct

from ipsecping.contract import Histogram

PackedHistogram = bytes
"""`_HEAD`, then pairs of bucket and count, 2 bytes each where all of them fit, else 4."""

_HEAD = Struct("=BBBQQQQ")
"""Precision, bytes of a number in the pairs (0: there is no value), the sum's bits from the 65th on, then
how many values there are, their sum, minimum and maximum.

64 bits hold the sum of what a prober can measure in a day. An agent that makes its results up can tell of
more (extra rounds that overlap), but of less than a tenth of 72 bits: `check.timetable` takes at most some
600,000 rounds in the longest window.
"""
_LOW = 2**64 - 1
_SIZES = {2: "H", 4: "I"}


def pack(rtt: Histogram) -> PackedHistogram:
    """The same figures."""
    try:
        pairs = array("H", chain.from_iterable(rtt.counts.items()))
    except OverflowError:
        pairs = array("I", chain.from_iterable(rtt.counts.items()))
    size = 0 if rtt.min is None else pairs.itemsize
    head = _HEAD.pack(
        rtt.precision, size, rtt.sum >> 64, rtt.count, rtt.sum & _LOW, rtt.min or 0, rtt.max or 0
    )
    return head + pairs.tobytes()


def unpack(packed: PackedHistogram) -> Histogram:
    """The same figures, to read and to add to."""
    precision, size, high, count, low, least, most = _HEAD.unpack_from(packed)
    if not size:
        return Histogram(precision=precision)
    pairs = array(_SIZES[size], packed[_HEAD.size :])
    return Histogram(
        precision=precision,
        counts=dict(zip(pairs[::2], pairs[1::2], strict=True)),
        count=count,
        sum=high << 64 | low,
        min=least,
        max=most,
    )


def precision_of(packed: PackedHistogram) -> int:
    """Of the histogram, without unpacking it."""
    return packed[0]


def extremes_of(packed: PackedHistogram) -> tuple[int, int] | None:
    """Minimum and maximum (nanoseconds) without unpacking; None when there is no value."""
    _, some, _, _, _, least, most = _HEAD.unpack_from(packed)
    return (least, most) if some else None


@lru_cache(maxsize=256)
def percentiles_of(packed: PackedHistogram, percents: tuple[float, ...]) -> list[int]:
    """As `Histogram.percentiles`. A check of many probes asks time and again of those that did not change."""
    return unpack(packed).percentiles(percents)


EMPTY = pack(Histogram())

"""A histogram at rest: a string of octets where the living one has a dictionary, ten times as large. Pure."""

from array import array
from itertools import chain
from struct import Struct

from ipsecping.contract import Histogram

PackedHistogram = bytes
"""`_HEAD`, then pairs of bucket and count, 4 octets each."""

_HEAD = Struct("=B?QQQQ")
"""Precision, whether there is any value, then their number, sum, minimum and maximum."""


def pack(rtt: Histogram) -> PackedHistogram:
    """The same figures."""
    pairs = array("I", chain.from_iterable(rtt.counts.items()))
    some = rtt.min is not None
    return _HEAD.pack(rtt.precision, some, rtt.count, rtt.sum, rtt.min or 0, rtt.max or 0) + pairs.tobytes()


def unpack(packed: PackedHistogram) -> Histogram:
    """The same figures, to read and to add to."""
    precision, some, count, total, least, most = _HEAD.unpack_from(packed)
    pairs = array("I", packed[_HEAD.size :])
    return Histogram(
        precision=precision,
        counts=dict(zip(pairs[::2], pairs[1::2], strict=True)),
        count=count,
        sum=total,
        min=least if some else None,
        max=most if some else None,
    )


def precision_of(packed: PackedHistogram) -> int:
    """Of the histogram, without unpacking it."""
    return packed[0]


def extremes_of(packed: PackedHistogram) -> tuple[int, int] | None:
    """Minimum and maximum (nanoseconds) without unpacking; None when there is no value."""
    _, some, _, _, least, most = _HEAD.unpack_from(packed)
    return (least, most) if some else None


EMPTY = pack(Histogram())

"""A histogram at rest: a string of octets where the living one has a dictionary, ten times as large. Pure."""

from array import array
from dataclasses import dataclass

from ipsecping.contract import Histogram


@dataclass(frozen=True, slots=True)
class PackedHistogram:
    """What `Histogram` holds; `octets` are pairs of bucket and count, 4 octets each."""

    precision: int
    count: int
    sum: int
    min: int | None
    max: int | None
    octets: bytes

    @classmethod
    def of(cls, rtt: Histogram) -> "PackedHistogram":
        """The same figures."""
        pairs = array("I", (number for pair in rtt.counts.items() for number in pair))
        return cls(rtt.precision, rtt.count, rtt.sum, rtt.min, rtt.max, pairs.tobytes())

    def unpack(self) -> Histogram:
        """The same figures, to read and to add to."""
        pairs = memoryview(self.octets).cast("I")
        counts = dict(zip(pairs[::2], pairs[1::2], strict=True))
        return Histogram(
            precision=self.precision,
            counts=counts,
            count=self.count,
            sum=self.sum,
            min=self.min,
            max=self.max,
        )


EMPTY = PackedHistogram.of(Histogram())

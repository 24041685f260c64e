"""Pack tallies into bytes: what a window keeps takes half the memory that way. Pure."""

from operator import attrgetter
from struct import Struct
from struct import error as DoesNotFit  # noqa: N812 - what it means here
from typing import TypeAlias

from .packed_histogram import PackedHistogram
from .tally import COUNTS, Tally

PackedTally: TypeAlias = bytes | Tally
"""`_FIELDS`, then the histogram; a tally with anything that these cannot express is kept as it is."""

_FIELDS = Struct(f"=qqq?{len(COUNTS)}H")
"""Start, end, sum of jitter, whether directions are known, and the counts."""
_SPAN = Struct("=qq")
_ROUNDS = Struct("=H")
_ROUNDS_AT = _FIELDS.size - _ROUNDS.size * len(COUNTS)
_packed_fields = attrgetter("start", "end", "jitter_sum", "directed", *COUNTS)


def pack_tally(tally: Tally) -> PackedTally:
    """The same figures in bytes; the tally itself where they do not fit."""
    if _tells_more(tally):
        return tally
    try:
        return _FIELDS.pack(*_packed_fields(tally)) + tally.packed_rtt
    except DoesNotFit:
        return tally


def _tells_more(tally: Tally) -> bool:
    """Whether it has something that `_FIELDS` has no place for."""
    return bool(tally.invalid or tally.losses or tally.figures or tally.invalidity is not None)


def unpack_tally(packed: PackedTally) -> Tally:
    """The tally that was packed."""
    if isinstance(packed, Tally):
        return packed
    start, end, jitter_sum, directed, *counts = _FIELDS.unpack_from(packed)
    return Tally(
        start=start,
        end=end,
        jitter_sum=jitter_sum,
        directed=directed,
        packed_rtt=packed[_FIELDS.size :],
        **dict(zip(COUNTS, counts, strict=True)),
    )


def start_of(packed: PackedTally) -> int:
    """When the first of its rounds began."""
    return packed.start if isinstance(packed, Tally) else int(_SPAN.unpack_from(packed)[0])


def end_of(packed: PackedTally) -> int:
    """When the last of its rounds ended."""
    return packed.end if isinstance(packed, Tally) else int(_SPAN.unpack_from(packed)[1])


def rounds_of(packed: PackedTally) -> int:
    """How many valid rounds it adds up."""
    return packed.rounds if isinstance(packed, Tally) else int(_ROUNDS.unpack_from(packed, _ROUNDS_AT)[0])


def rtt_of(packed: PackedTally) -> PackedHistogram:
    """Its round-trip times."""
    return packed.packed_rtt if isinstance(packed, Tally) else packed[_FIELDS.size :]

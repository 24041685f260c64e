"""A tally at rest: a string of octets where the living one has two dozen fields, twice as large. Pure."""

from operator import attrgetter
from struct import Struct
from struct import error as DoesNotFit  # noqa: N812 - what it means here
from typing import TypeAlias

from .packed import PackedHistogram
from .tally import Tally

Held: TypeAlias = bytes | Tally
"""`_FIELDS`, then the histogram; a tally that tells more than those is kept as it is."""

_COUNTS = (
    "rounds",
    "sent",
    "received",
    "duplicates",
    "reordered",
    "forward_lost",
    "reverse_lost",
    "undirected",
    "jitter_count",
    "reached",
)
_FIELDS = Struct(f"=qqq?{len(_COUNTS)}H")
"""Start, end, sum of jitter, whether directions are known, and the counts."""
_SPAN = Struct("=qq")
_ROUNDS = Struct("=H")
_ROUNDS_AT = _FIELDS.size - _ROUNDS.size * len(_COUNTS)
_packed_fields = attrgetter("start", "end", "jitter_sum", "directed", *_COUNTS)


def hold(tally: Tally) -> Held:
    """The same in as little memory as it takes."""
    if _tells_more(tally):
        return tally
    try:
        return _FIELDS.pack(*_packed_fields(tally)) + tally.packed_rtt
    except DoesNotFit:
        return tally


def _tells_more(tally: Tally) -> bool:
    """Whether it has something that `_FIELDS` has no place for."""
    return bool(tally.invalid or tally.losses or tally.figures or tally.invalidity is not None)


def tally_of(held: Held) -> Tally:
    """The tally that is held."""
    if isinstance(held, Tally):
        return held
    start, end, jitter_sum, directed, *counts = _FIELDS.unpack_from(held)
    return Tally(
        start=start,
        end=end,
        jitter_sum=jitter_sum,
        directed=directed,
        packed_rtt=held[_FIELDS.size :],
        **dict(zip(_COUNTS, counts, strict=True)),
    )


def start_of(held: Held) -> int:
    """When the first of its rounds began."""
    return held.start if isinstance(held, Tally) else int(_SPAN.unpack_from(held)[0])


def end_of(held: Held) -> int:
    """When the last of its rounds ended."""
    return held.end if isinstance(held, Tally) else int(_SPAN.unpack_from(held)[1])


def rounds_of(held: Held) -> int:
    """How many valid rounds it adds up."""
    return held.rounds if isinstance(held, Tally) else int(_ROUNDS.unpack_from(held, _ROUNDS_AT)[0])


def rtt_of(held: Held) -> PackedHistogram:
    """Its round-trip times."""
    return held.packed_rtt if isinstance(held, Tally) else held[_FIELDS.size :]

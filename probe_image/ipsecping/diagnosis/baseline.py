"""A baseline with what is known of the controls. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType

from .evidence import Baseline, Part


def with_controls(
    baseline: Baseline | None, *, at: int, answered_at: Mapping[Part, int], silent: Collection[Part]
) -> Baseline | None:
    """Return the baseline with what was learnt of some controls, which outweighs what it says of them.

    `answered_at`: controls that answer, and when they did last (nanoseconds since the Unix epoch); `silent`:
    those that were asked while the path was well and never answered; `at`: when that was learnt, as the
    instant of a baseline of nothing else. Nothing learnt and no baseline: None.
    """
    if not answered_at and not silent:
        return baseline
    known = baseline or Baseline(at=at)
    answering = (known.controls - frozenset(silent)) | frozenset(answered_at)
    when = {part: at for part, at in {**known.answered_at, **answered_at}.items() if part in answering}
    return replace(
        known,
        controls=answering,
        answered_at=MappingProxyType(when),
        silent=(known.silent | frozenset(silent)) - answering,
    )

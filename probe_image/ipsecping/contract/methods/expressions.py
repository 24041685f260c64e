"""Texts and patterns that probes of several types send and look for."""

from functools import lru_cache

from ..fields import ContractError
from ..pattern import MAX_PATTERN, MalformedPattern, Pattern


@lru_cache(maxsize=256)
def pattern(text: str) -> Pattern:
    """The compiled pattern, one for all probes. Raises MalformedPattern."""
    return Pattern(text)


def read_pattern(value: object, path: str) -> str:
    """Read a pattern of a plan. Raises ContractError."""
    if not isinstance(value, str) or len(value) > MAX_PATTERN or not value.isprintable():
        raise ContractError(f"{path}: expected a printable pattern of at most {MAX_PATTERN} characters")
    try:
        pattern(value)
    except MalformedPattern as error:
        raise ContractError(f"{path}: {error}") from None
    return value


def is_unicode(text: str) -> bool:
    """Whether it can be written in UTF-8."""
    return not any("\ud800" <= each <= "\udfff" for each in text)

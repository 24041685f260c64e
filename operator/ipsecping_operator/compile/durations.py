"""Durations written as short as the API reads them."""

_UNITS = ((3600 * 10**9, "h"), (60 * 10**9, "m"), (10**9, "s"))


def shortest(nanoseconds: int) -> str:
    """The duration in the largest unit that writes it as a whole number, otherwise in milliseconds."""
    if not nanoseconds:
        return "0s"
    for size, unit in _UNITS:
        if nanoseconds % size == 0:
            return f"{nanoseconds // size}{unit}"
    whole, rest = divmod(nanoseconds, 10**6)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".") + "ms"

"""How figures read, in messages and in the status alike."""

import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from ipsecping.contract.bounds import MAX_EXPIRY

_MILLISECONDS = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,3})?)ms")
_UNITS = (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))


def percent(part: int, whole: int) -> str:
    """`part` of `whole` in percent with two decimals; only exactly nothing is 0.00, only all of it 100.00."""
    if whole <= 0:
        raise ValueError("a percentage of nothing")
    exact = Decimal(100 * part) / Decimal(whole)
    shown = exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    if part > 0:
        shown = max(shown, Decimal("0.01"))
    if part < whole:
        shown = min(shown, Decimal("99.99"))
    return str(shown)


def limit(value: Decimal) -> str:
    """A limit as a person wrote it: 1, 0.5."""
    return f"{value.normalize():f}"


def milliseconds(nanoseconds: int) -> str:
    """A measured time: 12.10ms; below a tenth of a millisecond with one digit more."""
    places = "0.001" if nanoseconds < 100_000 else "0.01"
    value = (Decimal(nanoseconds) / 1_000_000).quantize(Decimal(places), rounding=ROUND_HALF_UP)
    return f"{value}ms"


def from_milliseconds(written: str) -> int | None:
    """Read what `milliseconds` has written, as nanoseconds; None: it has not."""
    found = _MILLISECONDS.fullmatch(written)
    return None if found is None else int(Decimal(found[1]) * 1_000_000)


def signed_milliseconds(nanoseconds: int) -> str:
    """A difference of measured times: 2.10ms, -0.050ms."""
    return f"{'-' if nanoseconds < 0 else ''}{milliseconds(abs(nanoseconds))}"


def signed_points(share: Decimal) -> str:
    """A difference of shares (-1 to 1) in percentage points with two decimals: 1.50, -0.25, 0.00."""
    points = (100 * share).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    return str(points or Decimal("0.00"))


def span(nanoseconds: int) -> str:
    """A configured or elapsed time: 5m, 1m30s, 250ms, 0.5ms."""
    if nanoseconds % 1_000_000 and nanoseconds < 1_000_000_000:
        return f"{(Decimal(nanoseconds) / 1_000_000).normalize():f}ms"
    left = nanoseconds // 1_000_000
    parts = []
    for unit, size in _UNITS:
        if left >= size:
            parts.append(f"{left // size}{unit}")
            left %= size
    return "".join(parts) or "0s"


def moment(nanoseconds: int) -> str:
    """A time as Kubernetes writes it: 2026-11-23T20:15:04Z (whole seconds, rounded down).

    What is before 1970 or after 9999 is shown as the first or the last second of that span: there is no other
    way to write it (RFC 3339).
    """
    seconds = min(max(nanoseconds // 1_000_000_000, 0), MAX_EXPIRY)
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_moment(text: str) -> int:
    """Inverse of `moment`; raises ValueError."""
    parsed = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return int(parsed.timestamp()) * 1_000_000_000


def counted(count: int, noun: str) -> str:
    """`1 packet`, `30 packets`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

"""The options of another program, taken one by one: what nobody takes is named."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ipsecping.contract import METHODS, ProbeType

T = TypeVar("T")
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = re.compile(r"(?:[0-9]{1,9}(?:[.][0-9]{1,9})?(?:ms|s|m|h|d|w))+")
_PART = re.compile(r"([0-9]+(?:[.][0-9]+)?)(ms|s|m|h|d|w)")


class NoCounterpart(Exception):
    """What no probe of ours stands for; the message says why."""


class Given:
    """Options by name. Values are never quoted in notes: they may be passwords."""

    def __init__(self, values: object, note: Callable[[str, str], None], where: str = "") -> None:
        """`note` is called with the name of an option, `where` before it, and what is to be said of it."""
        self._left: dict[str, Any] = {}
        self._note = note
        self._where = where
        if isinstance(values, Mapping):
            self._left = {str(key): value for key, value in values.items() if value is not None}
        elif values is not None:
            note(where.rstrip("."), "is no group of options")

    def take(self, name: str, kind: type[T]) -> T | None:
        """The value, once; one of another kind is named and counts as absent."""
        value = self._left.pop(name, None)
        if value is None or (isinstance(value, kind) and (kind is not int or value is not True)):
            return value
        self.leave_taken(name, f"is no {kind.__name__}")
        return None

    def texts(self, name: str) -> list[str]:
        """A list of texts (numbers too), or one that stands alone."""
        value = self._left.pop(name, None)
        listed = value if isinstance(value, list) else [] if value is None else [value]
        plain = [str(each) for each in listed if isinstance(each, str | int | float)]
        if len(plain) < len(listed):
            self.leave_taken(name, "holds more than texts")
        return plain

    def number(self, name: str) -> float | None:
        """A number, also one written as text."""
        value = self._left.pop(name, None)
        if value is None:
            return None
        if isinstance(value, int | float | str) and re.fullmatch(r"[0-9]{0,9}(?:[.][0-9]{1,9})?", str(value)):
            return float(value) if str(value) else None
        self.leave_taken(name, "is no number")
        return None

    def milliseconds(self, name: str) -> int | None:
        """A duration as Go and Prometheus write it, `1m30s`."""
        value = self._left.pop(name, None)
        if value is None:
            return None
        found = milliseconds(str(value))
        if found is None:
            self.leave_taken(name, "is no duration")
        return found

    def group(self, name: str) -> "Given":
        """The options below a name."""
        return Given(self._left.pop(name, None), self._note, f"{self._where}{name}.")

    def part(self, values: object, of: str) -> "Given":
        """The options of one item of a list that was taken."""
        return Given(values, self._note, f"{self._where}{of}.")

    def has(self, name: str) -> bool:
        """It is given and not taken yet."""
        return name in self._left

    def leave(self, name: str, why: str) -> bool:
        """Say why an option has no counterpart, where it is given; whether it is."""
        if self._left.pop(name, None) is None:
            return False
        self.leave_taken(name, why)
        return True

    def leave_taken(self, name: str, why: str) -> None:
        """Say what of an option that was taken has no counterpart."""
        self._note(f"{self._where}{name}", why)

    def end(self) -> None:
        """Name what nobody took."""
        self.leave_all("has no counterpart")

    def leave_all(self, why: str) -> None:
        """Say of all that is left why it has no counterpart; what is off, nobody misses."""
        for name, value in self._left.items():
            if value is not False:
                self.leave_taken(name, why)
        self._left.clear()


def milliseconds(text: str) -> int | None:
    """`1m30s` in milliseconds; None where it is no duration."""
    if len(text) > 32 or not _DURATION.fullmatch(text):
        return None
    return round(sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text)))


def at_least_icmp_size(given: Given, name: str, common: dict[str, Any]) -> None:
    """Raise the size of an ICMP probe to the least that we send, and say so of the option that gave it."""
    least = METHODS[ProbeType.ICMP].least_size
    if common.get("size", least) < least:
        common["size"] = least
        given.leave_taken(name, f"{least} bytes are the least here")


def duration(value: float) -> str:
    """Milliseconds as the API writes them."""
    whole = round(value)
    if whole % 1000:
        return f"{whole}ms"
    return f"{whole // 60_000}m" if whole and whole % 60_000 == 0 else f"{whole // 1000}s"

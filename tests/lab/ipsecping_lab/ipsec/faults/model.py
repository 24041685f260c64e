"""What a fault is, and how the words of the command line become one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...errors import LabError
from ..control import Command
from ..topology import PATHS, TunnelPath
from .resources import Effect, Step

DIRECTIONS = ("out", "in")
"""out: from the left gateway (the pods) to the right one; in: back."""


@dataclass(frozen=True, slots=True)
class Argument:
    """A named value of a fault. Numbers within ``low`` and ``high``, or one of ``choices``."""

    name: str
    meaning: str
    default: str | None = None
    low: float = 0
    high: float = 0
    choices: tuple[str, ...] = ()

    def parse(self, fault: str, text: str) -> str:
        """``text`` if it is a value of this argument.

        Raises:
            LabError: it is not; the message names the fault and the argument.
        """
        if self.choices:
            if text not in self.choices:
                raise LabError(f"{fault}: {self.name}={text!r} must be one of {', '.join(self.choices)}")
            return text
        try:
            within = self.low <= float(text) <= self.high
        except ValueError:
            within = False
        if not within:
            raise LabError(
                f"{fault}: {self.name}={text!r} must be a number from {self.low:g} to {self.high:g}"
            )
        return text


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault on one path; ``direction`` is empty where the fault has none. ``since`` is Unix time."""

    name: str
    path: str
    direction: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    since: float = 0

    @property
    def key(self) -> tuple[str, str, str]:
        """At most one fault of a name is in force on a path and direction; a later one replaces it."""
        return (self.name, self.path, self.direction)

    @property
    def tunnel_path(self) -> TunnelPath:
        return PATHS[self.path]

    def number(self, argument: str) -> float:
        return float(self.arguments[argument])

    def text(self) -> str:
        """As one would type it."""
        words = [self.name, self.path, self.direction, *(f"{k}={v}" for k, v in self.arguments.items())]
        return " ".join(filter(None, words))

    def as_data(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "path": self.path,
            "direction": self.direction or None,
            "arguments": dict(self.arguments),
            "since": self.since,
            "text": self.text(),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Fault:
        return cls(data["name"], data["path"], data["direction"] or "", data["arguments"], data["since"])


def _nothing(_fault: Fault) -> tuple[Command, ...]:
    return ()


def _no_effects(_fault: Fault) -> tuple[Effect, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class FaultType:
    """An entry of the table. All its functions are pure.

    ``effects`` are what holds while the fault is in force. ``after`` follows every change of it, ``once`` is
    done when it is set, ``undo`` when it is cleared. ``momentary`` faults are done and not in force
    afterwards.
    """

    name: str
    meaning: str
    observed: str
    directed: bool = False
    momentary: bool = False
    arguments: tuple[Argument, ...] = ()
    effects: Callable[[Fault], tuple[Effect, ...]] = _no_effects
    after: Callable[[Fault], tuple[Command, ...]] = _nothing
    once: Callable[[Fault], tuple[Step, ...]] = _nothing
    undo: Callable[[Fault], tuple[Command, ...]] = _nothing
    needs: str = ""
    """Another fault that must be in force on the same path."""


def read(table: Mapping[str, FaultType], name: str, words: Sequence[str], *, now: float) -> list[Fault]:
    """The faults that ``NAME [PATH] [DIRECTION] [KEY=VALUE...]`` asks for: one a direction.

    A word without ``=`` that is neither path nor direction is the value of the first argument.

    Raises:
        LabError: an unknown name, a word that fits nowhere, or a bad value.
    """
    kind = table.get(name)
    if kind is None:
        raise LabError(f"no fault named {name!r}; `lab fault types` lists them: {', '.join(table)}")
    path, direction, given = "a", "", {}
    for word in words:
        key, separator, value = word.partition("=")
        if word in PATHS:
            path = word
        elif word in {*DIRECTIONS, "both"}:
            direction = word
        elif separator and key not in given:
            given[key] = value
        elif not separator and kind.arguments and kind.arguments[0].name not in given:
            given[kind.arguments[0].name] = word
        else:
            raise LabError(
                f"{name}: {word!r} is neither a path ({', '.join(PATHS)}), a direction (out, in, both) nor a "
                "key=value that was not given yet"
            )
    arguments = _arguments(kind, given)
    if not kind.directed:
        if direction in DIRECTIONS:
            raise LabError(f"{name} has no direction: leave {direction!r} out")
        return [Fault(name, path, "", arguments, now)]
    wanted = [direction] if direction in DIRECTIONS else list(DIRECTIONS)
    return [Fault(name, path, one, arguments, now) for one in wanted]


def _arguments(kind: FaultType, given: Mapping[str, str]) -> dict[str, str]:
    known = {argument.name: argument for argument in kind.arguments}
    for key in given:
        if key not in known:
            takes = ", ".join(known) or "none"
            raise LabError(f"{kind.name}: no argument named {key!r} (it takes: {takes})")
    values = {}
    for argument in kind.arguments:
        text = given.get(argument.name, argument.default)
        if text is None:
            raise LabError(f"{kind.name}: say {argument.name}=... ({argument.meaning})")
        values[argument.name] = argument.parse(kind.name, text)
    return values

"""Regular expressions whose time is linear in the text, as RE2's: a subset of its syntax, over bytes.

Literals, `.` (no line feed), `[...]`, `\\d \\w \\s \\D \\W \\S \\t \\r \\n \\xNN`, groups `(...)` and
`(?:...)`, `|`, `* + ? {m} {m,} {m,n}` (a `?` behind is passed over: nobody asks which match is found), `^`
and `$` for the ends of the text, `(?i)` at the beginning. Python's own `re` backtracks: a pattern and a text
of thirty bytes can keep it busy for hours. Here a pattern becomes states (Thompson), and sets of states
become those of a deterministic automaton as the text needs them; what would need too many is given up.
"""

import re
from typing import NamedTuple

MAX_PATTERN = 256
"""Characters of a pattern."""
MAX_STATES = 256
"""Of a pattern, counted repeats included."""
MAX_REPEATS = 100
MAX_DEPTH = 16
MAX_KNOWN = 1000
"""Transitions that are remembered, of a pattern."""
MAX_WORK = 50_000
"""States that one search goes through where nothing is remembered: some 20 ms."""

_ANY = frozenset(range(256)) - {10}
_DIGITS = frozenset(range(48, 58))
_WORD = _DIGITS | frozenset(range(65, 91)) | frozenset(range(97, 123)) | {95}
_SPACE = frozenset(b" \t\n\r\f\v")
_ALL = frozenset(range(256))
_CLASSES = {
    "d": _DIGITS, "w": _WORD, "s": _SPACE, "D": _ALL - _DIGITS, "W": _ALL - _WORD, "S": _ALL - _SPACE,
}  # fmt: skip
_CONTROLS = {"t": 9, "n": 10, "r": 13, "f": 12, "v": 11}
_COUNTED = re.compile(r"\{(\d{1,3})(,(\d{1,3})?)?\}", re.ASCII)
_HEX = re.compile(r"x([0-9a-fA-F]{2})")


class MalformedPattern(ValueError):
    """A pattern that is not in the subset, or too large; the message says what and where."""


class TooCostly(Exception):
    """The pattern has more combinations in a text than are looked at: whether it is there is not known."""


class _State(NamedTuple):
    """One state: `bytes` leads to the first of `next`; without them it leads to all of `next` at once."""

    octets: frozenset[int] | None
    next: tuple[int, ...]
    begins: bool = False
    """Passed at the beginning of the text alone."""
    ends: bool = False
    """Passed at its end alone."""


class Pattern:
    """A compiled pattern; may be shared by all searches. Raises MalformedPattern."""

    def __init__(self, text: str) -> None:
        self.text = text
        builder = _Builder(text)
        self._start = builder.compile()
        self._states = tuple(builder.states)
        self._known: dict[tuple[frozenset[int], int], frozenset[int]] = {}
        first = self._closure({self._start}, begins=True)
        self._first, self._again = first, self._closure({self._start})

    def search(self) -> "Search":
        """Begin to look for the pattern in a text that comes in pieces."""
        return Search(self, self._first)

    def known(self, states: frozenset[int], octet: int) -> frozenset[int] | None:
        """Return what `step` does, where it is remembered."""
        return self._known.get((states, octet))

    def step(self, states: frozenset[int], octet: int) -> frozenset[int]:
        """Return the states behind one more byte; a match may begin anywhere."""
        reached = {
            self._states[each].next[0]
            for each in states
            if (octets := self._states[each].octets) is not None and octet in octets
        }
        after = self._closure(reached) | self._again
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[states, octet] = after
        return after

    def ended(self, states: frozenset[int], *, empty: bool) -> bool:
        """Whether the end of the text completes a match; that of an `empty` one is its beginning as well."""
        return 0 in self._closure(set(states), begins=empty, ends=True)

    def _closure(self, states: set[int], *, begins: bool = False, ends: bool = False) -> frozenset[int]:
        """All states that are reached without a byte. State 0 is the match."""
        waiting, found = list(states), set(states)
        while waiting:
            state = self._states[waiting.pop()]
            if state.octets is not None or (state.begins and not begins) or (state.ends and not ends):
                continue
            for each in state.next:
                if each not in found:
                    found.add(each)
                    waiting.append(each)
        return frozenset(found)


class Search:
    """One search through one text."""

    def __init__(self, pattern: Pattern, states: frozenset[int]) -> None:
        self._pattern = pattern
        self._states = states
        self._work = 0
        self._empty = True
        self.found = 0 in states
        """Whether a match has come."""

    def feed(self, data: bytes) -> bool:
        """Take the next bytes in; whether a match has come by now. Raises TooCostly."""
        if self.found:
            return True
        self._empty = self._empty and not data
        states, known = self._states, self._pattern.known
        for octet in data:
            after = known(states, octet)
            if after is None:
                after = self._pattern.step(states, octet)
                self._work += len(states) + len(after)
                if self._work > MAX_WORK:
                    wanted = f"pattern {self._pattern.text!r}"
                    raise TooCostly(f"{wanted}: it costs too much to look for in this text: write it simpler")
            states = after
            if 0 in states:
                self.found = True
                return True
        self._states = states
        return False

    def end(self) -> bool:
        """The text is over; whether a match has come."""
        self.found = self.found or self._pattern.ended(self._states, empty=self._empty)
        return self.found


class _Builder:
    """Reads a pattern from left to right; the states of its parts are made from right to left."""

    def __init__(self, text: str) -> None:
        if not 0 < len(text) <= MAX_PATTERN:
            raise MalformedPattern(f"a pattern has 1 to {MAX_PATTERN} characters, not {len(text)}")
        self._ignores_case = text.startswith("(?i)")
        self._text = text.removeprefix("(?i)")
        self._at = self._depth = 0
        self.states = [_State(None, ())]  # state 0: the match

    def compile(self) -> int:
        """Make the states; return the first."""
        tree = self._alternatives()
        if self._at < len(self._text):
            raise self._wrong("a ) without its (")
        return self._make(tree, 0)

    def _alternatives(self) -> "_Node":
        options = [self._sequence()]
        while self._next("|"):
            options.append(self._sequence())
        return options[0] if len(options) == 1 else _Node("or", tuple(options))

    def _sequence(self) -> "_Node":
        parts: list[_Node] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            parts.append(self._repeated(self._atom()))
        return _Node("and", tuple(parts))

    def _repeated(self, node: "_Node") -> "_Node":
        while self._at < len(self._text):
            counted = _COUNTED.match(self._text, self._at)
            sign = self._text[self._at]
            if sign in "*+?":
                self._at += 1
                least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
            elif counted:
                self._at = counted.end()
                least = int(counted[1])
                most = least if counted[2] is None else int(counted[3]) if counted[3] else None
            else:
                return node
            if max(least, most or 0) > MAX_REPEATS or (most is not None and most < least):
                raise self._wrong(f"repeats have to be from 0 to {MAX_REPEATS}, the lower first")
            self._next("?")
            node = _Node("repeat", (node,), least=least, most=most)
        return node

    def _atom(self) -> "_Node":
        sign = self._text[self._at]
        self._at += 1
        if sign == "(":
            return self._group()
        if sign == "[":
            return _Node("octets", octets=self._folded(self._bracket()))
        if sign in "^$":
            return _Node(sign)
        if sign in "*+?":
            raise self._wrong(f"nothing before {sign} to repeat")
        if sign == ".":
            return _Node("octets", octets=_ANY)
        if sign == "\\":
            return _Node("octets", octets=self._folded(self._escape()))
        return _Node("and", tuple(_Node("octets", octets=self._folded({each})) for each in sign.encode()))

    def _group(self) -> "_Node":
        if self._text.startswith("?", self._at) and not self._text.startswith("?:", self._at):
            raise self._wrong("of (?...) only (?:...), and (?i) at the very beginning, are known")
        if self._text.startswith("?:", self._at):
            self._at += 2
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._wrong(f"groups within groups, more than {MAX_DEPTH} deep")
        node = self._alternatives()
        if not self._next(")"):
            raise self._wrong("a ( without its )")
        self._depth -= 1
        return node

    def _bracket(self) -> frozenset[int]:
        negated = self._next("^")
        found: set[int] = set()
        first = True
        while first or not self._next("]"):
            first = False
            low = self._member()
            high = low
            if self._text.startswith("-", self._at) and not self._text.startswith("-]", self._at):
                self._at += 1
                high = self._member()
                if len(low) != 1 or len(high) != 1 or min(low) > min(high):
                    raise self._wrong("a range in [...] goes from a lower character to a higher one")
                high = frozenset(range(min(low), min(high) + 1))
            found |= low | high
        return _ALL - found if negated else frozenset(found)

    def _member(self) -> frozenset[int]:
        if self._at >= len(self._text):
            raise self._wrong("a [ without its ]")
        sign = self._text[self._at]
        self._at += 1
        if sign == "\\":
            return self._escape()
        if not sign.isascii():
            raise self._wrong("[...] has ASCII characters only: use (a|b)")
        return frozenset((ord(sign),))

    def _escape(self) -> frozenset[int]:
        sign = self._text[self._at : self._at + 1]
        octet = _HEX.match(self._text, self._at)
        self._at += 1
        if sign in _CLASSES:
            return _CLASSES[sign]
        if sign in _CONTROLS:
            return frozenset((_CONTROLS[sign],))
        if octet:
            self._at = octet.end()
            return frozenset((int(octet[1], 16),))
        if not sign or sign.isalnum() or not sign.isascii():
            raise self._wrong(f"\\{sign} is not known")
        return frozenset((ord(sign),))

    def _folded(self, octets: "frozenset[int] | set[int]") -> frozenset[int]:
        if not self._ignores_case:
            return frozenset(octets)
        letters = bytes(octet for octet in octets if octet < 128)
        return frozenset(octets) | frozenset(letters.lower()) | frozenset(letters.upper())

    def _next(self, sign: str) -> bool:
        found = self._text.startswith(sign, self._at)
        self._at += len(sign) if found else 0
        return found

    def _wrong(self, what: str) -> MalformedPattern:
        return MalformedPattern(f"{what} (before character {self._at + 1})")

    def _make(self, node: "_Node", after: int) -> int:
        """Make the states of a part that goes on at `after`; return its first."""
        if node.kind == "octets":
            return self._add(_State(node.octets, (after,)))
        if node.kind in "^$":
            return self._add(_State(None, (after,), begins=node.kind == "^", ends=node.kind == "$"))
        if node.kind == "or":
            return self._add(_State(None, tuple(self._make(each, after) for each in node.parts)))
        if node.kind == "and":
            for each in reversed(node.parts):
                after = self._make(each, after)
            return after
        return self._repeat(node, after)

    def _repeat(self, node: "_Node", after: int) -> int:
        (part,) = node.parts
        if node.most is None:
            loop = self._add(_State(None, ()))
            self.states[loop] = _State(None, (self._make(part, loop), after))
            after = loop
        else:
            end = after
            for _ in range(node.most - node.least):
                after = self._add(_State(None, (self._make(part, after), end)))
        for _ in range(node.least):
            after = self._make(part, after)
        return after

    def _add(self, state: _State) -> int:
        if len(self.states) >= MAX_STATES:
            raise MalformedPattern(
                f"it comes to more than {MAX_STATES} states: write fewer or smaller repeats"
            )
        self.states.append(state)
        return len(self.states) - 1


class _Node(NamedTuple):
    """A part of a pattern."""

    kind: str
    parts: "tuple[_Node, ...]" = ()
    octets: frozenset[int] | None = None
    least: int = 0
    most: int | None = None

"""What the stream we print to can show: its width, colours, and more than ASCII."""

import os
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple, TextIO

DEFAULT_WIDTH = 80


class Mood(Enum):
    """What a line is about, as a colour (ECMA-48 SGR)."""

    PLAIN = ""
    ODD = "33"
    BAD = "31"


class Terminal(NamedTuple):
    """Of one stream."""

    interactive: bool
    """Somebody watches, and the line can be written over."""
    width: int
    colours: bool
    unicode: bool

    def paint(self, text: str, mood: Mood) -> str:
        """The text in the mood's colour, where there are colours."""
        return f"\x1b[{mood.value}m{text}\x1b[0m" if self.colours and mood.value else text


def terminal_of(stream: TextIO, environment: Mapping[str, str] | None = None) -> Terminal:
    """Colours need a terminal that is not `dumb`, and NO_COLOR unset or empty (no-color.org)."""
    environment = os.environ if environment is None else environment
    interactive = stream.isatty() and environment.get("TERM", "") not in ("", "dumb")
    return Terminal(
        interactive=interactive,
        width=_width(stream, environment),
        colours=interactive and not environment.get("NO_COLOR"),
        unicode=_can_show(stream, "█▏"),
    )


def _width(stream: TextIO, environment: Mapping[str, str]) -> int:
    columns = environment.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or DEFAULT_WIDTH
    except (OSError, ValueError):
        return DEFAULT_WIDTH


def _can_show(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeError, LookupError):
        return False
    return True


class StatusLine:
    """One line on a terminal that is written over and goes in the end; nothing anywhere else."""

    CLEAR = "\r\x1b[K"

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = terminal_of(stream)
        self._shown = False

    @property
    def visible(self) -> bool:
        """Whether anybody can see it."""
        return self._terminal.interactive

    def show(self, text: str) -> None:
        """Replace the line, cut to the terminal's width."""
        if not self.visible:
            return
        self._shown = True
        self._stream.write(f"{self.CLEAR}{text[: self._terminal.width - 1]}")
        self._stream.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            self._stream.write(self.CLEAR)
            self._stream.flush()
            self._shown = False

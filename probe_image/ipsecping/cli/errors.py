"""Exit codes, and the error that ends a command."""

import re

from ..contract.visible import visible

SUCCESS = 0
NO_ANSWER = 1
"""Everything worked but not one probe was answered (`ping`: some host did not answer)."""
USAGE = 2
"""The command line, the plan or this machine does not allow what was asked for."""
INTERRUPTED = 130
"""By Ctrl-C, where there is nothing to print yet: 128 and the number of SIGINT, as shells have it."""
MAX_SAID = 2000
"""Characters of an error, which may quote whatever was given."""
MAX_WORD = 200
"""Characters of one word of it: so much of what was given tells which it is, and the remedy is seen."""


class CommandError(Exception):
    """Ends a command with exit code `USAGE`; the message says what is wrong and what to do about it."""


def shortened(text: str) -> str:
    """A message whose words are cut that are longer than any that a person would read."""
    return re.sub(rf"\S{{{MAX_WORD + 1},}}", lambda word: f"{word[0][: MAX_WORD - 1]}…", text)


def printable(text: str) -> str:
    """What a terminal may get of an error of several lines: each as `visible` has it."""
    shown = "\n".join(map(visible, text[: MAX_SAID + 1].split("\n")))
    return shown if len(shown) <= MAX_SAID else f"{shown[: MAX_SAID - 1]}…"

"""Exit codes, and the error that ends a command."""

import re

from ..printable import printable, shortened

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


def readable(text: str) -> str:
    """An error for a terminal: its lines printable, and cut where a word is longer than anyone would read."""
    text = re.sub(rf"\S{{{MAX_WORD + 1},}}", lambda word: shortened(word[0], MAX_WORD), text)
    return shortened("\n".join(map(printable, text[: MAX_SAID + 1].split("\n"))), MAX_SAID)

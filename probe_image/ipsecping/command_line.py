"""A command line whose errors can be read: what is wrong stands in one line, below a usage of a few."""

import argparse
import re
from typing import NoReturn

from .printable import printable, shortened

MAX_SAID = 2000
"""Characters of an error, which may quote whatever was given."""
MAX_WORD = 200
"""Characters of one word of it: so much of what was given tells which it is, and the remedy is seen."""
MOST_LINES = 6
"""Of the usage above an error; of a command with more options only what it must be given is shown."""
_REPEATED = {"+": "{0} [{0} ...]", "*": "[{0} ...]", "?": "[{0}]", argparse.PARSER: "{0} ..."}
"""How argparse shows positional arguments, by their `nargs`."""


class CommandLine(argparse.ArgumentParser):
    """Quotes of what was given, and shows of its usage, as much as is of use."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, and exit."""
        usage = self.format_usage()
        if usage.count("\n") > MOST_LINES:
            usage = f"{self._short_usage()}\nall options: {self.prog} --help\n"
        self.exit(2, f"{usage}{self.prog}: error: {readable(message)}\n")

    def _short_usage(self) -> str:
        words = [
            _REPEATED.get(str(action.nargs), "{0}").format(action.metavar or action.dest)
            for action in self._get_positional_actions()
        ]
        return " ".join([f"usage: {self.prog} [options]", *words])


def readable(text: str) -> str:
    """An error for a terminal: its lines printable, and cut where a word is longer than anyone would read."""
    text = re.sub(rf"\S{{{MAX_WORD + 1},}}", lambda word: shortened(word[0], MAX_WORD), text)
    return shortened("\n".join(map(printable, text[: MAX_SAID + 1].split("\n"))), MAX_SAID)

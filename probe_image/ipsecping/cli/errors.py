"""Exit codes, and the error that ends a command."""

SUCCESS = 0
NO_ANSWER = 1
"""Everything worked but not one probe was answered (`ping`: some host did not answer)."""
USAGE = 2
"""The command line, the plan or this machine does not allow what was asked for."""
INTERRUPTED = 130
"""By Ctrl-C, where there is nothing to print yet: 128 and the number of SIGINT, as shells have it."""


class CommandError(Exception):
    """Ends a command with exit code `USAGE`; the message says what is wrong and what to do about it."""

"""What ends the writing of one output."""


class OutputError(Exception):
    """An output could not be written; the message says which, why and what to do about it."""

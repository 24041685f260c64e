"""Texts of others, for terminals, logs and messages: on one line, harmless, and no longer than asked for."""


def printable(text: str, most: int | None = None) -> str:
    """The text with all that cannot be printed escaped as Python writes it, cut as `shortened` does.

    A line break becomes `\\n`. So nothing in it steers a terminal or begins another line of a log.
    """
    if most is not None:
        text = text[: most + 1]  # one more, to see that it goes on
    if not text.isprintable():
        text = "".join(
            each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
        )
    return text if most is None else shortened(text, most)


def shortened(text: str, most: int) -> str:
    """At most so many characters of a text; the last one says that there were more."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def within(text: str, most: int) -> str:
    """At most so many bytes of a text in UTF-8; its last character says that there were more."""
    octets = text.encode()
    if len(octets) <= most:
        return text
    return octets[: most - len("…".encode())].decode(errors="ignore") + "…"

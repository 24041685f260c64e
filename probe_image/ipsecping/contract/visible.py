"""Text of others on a terminal or in a log: on one line, and without what would steer the terminal."""


def visible(text: str) -> str:
    """The text with all that cannot be printed escaped as Python writes it: a line break becomes `\\n`."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)

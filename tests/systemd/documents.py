"""What our documentation tells users to type, taken from it word for word."""

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def commands(document: str, *, behind: str, done: tuple[str, ...]) -> str:
    """The first console block behind a text, but for the lines that begin with words of what is done already.

    Raises:
        ValueError: there is no such block.
    """
    return "\n".join(
        line for line in block(document, "console", behind=behind).splitlines() if not line.startswith(done)
    )


def block(document: str, language: str, *, behind: str) -> str:
    """The first block of a language behind a text. Raises ValueError."""
    text = (DOCS / document).read_text()
    found = re.search(rf"^```{language}\n(.*?)^```$", text[text.index(behind) :], re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"{document} has no block of {language} behind {behind!r}")
    return found[1]

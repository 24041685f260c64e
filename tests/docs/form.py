"""Whether two outputs are of the same form, whatever their figures: what documents show must not age."""

import difflib
import re
from itertools import groupby

_RULES = (
    # Where a figure is one of several kinds, the longest comes first.
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)"), "TIME"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?:/\d+)?\b"), "ADDRESS"),
    (re.compile(r"(?<![\w:.])(?=[0-9a-f]*:[0-9a-f]*:)[0-9a-f:]{2,39}(?:/\d+)?(?![\w:])"), "ADDRESS"),
    (re.compile(r"-[0-9a-f]{8}(?:-[a-z0-9]{5,10}-[a-z0-9]{5})?\b"), "-HASH"),
    (re.compile(r"(?<![\w.])(?:\d+(?:\.\d+)?(?:ms|us|ns|[dhms]))+\b"), "DURATION"),
    (re.compile(r"▕[█▉▊▋▌▍▎▏]*"), "▕"),
    (re.compile(r"[-=]{4,}"), "----"),
)
_NUMBER = re.compile(r"(?<![A-Za-z\d])-?\d+(?:\.(\d+))?(?:e[+-]\d+)?")
_BLANKS = re.compile(r"\s+")


def form(text: str) -> list[str]:
    """Its lines without figures, times, addresses and padding; of lines in a row that are alike then, one.

    How many decimals a number has is part of the form, but for JSON, which leaves zeros away.
    """
    lines = [_form_of_line(line) for line in text.strip().splitlines()]
    return [line for line, _ in groupby(lines)]


def difference(shown: str, printed: str) -> str:
    """What is of another form, as a diff; empty when nothing is."""
    return "\n".join(
        difflib.unified_diff(
            form(shown), form(printed), "the document shows", "the command prints", lineterm=""
        )
    )


def missing(shown: str, printed: str) -> str:
    """Like `difference`, for a document that leaves lines out: what it shows must be there, in that order."""
    rest = iter(form(printed))
    lost = next((line for line in form(shown) if line not in rest), None)
    if lost is None:
        return ""
    return f"not printed, or not in this order: {lost}\n\n" + "\n".join(form(printed))


def _form_of_line(line: str) -> str:
    for pattern, name in _RULES:
        line = pattern.sub(name, line)
    is_json = line.lstrip().startswith("{")
    line = _NUMBER.sub(
        lambda found: "N" if is_json else "N" + ("." + "N" * len(found[1]) if found[1] else ""), line
    )
    return _BLANKS.sub(" ", line).strip()

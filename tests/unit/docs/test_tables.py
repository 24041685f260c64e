"""Every row of a table has as many cells as its head: what has fewer is shown under the wrong heading."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ...docs.documents import DOCUMENTS, ROOT

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def cells(line: str) -> int:
    return len(re.sub(r"\\\||`[^`]*`", "", line).strip().strip("|").split("|"))


def odd_rows(text: str) -> Iterator[str]:
    wanted = 0
    for line in _FENCE.sub("", text).splitlines():
        if not line.startswith("|"):
            wanted = 0
        elif not wanted:
            wanted = cells(line)
        elif cells(line) != wanted:
            yield line


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_row_has_a_cell_for_each_heading(document: Path) -> None:
    assert list(odd_rows(document.read_text())) == []


def test_a_row_of_fewer_cells_is_found() -> None:
    assert list(odd_rows("| a | b |\n|---|---|\n| `x|y` | 1 |\n| z |\n\n| c |\n|---|\n| 1 |\n")) == ["| z |"]

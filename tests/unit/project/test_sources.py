"""What holds for every source file of the project."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ...docs.documents import ROOT

pytestmark = pytest.mark.one_python

FOLDERS = ("operator", "probe_image", "scripts", "tests")
LONGEST = 400
"""Lines; a file that needs more holds two ideas."""


def sources() -> Iterator[Path]:
    return (file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))


def test_no_file_is_longer_than_one_idea_takes() -> None:
    lengths = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in sources()}
    assert {file: lines for file, lines in lengths.items() if lines > LONGEST} == {}

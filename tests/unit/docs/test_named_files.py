"""Documents name code and tests that are there."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from ...docs.documents import DOCS, ROOT

PROGRAMS = ("probe_image/ipsecping", "operator/ipsecping_operator", "tests")
_NAMED = re.compile(r"`([a-z_0-9/]+\.py|[a-z_0-9]+/|(?:api|e2e|interop|network|unit)/[a-z_0-9/]+)`")


def named(text: str) -> Iterator[str]:
    """The files of a text; one without a folder is beside, or in, what was named before it."""
    beside = PurePosixPath()
    for name in _NAMED.findall(text):
        if name.endswith("/"):
            beside = PurePosixPath(name)
            continue
        path = PurePosixPath(name) if "/" in name else _beside(beside, name)
        yield str(path)
        beside = path.parent


def _beside(folder: PurePosixPath, name: str) -> PurePosixPath:
    return PurePosixPath(name) if _exists(name) else folder / name


def _exists(path: str) -> bool:
    return any((ROOT / program / path).exists() for program in PROGRAMS)


@pytest.mark.parametrize("document", ["architecture.md", "security.md", "faults.md"])
def test_what_a_document_names_exists(document: str) -> None:
    found = [path for line in (DOCS / document).read_text().splitlines() for path in named(line)]
    assert len(found) > 50
    assert [path for path in found if not _exists(path)] == []


def test_a_file_without_a_folder_is_beside_the_one_before_it() -> None:
    assert list(
        named("`net/floods.py`, `source_filter.py` | `unit/serving`, `api/x.py` | `agent/`: `z.py`")
    ) == [
        "net/floods.py",
        "net/source_filter.py",
        "unit/serving",
        "api/x.py",
        "agent/z.py",
    ]

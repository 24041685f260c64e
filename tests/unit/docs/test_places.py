"""Places in the documents from which tests take what they run."""

import re

import pytest

from ...docs.documents import DOCS, ROOT

TESTS = ROOT / "tests"
_TAKEN = re.compile(r'(?:block|commands)\(\s*"([a-z]+\.md)",.*?behind="([^"]+)"', re.DOTALL)
PLACES = sorted(
    {
        (document, place)
        for path in TESTS.rglob("*.py")
        for document, place in _TAKEN.findall(path.read_text())
    }
)


@pytest.mark.parametrize(("document", "place"), PLACES)
def test_a_place_that_a_test_reads_from_is_there(document: str, place: str) -> None:
    assert place in (DOCS / document).read_text()


def test_the_places_are_found() -> None:
    assert len(PLACES) > 10

"""The order of the tests themselves: helpers have modules of their own."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[2]
SOURCES = sorted(TESTS.rglob("*.py"))

pytestmark = pytest.mark.one_python


def imported(source: str) -> Iterator[str]:
    """All names of modules that are imported, and all that is imported from modules, at any depth."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def modules_of_tests_in(source: str) -> list[str]:
    """The test modules among what is imported."""
    parts = (part for name in imported(source) for part in name.split("."))
    return sorted({part for part in parts if part.startswith("test_")})


@pytest.mark.parametrize(
    "source",
    [
        "from .test_agent import CHECK",
        "from ..unit import test_agent",
        "import tests.unit.agent.test_agent as agent",
        "def later():\n    from tests.unit.test_agent.more import get",
    ],
)
def test_an_import_of_a_test_module_is_found_however_it_is_written(source: str) -> None:
    assert modules_of_tests_in(source) == ["test_agent"]


def test_helpers_are_no_test_modules() -> None:
    """Whoever needs a helper would import the tests with it, and run them twice."""
    found = {str(file.relative_to(TESTS)): modules_of_tests_in(file.read_text()) for file in SOURCES}
    assert {file: names for file, names in found.items() if names} == {}

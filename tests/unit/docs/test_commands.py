"""tests/docs/commands.yaml lists every command of the documents, and what it names as their test is there."""

import ast
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import yaml

from ...docs.documents import ROOT, everything

LIST = ROOT / "tests" / "docs" / "commands.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Some commands, and either what runs them or why nothing does."""

    commands: list[str]
    run_by: str | None = None
    never: str | None = None


def entries() -> list[Entry]:
    return [Entry(**each) for each in yaml.safe_load(LIST.read_text())]


def listed() -> list[str]:
    return [command for entry in entries() for command in entry.commands]


def shown_commands() -> set[str]:
    """But for what merely names, in the running text, a command that is shown in full elsewhere."""
    found = {each.command for each in everything()}
    return {
        each.command
        for each in everything()
        if not (each.in_text and any(other.startswith(f"{each.command} ") for other in found))
    }


def test_every_command_is_listed_and_none_that_is_no_longer_shown() -> None:
    assert {"not listed": shown_commands() - {*listed()}, "not shown": {*listed()} - shown_commands()} == {
        "not listed": set(),
        "not shown": set(),
    }


def test_none_is_listed_twice() -> None:
    assert [command for command, count in Counter(listed()).items() if count > 1] == []


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.commands[0][:40])
def test_each_has_what_runs_it_or_a_reason_why_nothing_does(entry: Entry) -> None:
    assert (entry.run_by is None) != (entry.never is None)
    if entry.run_by is not None:
        path, _, test = entry.run_by.partition("::")
        assert (ROOT / path).exists(), path
        assert not test or test in functions_of(ROOT / path), entry.run_by


@cache
def functions_of(path: Path) -> set[str]:
    """The test functions of a file."""
    tree = ast.parse(path.read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, functions) and node.name.startswith("test_")}

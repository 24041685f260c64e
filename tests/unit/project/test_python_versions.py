"""What the project says of Python versions, and how the tests find interpreters."""

import ast
import os
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.interpreters import ROOT, candidates, differing, found, outcome, supported


def test_classifiers_requirement_documents_and_images_name_the_same_versions() -> None:
    first, last = min(supported()), max(supported())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert supported() == tuple((3, minor) for minor in range(first[1], last[1] + 1))
    assert project["project"]["requires-python"] == f">=3.{first[1]}"
    assert project["tool"]["ruff"]["target-version"] == f"py3{first[1]}"
    assert project["tool"]["mypy"]["python_version"] == f"3.{first[1]}"
    said = f"Python 3.{first[1]} to 3.{last[1]}"
    assert said in (ROOT / "README.md").read_text()
    assert said in (ROOT / "docs" / "standalone.md").read_text()
    for dockerfile in ("operator/Dockerfile", "probe_image/Dockerfile"):
        (named,) = re.findall(
            r"^ARG BASE_IMAGE=python:3\.(\d+)-", (ROOT / dockerfile).read_text(), re.MULTILINE
        )
        assert (3, int(named)) in supported()


def test_this_interpreter_is_supported() -> None:
    assert sys.version_info[:2] in supported()


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_interpreters_are_found_on_path_and_at_pyenv_s(tmp_path: Path) -> None:
    on_path = program(tmp_path / "bin" / "python3.12", "echo 3 12 4 cpython")
    program(tmp_path / "bin" / "python3", "echo 3 12 4 cpython")
    program(tmp_path / "bin" / "python3.12-config", "echo 3 12 4 cpython")
    at_pyenv = program(tmp_path / "pyenv/versions/3.13.0/bin/python3", "echo 3 13 0 cpython")
    where = {"PATH": f"{tmp_path / 'bin'}:/nowhere", "PYENV_ROOT": str(tmp_path / "pyenv")}
    assert list(candidates(where)) == [on_path, at_pyenv]


def test_what_does_not_run_is_no_interpreter_and_the_first_of_a_version_is_taken(tmp_path: Path) -> None:
    shim = program(tmp_path / "shim", "echo 'pyenv: python3.12: command not found' >&2; exit 127")
    other = program(tmp_path / "pypy", "echo 3 12 1 pypy")
    good = program(tmp_path / "good", "echo 3 12 1 cpython")
    second = program(tmp_path / "second", "echo 3 12 9 cpython")
    old = program(tmp_path / "old", "echo 3 9 1 cpython")
    programs = [shim, other, old, good, second]
    assert found(programs, [(3, 11), (3, 12)]) == {(3, 12): good}


def test_interpreters_that_ran_different_tests_are_told() -> None:
    assert differing({"3.11": 5, "3.13": 5}) is None
    assert differing({"3.11": 5, "3.13": 4}) == "the interpreters ran different tests: 3.11 5, 3.13 4"


_REPORT = """
<testsuites><testsuite tests="4" skipped="1" failures="0" errors="0">
<testcase name="a"/><testcase name="b"><skipped/></testcase><testcase name="c"/>
<testcase name="d"><properties><property name="pythons" value="one"/></properties></testcase>
</testsuite></testsuites>
"""


def test_what_other_interpreters_leave_out_is_not_compared(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(_REPORT)
    with subprocess.Popen(["true"], text=True, stdout=subprocess.PIPE) as running:
        made = outcome(running, report)
    assert (made.passed, made.skipped, made.count) == (3, 1, 3)


OLDER = [(3, minor) for minor in range(6, 11)]


def test_every_python_can_read_what_tells_it_that_it_is_too_old() -> None:
    for file in ("__main__.py", "__init__.py"):
        text = (ROOT / "probe_image" / "ipsecping" / file).read_text()
        ast.parse(text, feature_version=min(OLDER))
        assert "-> " not in re.sub(r"#.*", "", text), "Python 2 knows no annotations"


@pytest.mark.one_python
@pytest.mark.parametrize("packed", [False, True])
def test_an_old_python_is_told_what_is_needed_in_one_sentence(tmp_path: Path, packed: bool) -> None:
    older = found(candidates(os.environ), OLDER)
    if not older:
        pytest.skip("no Python older than 3.11 is installed here; the test above holds the syntax")
    zipapp = tmp_path / "ipsecping.pyz"
    subprocess.run([sys.executable, ROOT / "scripts" / "zipapp.py", zipapp], check=True, capture_output=True)
    program = [zipapp] if packed else ["-m", "ipsecping"]
    for version, python in older.items():
        done = subprocess.run(
            [python, *program, "ping", "127.0.0.1"],
            cwd=ROOT / "probe_image",
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 1
        (said,) = done.stderr.splitlines()
        assert said.startswith("ipsecping: needs Python 3.11 or newer; ")
        assert f"is {version[0]}.{version[1]}. " in said

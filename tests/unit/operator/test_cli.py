"""The program ipsecping-operator as a whole."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ipsecping import __version__
from ipsecping_operator.cli import main

ROOT = Path(__file__).parents[3]


def test_it_says_which_version_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"ipsecping-operator {__version__}\n"


def test_without_a_command_it_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


def test_an_option_that_a_command_has_not_is_answered_with_those_that_it_has(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["validate", "--permit=hunter2", "checks"])
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith(
        "usage: ipsecping-operator validate [options] FILE [FILE ...]\n"
        "all options: ipsecping-operator validate --help\n"
    )
    assert said.endswith("ipsecping-operator validate: error: unrecognized arguments: --permit\n")


def test_where_the_prober_alone_is_installed_it_says_what_is_missing() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"]["ipsecping-operator"] == "ipsecping_operator.__main__:start"
    done = subprocess.run(
        # Without the site's packages.
        [sys.executable, "-S", "-m", "ipsecping_operator", "validate", "."],
        env={"PYTHONPATH": f"{ROOT / 'operator'}:{ROOT / 'probe_image'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "ipsecping-operator: needs the package pydantic, which is not installed: "
        "pip install 'ipsecping[operator]', or '.[operator]' in a clone\n"
    )

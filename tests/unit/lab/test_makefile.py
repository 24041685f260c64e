"""What make does to the environment of the programs that it starts."""

import os
import re
import subprocess
from pathlib import Path

from ...docs.documents import everything, shown

ROOT = Path(__file__).parents[3]
_ASSIGNED = re.compile(r"^([A-Za-z_]\w*) *[:?+]?=", re.MULTILINE)
KEPT_BY_MAKE = {"SHELL"}
"""Make never takes it from the environment, and hands the environment's on."""


# These tests may run under a make of their own, which tells its children so.
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
}


def environment_under_make(*words: str, **given: str) -> dict[str, str]:
    """The environment of a recipe."""
    done = subprocess.run(
        ["make", "--silent", "--eval", "shown: ; @env", "shown", *words],
        cwd=ROOT,
        env=ENVIRONMENT | given,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def test_no_variable_of_the_environment_is_replaced() -> None:
    assigned = set(_ASSIGNED.findall((ROOT / "Makefile").read_text())) - KEPT_BY_MAKE
    assert {"PYTHON", "lab"} <= assigned
    given = {
        name: "said by the user" for name in assigned | {"LAB", "KUBECONFIG", "VENV", "BIN"} if name.isupper()
    }
    assert given.items() <= environment_under_make(**given).items()


def test_the_lab_is_chosen_on_make_s_own_command_line_as_well() -> None:
    assert environment_under_make("LAB=existing")["LAB"] == "existing"
    done = subprocess.run(
        ["make", "--dry-run", "lab-down", "LAB=existing"],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "tests/lab/lab down"


def test_help_lists_every_command_that_documents_show() -> None:
    helped = subprocess.run(
        shown("make help", document="README.md").command.split(),
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    listed = set(re.findall(r"^  make ([a-z-]+) ", helped, re.MULTILINE))
    documented = {
        each.command.split()[1] for each in everything() if re.fullmatch(r"make [a-z-]+", each.command)
    }
    assert documented - {"help"} <= listed
    assert {"demo", "test", "lab-down"} <= documented

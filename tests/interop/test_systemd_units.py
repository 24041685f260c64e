"""The systemd units: systemd finds nothing wrong with them, and their command lines are the program's."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ipsecping.cli.main import parser

from ..peers import debian

UNITS = Path(__file__).resolve().parents[2] / "probe_image" / "deploy" / "systemd"
PROGRAM = "/usr/local/bin/ipsecping"
SERVICES = sorted(UNITS.glob("*.service"))


def command_lines(unit: Path) -> list[list[str]]:
    lines = re.findall(r"^ExecStart=(.*)$", unit.read_text().replace("\\\n", " "), re.MULTILINE)
    return [shlex.split(line) for line in lines]


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_service_calls_the_program_as_its_help_says(unit: Path) -> None:
    for program, *arguments in command_lines(unit):
        if program == PROGRAM:
            assert callable(parser().parse_args(arguments).execute)


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    analyze = debian.program("systemd-analyze", "systemd")
    copies = [tmp_path / unit.name for unit in (*SERVICES, *UNITS.glob("*.timer"))]
    for copy in copies:
        # The program need not be installed where the units want it.
        text = (UNITS / copy.name).read_text()
        copy.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={sys.executable}", text, flags=re.MULTILINE))
    command = [analyze, "verify", "--man=no", *map(str, copies)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    # What it says of units that are installed on this machine is not about ours.
    about_ours = [line for line in done.stderr.splitlines() if any(copy.name in line for copy in copies)]
    assert about_ours == []

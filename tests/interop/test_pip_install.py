"""`pip install`, as the documents have it: into a virtual environment of its own, from a clone."""

import subprocess
import sys
from pathlib import Path

import pytest

from ..docs.documents import ROOT, shown

NO_INDEX = (
    "Could not find a version",
    "No matching distribution",
    "NewConnectionError",
    "Max retries exceeded",
)


@pytest.mark.long
def test_the_prober_is_installed_from_a_clone(tmp_path: Path) -> None:
    """The build backend and prometheus-client come from a package index, where one can be reached."""
    command = shown("python3 -m venv /opt/ipsecping", document="standalone.md").command
    assert command.endswith(f"/bin/{shown('pip install .', document='README.md').command}")
    there = tmp_path / "ipsecping"
    command = command.replace("/opt/ipsecping", str(there)).replace("python3", sys.executable, 1)
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode and any(said in done.stderr for said in NO_INDEX):
        pytest.skip(f"no package index can be reached: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    helped = subprocess.run(
        [there / "bin" / "ipsecping", "--help"], capture_output=True, text=True, check=True
    )
    assert "reflect" in helped.stdout
    # The operator's libraries are an extra, which this does not bring.
    listed = subprocess.run(
        [there / "bin" / "pip", "list", "--format=freeze"], capture_output=True, text=True, check=True
    ).stdout
    assert "prometheus" in listed
    assert "kopf" not in listed


def printed(program: Path, *words: str) -> str:
    return subprocess.run([program, *words], capture_output=True, text=True, check=True).stdout

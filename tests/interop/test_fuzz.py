"""`make fuzz` with fewer packets than its million."""

import subprocess

from ..docs.documents import ROOT, shown


def test_a_short_run() -> None:
    command = shown("make fuzz", document="interop.md").command.split()
    done = subprocess.run(
        # The Python environment is there: this runs in it.
        [*command, "--old-file=.venv/installed", "PACKETS=5000"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no crash in" in done.stdout

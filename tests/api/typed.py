"""Commands as documents show them, typed in a folder, with kubectl and this project's programs at hand."""

import subprocess
import sys
from pathlib import Path

from .kubectl import Kubectl


def typed(command: str, kubectl: Kubectl, folder: Path) -> str:
    """What it prints; fails the test when it fails."""
    path = f"{Path(sys.executable).parent}:{kubectl.program.parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env={"PATH": path, "HOME": str(kubectl.kubeconfig.parent), "KUBECONFIG": str(kubectl.kubeconfig)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout

"""What tools that go by kstatus say of an object: Flux, `kubectl wait` and their like."""

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from ipsecping_lab.building.binaries import binaries


def kstatus(found: Mapping[str, Any]) -> str:
    """InProgress, Current, Failed or Terminating, as Flux has it."""
    program = binaries(["kstatus"])["kstatus"]
    said = subprocess.run([program], input=json.dumps([found]), capture_output=True, text=True, check=True)
    (verdict,) = json.loads(said.stdout)
    return str(verdict["status"])

"""plan.json on disk, and when it changes.

The kubelet swaps a symbolic link when a ConfigMap changes, so the file behind the path becomes another one:
comparing device, inode, size and time notices that for the price of one stat(2).
"""

import json
from pathlib import Path

from ..contract import ContractError, Plan, plan_from_json

MAX_OCTETS = 64 * 1024 * 1024


def read_plan(path: Path) -> Plan:
    """Read and check a plan file. Raises ContractError, with the path of the wrong field where it can."""
    try:
        if path.stat().st_size > MAX_OCTETS:
            raise ContractError(f"{path}: larger than {MAX_OCTETS} octets")
        return plan_from_json(json.loads(path.read_bytes()))
    except OSError as error:
        raise ContractError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, ContractError):
            raise
        raise ContractError(f"{path}: not JSON: {error}") from error


class PlanFile:
    """Looks whether the file has changed since the last look."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int, int] | None = None

    def changed(self) -> bool:
        """Whether the file is another one than at the last call (True at the first). Never raises."""
        try:
            found = self.path.stat()
            now = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        except OSError:
            now = None
        if now == self._seen:
            return False
        self._seen = now
        return True

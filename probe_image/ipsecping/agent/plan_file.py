"""plan.json on disk."""

from pathlib import Path

from ..contract import ContractError, Plan, plan_from_json
from ..contract.json_text import decode

MAX_OCTETS = 64 * 1024 * 1024


def read_plan(path: Path) -> Plan:
    """Read and check a plan file. Raises ContractError, with the path of the wrong field where it can."""
    try:
        if path.stat().st_size > MAX_OCTETS:
            raise ContractError(f"{path}: larger than {MAX_OCTETS} bytes")
        return plan_from_json(decode(path.read_bytes(), str(path)))
    except OSError as error:
        raise ContractError(f"{path}: {error.strerror}") from error

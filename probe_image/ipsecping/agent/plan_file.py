"""plan.json on disk."""

import logging
from pathlib import Path

from ..bounded_file import read_bounded
from ..contract import ContractError, Plan, plan_from_json
from ..contract.json_text import decode
from ..contract.unread import unread

MAX_OCTETS = 64 * 1024 * 1024
MAX_BY_HAND = 256 * 1024
"""Larger files are not written by hand, and nobody has misspelt a field in them."""

_KIND = b"kind: IPsecTunnelCheck"

log = logging.getLogger(__name__)


def read_plan(path: Path) -> Plan:
    """Read and check a plan file. Raises ContractError, with the path of the wrong field where it can.

    Fields that a plan does not have are passed over, and said in the log: a newer operator may send them.
    """
    try:
        octets = read_bounded(path, MAX_OCTETS)
    except OSError as error:
        raise ContractError(f"{path}: {error.strerror}") from error
    try:
        content = decode(octets, str(path))
    except ContractError as error:
        if _KIND not in octets:
            raise
        raise ContractError(
            f"{path}: this is a check, not a plan: ipsecping-operator render --plan -f {path} >plan.json"
        ) from error
    try:
        plan = plan_from_json(content)
    except ContractError as error:
        raise ContractError(f"{path}: {error}") from error
    if len(octets) <= MAX_BY_HAND:
        for field in unread(plan_from_json, content, "plan"):
            log.warning("%s is no field that this version knows: it is passed over", field)
    return plan

"""From where packets are sent: an address of the host, or one of its interfaces."""

import re

from .fields import ContractError, canonical_address, shown

_INTERFACE = re.compile(r"[^\s/:%]{1,15}")
"""As the kernel has it (dev_valid_name): IFNAMSIZ bytes, no slash, colon or space."""


def read_source(value: object, path: str) -> str | None:
    """An IP address or the name of an interface; None where there is none. Raises ContractError."""
    if value is None:
        return None
    if isinstance(value, str) and value.isprintable():
        if canonical_address(value) is not None:
            return value
        if _INTERFACE.fullmatch(value) and value not in (".", "..") and len(value.encode()) <= 15:
            return value
    raise ContractError(f"{path}: {shown(value)} is neither an IP address nor the name of an interface")

"""The reflector's state in one line. Pure."""

from collections.abc import Sequence

from .sources import Network

MOST_NETWORKS = 3
"""Named; of more, only the number."""


def status_line(
    listeners: Sequence[tuple[str, str, int]], allow: Sequence[Network], key_trouble: str | None
) -> str:
    """`listeners` as protocol, address and port; `key_trouble` is why the key file is not in force."""
    answering = ", ".join(f"{protocol} on {_endpoint(host, port)}" for protocol, host, port in listeners)
    named = ", ".join(str(network) for network in allow[:MOST_NETWORKS])
    more = f" and {len(allow) - MOST_NETWORKS} more" if len(allow) > MOST_NETWORKS else ""
    trouble = "" if key_trouble is None else f"; new keys not taken, the old ones stay valid: {key_trouble}"
    return f"answering {answering}; allowed: {named}{more}{trouble}"


def _endpoint(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

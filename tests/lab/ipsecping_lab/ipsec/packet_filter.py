"""The guest's packet filters as commands: the older iptables, for its kernel has no nftables of IP."""

from __future__ import annotations

from collections.abc import Iterable

from .control import Command

PROGRAMS = {4: "iptables-legacy", 6: "ip6tables-legacy"}
ICMP = {4: "-p icmp --icmp-type", 6: "-p icmpv6 --icmpv6-type"}
"""How a rule begins that is about one type of ICMP message."""


def restore(namespace: str, version: int, lines: Iterable[str]) -> Command:
    """Change what the lines name, all at once, and leave the rest; a chain that they name is emptied."""
    argv = (f"{PROGRAMS[version]}-restore", "--noflush", "--wait", "5")
    return Command(argv, namespace=namespace, stdin="\n".join(lines) + "\n")


def save(namespace: str, version: int, table: str) -> Command:
    """Print the table with its counters."""
    return Command((f"{PROGRAMS[version]}-save", "-c", "-t", table), namespace=namespace)

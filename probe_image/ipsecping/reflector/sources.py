"""Whose packet it is: which addresses are allowed, and which of them count as one sender."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from ..addresses import unmapped

Network = IPv4Network | IPv6Network

SUBNET = 64
"""Bits: the prefix of a link, of which one host may have any number of addresses (RFC 4291 section 2.5.4)."""


def source_of(address: str) -> str:
    """Who sends from that address: itself; of IPv6 its /64, within which a host takes any address it likes.

    Of a link-local address the /64 is shared by all hosts of the link, so these stand for themselves.
    """
    parsed = unmapped(address)
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    if parsed.is_link_local:
        return address
    return str(IPv6Network((int(parsed) >> SUBNET << SUBNET, SUBNET)))


class AllowList:
    """The networks whose addresses are answered. One of them is as quick to look up as a thousand."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._prefixes: dict[int, dict[int, set[int]]] = {4: {}, 6: {}}
        """IP version, bits behind the prefix, prefixes."""
        for network in networks:
            shift = network.max_prefixlen - network.prefixlen
            self._prefixes[network.version].setdefault(shift, set()).add(
                int(network.network_address) >> shift
            )

    def allows(self, address: str) -> bool:
        """Whether the address, perhaps with a zone, is in one of the networks."""
        parsed = unmapped(address)
        number = int(parsed)
        return any(number >> shift in found for shift, found in self._prefixes[parsed.version].items())

"""Where packets may be sent: networks that are allowed, networks that are refused, and which decides."""

from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from ..addresses import network_of, unmapped

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NAT64 = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_TRANSLATED = IPv6Network("::ffff:0:0:0/96")
_COMPATIBLE = IPv6Network("::/96")
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})
_MASK = 0xFFFF_FFFF
_NOWHERE = -1


@lru_cache(maxsize=32_768)  # an agent asks before each round, of at most 20,000 targets
def is_permitted(address: str, allowed: tuple[str, ...] | None, refused: tuple[str, ...]) -> bool:
    """Whether packets may be sent to the IP address, with or without a zone.

    Of all networks that hold the address the one with the longest prefix decides, as of routes; where one is
    both allowed and refused, it is allowed. `allowed` None: all that is not refused. An IPv6 address that
    carries an IPv4 address to which a translator or a tunnel passes the packets on is refused with it.
    """
    plain = unmapped(address)  # what is written as IPv6 may travel as IPv4
    granted = allowed or ()
    if allowed is not None and _longest(plain, granted) == _NOWHERE:
        return False
    return not any(
        _longest(each, refused) > _longest(each, granted) for each in (plain, *carried_addresses(plain))
    )


def carried_addresses(address: Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that packets to an IPv6 address may end up at, by the ways that have a standard.

    NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo (RFC 4380), ISATAP (RFC 5214), IPv4-translated
    (RFC 2765) and IPv4-compatible (RFC 4291 section 2.5.5.1) addresses. A NAT64 prefix of a network's own
    looks like any other.
    """
    if isinstance(address, IPv4Address):
        return
    bits = int(address)
    if address in _NAT64 or address in _TRANSLATED or (address in _COMPATIBLE and bits > 1):
        yield IPv4Address(bits & _MASK)
    if address in _LOCAL_NAT64:
        yield from _by_prefix_length(bits)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if bits >> 32 & _MASK in _ISATAP:
        yield IPv4Address(bits & _MASK)


def _by_prefix_length(bits: int) -> Iterator[IPv4Address]:
    """RFC 6052 section 2.2, prefixes of 48 to 96 bits: byte 8 is not part of the IPv4 address."""
    yield IPv4Address(bits & _MASK)
    without_octet_8 = (bits >> 64 << 56) | (bits & (1 << 56) - 1)
    for length in (48, 56, 64):
        yield IPv4Address(without_octet_8 >> (88 - length) & _MASK)


def _longest(address: Address, networks: tuple[str, ...]) -> int:
    """Length of the longest prefix among the networks that hold the address; -1 where none does."""
    return max((each.prefixlen for each in parsed_networks(networks) if address in each), default=_NOWHERE)


@lru_cache(maxsize=256)
def parsed_networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """The networks of their CIDR notation. Raises ValueError."""
    return tuple(network_of(text) for text in texts)

"""Reads IP addresses as sockets and people write them: with an IPv6 zone where there is one.

`fe80::1%eth0` names a link-local address on one interface (RFC 4007 section 11). The zone means something on
this host alone: it is no part of what is compared, sent or stored.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network


def without_zone(text: str) -> str:
    """The part before the zone of an address, or the whole text."""
    return text.partition("%")[0]


def parse_address(text: str) -> IPv4Address | IPv6Address:
    """The address without its zone. Raises ValueError for anything else.

    Its `str` is how addresses are written and compared everywhere: sockets write some in another way.
    """
    return ip_address(without_zone(text))


def is_address(target: str) -> bool:
    """Whether the target is an IP address (IPv6 with or without a zone) rather than a name."""
    try:
        parse_address(target)
    except ValueError:
        return False
    return True


def unmapped(text: str) -> IPv4Address | IPv6Address:
    """The address that packets bear: of an IPv4-mapped one (RFC 4291 section 2.5.5.2) the IPv4 address.

    Raises ValueError for anything else.
    """
    parsed = parse_address(text)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def is_ipv6(text: str) -> bool:
    """Whether an IP address is of version 6. Raises ValueError for anything else."""
    return parse_address(text).version == 6


def network_of(text: str) -> IPv4Network | IPv6Network:
    """An address or a network in CIDR notation. Raises ValueError, which names the network that was meant."""
    try:
        return ip_network(text)
    except ValueError as error:
        try:
            around = ip_network(text, strict=False)
        except ValueError:
            raise error from None
        raise ValueError(f"{text} has host bits set: the network is {around}") from None

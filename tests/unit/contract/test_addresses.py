"""Addresses with a zone, and IPv4 addresses written as IPv6, are read the same way everywhere."""

from ipaddress import IPv4Address, IPv6Address

import pytest

from ipsecping.addresses import is_ipv6, parse_address, unmapped, without_zone


@pytest.mark.parametrize(
    ("text", "parsed", "plain"),
    [
        ("192.0.2.1", IPv4Address("192.0.2.1"), IPv4Address("192.0.2.1")),
        ("fe80::1%eth0", IPv6Address("fe80::1"), IPv6Address("fe80::1")),
        ("fe80::1%", IPv6Address("fe80::1"), IPv6Address("fe80::1")),
        ("::ffff:192.0.2.1%3", IPv6Address("::ffff:192.0.2.1"), IPv4Address("192.0.2.1")),
    ],
)
def test_a_zone_is_no_part_of_an_address(
    text: str, parsed: IPv4Address | IPv6Address, plain: IPv4Address | IPv6Address
) -> None:
    assert (parse_address(text), unmapped(text)) == (parsed, plain)
    assert is_ipv6(text) == isinstance(parsed, IPv6Address)


@pytest.mark.parametrize("text", ["", "%eth0", "host%1", "192.0.2.1.5"])
def test_what_is_no_address_is_refused(text: str) -> None:
    for read in (parse_address, unmapped, is_ipv6):
        with pytest.raises(ValueError, match="does not appear to be"):
            read(text)


def test_a_name_keeps_what_stands_before_its_percent_sign() -> None:
    assert without_zone("name.example") == "name.example"

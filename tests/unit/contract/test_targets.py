"""Which network decides whether packets may be sent to an address, and what an address hides."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract import ContractError, Plan, ProbeType, plan_from_json, plan_to_json
from ipsecping.contract.targets import is_permitted

from ...plans import check_of
from ..prober.far_ends import probe

METADATA = "169.254.169.254"
ANYWHERE = ("0.0.0.0/0", "::/0")


@pytest.mark.parametrize(
    ("address", "allowed", "refused", "permitted"),
    [
        ("192.0.2.1", None, (), True),
        ("192.0.2.1", (), (), False),
        ("10.1.2.3", ("10.0.0.0/8",), (), True),
        ("10.96.0.1", ("10.0.0.0/8",), ("10.96.0.1/32",), False),
        ("10.96.0.2", ("10.0.0.0/8",), ("10.96.0.1/32",), True),
        ("10.96.0.1", ("10.0.0.0/8", "10.96.0.1/32"), ("10.96.0.1/32",), True),
        ("127.0.0.1", ANYWHERE, ("127.0.0.0/8",), False),
        ("127.0.0.1", (*ANYWHERE, "127.0.0.0/8"), ("127.0.0.0/8",), True),
        ("127.0.0.2", (*ANYWHERE, "127.0.0.1/32"), ("127.0.0.0/8",), False),
        ("169.254.7.9", None, ("169.254.169.254/32",), True),
        ("fe80::1%eth0", None, ("fe80::a9fe:a9fe/128",), True),
        ("fe80::a9fe:a9fe%eth0", None, ("fe80::a9fe:a9fe/128",), False),
        ("::ffff:10.1.2.3", ("10.0.0.0/8",), (), True),
    ],
)
def test_the_longest_prefix_decides(
    address: str, allowed: tuple[str, ...] | None, refused: tuple[str, ...], permitted: bool
) -> None:
    assert is_permitted(address, allowed, refused) is permitted


CARRIERS = {
    "IPv4-mapped": "::ffff:a9fe:a9fe",
    "IPv4-compatible": "::a9fe:a9fe",
    "IPv4-translated": "::ffff:0:a9fe:a9fe",
    "NAT64": "64:ff9b::a9fe:a9fe",
    "local NAT64 of 96 bits": "64:ff9b:1:abcd::a9fe:a9fe",
    "local NAT64 of 64 bits": "64:ff9b:1:0:a9:fea9:fe00:0",
    "local NAT64 of 56 bits": "64:ff9b:1:a9:fe:a9fe::",
    "local NAT64 of 48 bits": "64:ff9b:1:a9fe:a9:fe00::",
    "6to4": "2002:a9fe:a9fe::1",
    "Teredo": "2001:0:c000:201:0:0:5601:5601",
    "a Teredo server": "2001:0:a9fe:a9fe::",
    "ISATAP": "2001:db8::5efe:a9fe:a9fe",
    "ISATAP of a global address": "2001:db8::200:5efe:a9fe:a9fe",
}


@pytest.mark.parametrize("address", CARRIERS.values(), ids=CARRIERS)
def test_an_ipv6_address_is_refused_with_the_ipv4_address_that_it_carries_packets_to(address: str) -> None:
    refused = (f"{METADATA}/32",)
    assert not is_permitted(address, None, refused)
    assert not is_permitted(address, ANYWHERE, refused)
    assert is_permitted(address, (*ANYWHERE, f"{METADATA}/32"), refused)
    assert is_permitted(address, None, ("198.51.100.0/24",))


def test_a_loopback_address_of_ipv6_is_no_carrier() -> None:
    assert is_permitted("::1", None, ("0.0.0.0/8",))


@given(st.ip_addresses().map(str))
def test_whatever_the_address_all_or_nothing_holds_for_it(address: str) -> None:
    assert is_permitted(address, None, ())
    assert not is_permitted(address, None, ANYWHERE)
    assert is_permitted(address, ANYWHERE, ANYWHERE)
    assert not is_permitted(address, (), ())


def test_refused_networks_travel_in_the_plan_and_do_not_change_what_is_measured() -> None:
    planned = check_of(probe(ProbeType.ICMP, size=56), target="192.0.2.1")
    limited = replace(planned, refused=("127.0.0.0/8", "::1/128"))
    (read,) = plan_from_json(plan_to_json(Plan(checks=(limited,)))).checks
    assert read == limited
    assert read.nonce == planned.nonce
    content = plan_to_json(Plan(checks=(limited,)))
    content["checks"][0]["refusedTargets"] = ["127.0.0.1/8"]
    with pytest.raises(ContractError, match=r"plan\.checks\[0\]\.refusedTargets: .*is not a network"):
        plan_from_json(content)

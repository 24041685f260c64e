"""Rates of packets and bytes, and tables that nobody can fill for others. Time is passed in."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.reflector.admission import Admission, Drop
from ipsecping.reflector.sources import AllowList, source_of

from .requests import SECOND

ALLOWED = [ip_network("10.244.0.0/16"), ip_network("2001:db8::/32"), ip_network("fe80::/10")]
HONEST, HOSTILE = "10.244.0.1", "10.244.0.2"


def admission(*, rate: int = 10, total_rate: int = 1000, **more: int) -> Admission:
    return Admission(allow=ALLOWED, rate=rate, total_rate=total_rate, **more)


def test_octets_are_limited_as_packets_are() -> None:
    limited = admission(rate=100, octet_rate=10_000, largest=1000)
    assert [limited.refuse(HONEST, 0, 1000) for _ in range(11)] == [None] * 10 + [Drop.OCTET_RATE_LIMITED]
    assert limited.refuse(HONEST, SECOND // 10, 1000) is None
    assert limited.refuse(HONEST, SECOND // 10, 1000) is Drop.OCTET_RATE_LIMITED
    assert limited.refuse(HONEST, SECOND // 5, 44) is None


def test_octets_of_all_are_limited_and_what_one_sends_in_excess_takes_nothing_from_the_others() -> None:
    limited = admission(rate=100, octet_rate=10_000, total_octet_rate=15_000, largest=1000)
    for _ in range(50):
        limited.refuse(HOSTILE, 0, 1000)
    assert [limited.refuse(HONEST, 0, 1000) for _ in range(6)] == [None] * 5 + [Drop.TOTAL_OCTET_RATE_LIMITED]


def test_without_a_rate_of_octets_each_packet_may_have_1500() -> None:
    limited = admission(rate=10, largest=9000)
    assert [limited.refuse(HONEST, 0, 1500) for _ in range(11)] == [None] * 10 + [Drop.RATE_LIMITED]
    assert [limited.refuse(HOSTILE, 0, 3000) for _ in range(6)] == [None] * 5 + [Drop.OCTET_RATE_LIMITED]


def test_a_jumbo_packet_is_never_too_much_on_its_own() -> None:
    limited = admission(rate=1, largest=9000)
    assert limited.refuse(HONEST, 0, 9000) is None
    assert limited.refuse(HONEST, SECOND, 9000) is Drop.OCTET_RATE_LIMITED
    assert limited.refuse(HONEST, 6 * SECOND, 9000) is None


@given(st.integers(1, 10**9), st.integers(1, 400))
def test_as_many_packets_as_the_rate_may_come_at_once_and_again_a_second_later(rate: int, sent: int) -> None:
    limited = admission(rate=rate, total_rate=10**9)
    answered = sum(limited.refuse(HONEST, 0, 44) is None for _ in range(sent))
    assert answered == min(rate, sent)
    assert limited.refuse(HONEST, SECOND, 44) is None


@given(
    st.lists(st.tuples(st.integers(0, 3 * SECOND), st.integers(0, 9000)), max_size=60),
    st.integers(1, 50),
    st.integers(1, 100_000),
)
def test_never_is_more_answered_than_a_second_and_the_time_since_allow(
    packets: list[tuple[int, int]], rate: int, octet_rate: int
) -> None:
    limited = admission(rate=rate, octet_rate=octet_rate, largest=9000)
    now, count, octets = 0, 0, 0
    for pause, size in packets:
        now += pause
        if limited.refuse(HONEST, now, size) is None:
            count, octets = count + 1, octets + size
        assert count <= rate * (1 + now / SECOND)
        assert octets <= max(octet_rate, 9000) + octet_rate * now / SECOND + 1


@pytest.mark.parametrize("name", ["rate", "total_rate", "octet_rate", "total_octet_rate"])
def test_a_rate_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"the {name.replace('_', ' ')} must be at least 1"):
        admission(**{name: 0})


def test_strangers_take_no_room() -> None:
    table = admission(max_sources=4)
    for number in range(100):
        assert table.refuse(f"192.0.2.{number}", 0, 44) is Drop.NOT_ALLOWED
    assert table.sources == 0


def test_a_source_that_is_in_use_is_not_pushed_out() -> None:
    """65,536 addresses of an allowed network would otherwise fill a bucket anew (finding 15)."""
    table = admission(rate=1, max_sources=16)
    assert table.refuse(HOSTILE, 0, 44) is None
    answers = [table.refuse(f"10.244.1.{number}", 0, 44) for number in range(200)]
    assert answers == [None] * 15 + [Drop.TOO_MANY_SOURCES] * 185
    assert table.refuse(HOSTILE, 0, 44) is Drop.RATE_LIMITED
    assert table.sources == 16


def test_sources_that_sent_nothing_for_a_second_make_room() -> None:
    table = admission(rate=1, max_sources=16)
    for second in range(50):
        for number in range(16):
            assert table.refuse(f"10.244.{second}.{number}", second * SECOND, 44) is None
        assert table.sources <= 16


def test_an_ipv6_host_with_many_addresses_has_one_rate_and_one_place() -> None:
    table = admission(rate=3)
    answers = [table.refuse(f"2001:db8:0:1::{number:x}", 0, 44) for number in range(1, 100)]
    assert answers == [None] * 3 + [Drop.RATE_LIMITED] * 96
    assert table.sources == 1
    assert table.refuse("2001:db8:0:2::1", 0, 44) is None


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("10.244.0.1", "10.244.0.1"),
        ("::ffff:10.244.0.1", "10.244.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("fe80::1%lo", "fe80::1%lo"),
        ("fe80::1%2", "fe80::1%2"),
    ],
)
def test_who_counts_as_one(address: str, source: str) -> None:
    assert source_of(address) == source


@given(
    st.lists(st.ip_addresses(v=4).flatmap(lambda a: st.integers(0, 32).map(lambda n: (a, n))), max_size=5),
    st.lists(st.ip_addresses(v=6).flatmap(lambda a: st.integers(0, 128).map(lambda n: (a, n))), max_size=5),
    st.ip_addresses(),
)
def test_an_address_is_allowed_when_a_network_has_it(
    four: list[tuple[IPv4Address, int]],
    six: list[tuple[IPv6Address, int]],
    address: IPv4Address | IPv6Address,
) -> None:
    networks = [ip_network(f"{each}/{bits}", strict=False) for each, bits in (*four, *six)]
    meant = (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
    assert AllowList(networks).allows(str(address)) == any(meant in network for network in networks)


def test_an_ipv4_address_on_a_socket_for_both_versions_is_ipv4() -> None:
    assert AllowList([ip_network("10.0.0.0/8")]).allows("::ffff:10.1.2.3")
    assert not AllowList([ip_network("::/0")]).allows("::ffff:10.1.2.3")

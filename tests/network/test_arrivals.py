"""What a router does to DSCP, ECN, TTL and addresses on the way, as the reflector sees it."""

from collections.abc import Iterator
from typing import Any

import pytest

from .routed import FAR, FAR6, STAMP_PORT, Routed, routed

EACH = pytest.mark.parametrize(("address", "ip"), [(FAR, "ip"), (FAR6, "ip6")], ids=["IPv4", "IPv6"])


@pytest.fixture
def path() -> Iterator[Routed]:
    with routed() as made:
        yield made


def ping(path: Routed, address: str, *options: str) -> Any:
    asks = ("--ask-dscp", "--ask-hops", "--ask-source")
    return path.near.ipsecping(
        "ping", address, "--stamp", str(STAMP_PORT), "-c", "5", "-i", "20ms", "-W", "500ms", *asks, *options
    )


@EACH
def test_packets_that_nobody_touches_arrive_as_they_are_sent(path: Routed, address: str, ip: str) -> None:
    said = ping(path, address, "--dscp", "46")
    assert said["received"] == 5
    assert (said["dscp_seen"], said["ecn_seen"], said["hops_seen"]) == ("46", "0", "1")
    assert ping(path, address, "--ttl", "9")["hops_seen"] == "1"


@EACH
def test_a_router_that_bleaches_the_code_point_is_seen(path: Routed, address: str, ip: str) -> None:
    path.mangle(f"{ip} daddr {address} {ip} dscp set 0")
    said = ping(path, address, "--dscp", "46")
    assert (said["received"], said["dscp_seen"], said["ecn_seen"]) == (5, "0", "0")


def test_one_that_rewrites_some_packets_and_the_ecn_field_is_seen_too(path: Routed) -> None:
    path.mangle(f"ip daddr {FAR} numgen inc mod 5 0 ip dscp set cs1", f"ip daddr {FAR} ip ecn set ce")
    said = ping(path, FAR, "--dscp", "46")
    assert (said["received"], said["dscp_seen"], said["ecn_seen"]) == (5, "8,46", "3")


def test_what_the_way_back_does_to_markings_does_not_matter(path: Routed) -> None:
    path.mangle(f"ip saddr {FAR} ip dscp set 0")
    assert ping(path, FAR, "--dscp", "46")["dscp_seen"] == "46"


@EACH
def test_another_route_shows_by_its_hops(path: Routed, address: str, ip: str) -> None:
    field = "ip ttl" if ip == "ip" else "ip6 hoplimit"
    path.mangle(f"{ip} daddr {address} {field} set 60")
    assert ping(path, address)["hops_seen"] == "4"


def test_a_ttl_that_is_raised_on_the_way_gives_fewer_hops_than_none(path: Routed) -> None:
    path.mangle(f"ip daddr {FAR} ip ttl set 128")
    assert ping(path, FAR)["hops_seen"] == "-64"


def test_answers_that_leave_from_another_address_are_named(path: Routed) -> None:
    """As behind a one-way NAT: the far side answers from an address of its own that nobody asked."""
    path.mangle(f"ip saddr {FAR} udp sport {STAMP_PORT} ip saddr set 10.71.2.99")
    said = ping(path, FAR)
    refused = {"reason": "OtherSource", "source": "10.71.2.99", "port": STAMP_PORT, "count": 5}
    assert (said["received"], said["refused_answers"]) == (0, [refused])


def test_beside_copies_made_on_the_way_there_losses_on_the_way_back_are_bounded(path: Routed) -> None:
    """One packet in thirty is copied on the way there, one answer in 23 is lost on the way back."""
    there, back = f"ip daddr {FAR} udp dport {STAMP_PORT}", f"ip saddr {FAR} udp sport {STAMP_PORT}"
    path.mangle(
        f"{there} numgen inc mod 30 7 dup to {FAR} device r2", f"{back} numgen inc mod 23 5 drop", family="ip"
    )
    said = path.near.ipsecping(
        "ping", FAR, "--stamp", str(STAMP_PORT), "-c", "600", "-i", "10ms", "-W", "300ms"
    )
    lost = said["sent"] - said["received"]
    assert said["duplicates"] > 10
    assert lost > 15
    assert said["forward_lost"] is None
    assert said["min_forward_lost"] == 0
    assert 0 < said["min_reverse_lost"] <= lost

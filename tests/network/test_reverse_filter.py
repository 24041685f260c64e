"""Answers that this host drops itself for the interface that they come in by."""

from collections.abc import Iterator

import pytest

from .routed import ECHO_PORT, FAR, NEAR, STAMP_PORT, Routed, routed


@pytest.fixture(scope="module")
def path() -> Iterator[Routed]:
    with routed() as made:
        made.router.ip(
            f"link add r3 type veth peer name eth1 netns {made.near.process}",
            "link set r3 up",
            "address add 10.71.3.1/24 dev r3",
        )
        made.near.ip("link set eth1 up", "address add 10.71.3.2/24 dev eth1")
        made.router.ip(f"route add {NEAR}/32 via 10.71.3.2 dev r3")
        yield made


@pytest.mark.parametrize(
    "method",
    [("--stamp", str(STAMP_PORT)), ("--udp-echo", str(ECHO_PORT)), ("--icmp",)],
    ids=lambda each: each[0],
)
def test_they_are_told_of_where_packets_are_lost(path: Routed, method: tuple[str, ...]) -> None:
    ping = ("ping", FAR, *method, "-c", "4", "-i", "20ms", "-W", "300ms")
    path.near.run("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0")
    assert path.near.ipsecping(*ping)["received"] == 4
    path.near.run("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=1")
    said = path.near.ipsecping(*ping)
    assert said["losses"] == {"Timeout": 4}
    assert [(each["reason"], each["count"]) for each in said["refused_answers"]] == [("ReversePathFilter", 4)]
    path.router.run("nft", "-f", "-", stdin=_DEAF)
    lost = path.near.ipsecping(*ping)
    path.router.run("nft", "delete", "table", "inet", "deaf")
    assert lost["losses"] == {"Timeout": 4}
    assert lost["refused_answers"] == []


_DEAF = """
table inet deaf {
  chain forward {
    type filter hook forward priority 0
    drop
  }
}
"""

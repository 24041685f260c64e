"""What is read from strongSwan, and what it is told."""

from ipsecping_lab.ipsec import strongswan, topology
from ipsecping_lab.ipsec.tunnels import parse_associations

LISTED = """\
a: #3, ESTABLISHED, IKEv2, 624570aa2d2c4818_i* 2ac8ef7736bec2ee_r
  local  'left.a.lab' @ 198.51.100.1[4500]
  established 2s ago, rekeying in 13235s
  a: #6, reqid 1, INSTALLED, TUNNEL-in-UDP, ESP:AES_GCM_16-128
    in  c1750f58,   1680 bytes,    20 packets,     0s ago
    local  10.99.0.0/24 10.244.0.0/16 fd00:10:99::/64 fd00:10:244::/56
    remote 10.50.1.0/24 fd00:10:50:1::/64
b: #2, CONNECTING, IKEv2, 624570aa2d2c4819_i* 0000000000000000_r
"""


def test_an_established_tunnel_says_whether_it_is_behind_a_nat() -> None:
    tunnel = parse_associations(LISTED)["a"]
    assert tunnel.established
    assert tunnel.behind_nat


def test_a_tunnel_that_was_made_for_other_networks_than_the_pods_is_not_sound() -> None:
    listed = LISTED.replace("TUNNEL-in-UDP", "TUNNEL")
    narrowed = listed.replace("10.244.0.0/16", "10.244.77.0/24")
    unsaid = listed.replace("    local  10.99", "    from   10.99")
    seen = [parse_associations(text)["a"] for text in (listed, narrowed, unsaid)]
    assert [(tunnel.established, tunnel.sound) for tunnel in seen] == [
        (True, True),
        (True, False),
        (True, False),
    ]


def test_a_tunnel_without_a_child_is_not_established() -> None:
    tunnel = parse_associations(LISTED)["b"]
    assert (tunnel.ike, tunnel.child, tunnel.established) == ("CONNECTING", "", False)


def test_while_rekeying_the_established_association_counts() -> None:
    text = LISTED.replace("ESTABLISHED", "DELETING") + LISTED
    assert parse_associations(text)["a"].established


def test_a_gateway_that_is_not_connected_has_empty_states() -> None:
    assert not any(tunnel.established for tunnel in parse_associations("").values())


def test_the_selectors_cover_the_pods_on_both_sides() -> None:
    left, right = strongswan.connections("left"), strongswan.connections("righta")
    near = "10.99.0.0/24,10.244.0.0/16,fd00:10:99::/64,fd00:10:244::/56"
    assert left.count(f"local_ts = {near}\n") == len(topology.PATHS)
    assert right.count(f"remote_ts = {near}\n") == 1
    assert right.count("local_ts = 10.50.1.0/24,fd00:10:50:1::/64\n") == 1


def test_esp_of_one_path_is_over_ipv6() -> None:
    left = strongswan.connections("left")
    assert "local_addrs = 198.51.100.1\n    remote_addrs = 192.0.2.1\n" in left
    assert "local_addrs = 2001:db8:3:1::1\n    remote_addrs = 2001:db8:3:2::1\n" in left


def test_every_peer_of_a_link_is_made_before_it_gets_an_address() -> None:
    made: set[tuple[str, str]] = {("left", topology.LEFT_DEVICE)}
    for namespace in topology.NAMESPACES:
        for line in topology.links(namespace):
            words = line.split()
            if words[:2] == ["link", "add"]:
                made |= {(namespace, words[2]), (words[-1], words[7])}
            elif words[:2] == ["addr", "add"]:
                assert (namespace, words[-1]) in made

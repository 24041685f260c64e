"""A source that an agent's host loses and gets back, while its sessions live on."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .routed import ECHO_PORT, FAR, FAR6, NEAR, NEAR6, ROUTER, STAMP_PORT, Routed, routed

KINDS = ("Stamp", "UDPEcho", "ICMP")
ANSWERED, NOT_THERE = [3, 0, None], [0, 0, "SourceUnavailable"]
TUNNEL = (
    f"ip link add link eth0 name tunnel type macvlan mode bridge && ip addr add {NEAR}/32 dev tunnel && "
    f"ip link set tunnel up && ip route replace {ROUTER} dev tunnel && "
    f"ip route replace {FAR} via {ROUTER} dev tunnel"
)
"""An interface that is there while a tunnel is, as route-based tunnels have them."""


@pytest.fixture
def path() -> Iterator[Routed]:
    with routed() as made:
        yield made


def rounds(path: Routed, target: str, source: str, *commands: str) -> list[dict[str, object]]:
    script = str(Path(__file__).with_name("rounds_changed.py"))
    said = path.near.run(sys.executable, script, target, str(STAMP_PORT), str(ECHO_PORT), source, *commands)
    return [json.loads(line) for line in said.splitlines()]


@pytest.mark.parametrize("nonlocal_bind", ["0", "1"])
@pytest.mark.parametrize(("target", "source", "prefix"), [(FAR, NEAR, 24), (FAR6, NEAR6, 64)])
def test_an_address_that_the_host_loses_is_no_loss_and_is_used_again_when_it_is_back(
    path: Routed, target: str, source: str, prefix: int, nonlocal_bind: str
) -> None:
    other = source[:-1] + "7"
    path.near.run("sysctl", "-qw", *(f"net.ipv{each}.ip_nonlocal_bind={nonlocal_bind}" for each in (4, 6)))
    # The router need not ask for it meanwhile, nor wait a second after it has asked in vain.
    (link,) = json.loads(path.near.run("ip", "-json", "link", "show", "eth0"))
    path.router.ip(f"neigh replace {source} lladdr {link['address']} dev r1 nud permanent")
    found = rounds(
        path,
        target,
        source,
        # Another one takes its place first, so that there is a route all the time.
        f"ip addr add {other}/{prefix} dev eth0 && sysctl -qw net.ipv4.conf.all.promote_secondaries=1 "
        f"&& ip addr del {source}/{prefix} dev eth0 && ip route replace default via {ROUTER}",
        f"ip addr add {source}/{prefix} dev eth0",
    )
    for each, expected in zip(found, (ANSWERED, NOT_THERE, ANSWERED), strict=True):
        assert list(each.values()) == [expected] * len(KINDS), found


@pytest.mark.parametrize(("target", "source"), [(FAR, "10.71.9.9"), (FAR6, "fd71:9::9")])
def test_a_network_that_is_all_the_hosts_own_is_a_source(path: Routed, target: str, source: str) -> None:
    network = f"{source[:-1]}0/{120 if ':' in source else 24}"
    path.near.run("sysctl", "-qw", "net.ipv4.ip_nonlocal_bind=1", "net.ipv6.ip_nonlocal_bind=1")
    path.near.ip(f"route add local {network} dev lo")
    path.router.ip(f"route add {network} via {NEAR6 if ':' in source else NEAR}")
    assert list(rounds(path, target, source)[0].values()) == [ANSWERED] * len(KINDS)


def test_an_interface_that_is_made_anew_is_sent_from_again(path: Routed) -> None:
    path.near.run("ip", "addr", "del", f"{NEAR}/24", "dev", "eth0")
    path.near.run("sh", "-c", TUNNEL)
    found = rounds(path, FAR, "tunnel", "ip link del tunnel", TUNNEL, f"ip link del tunnel && {TUNNEL}")
    for each, expected in zip(found, (ANSWERED, NOT_THERE, ANSWERED, ANSWERED), strict=True):
        assert list(each.values()) == [expected] * len(KINDS), found


@pytest.mark.parametrize(("target", "source"), [(FAR, NEAR), (FAR6, NEAR6)])
def test_a_host_without_a_free_port_measures_on_from_the_ports_it_has(
    path: Routed, target: str, source: str
) -> None:
    taken = (
        "import socket, time; held = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); "
        "held.bind(('::', 61000)); print('ready', flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        path.near.command(sys.executable, "-c", taken), stdout=subprocess.PIPE, text=True
    ) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "ready\n"
            found = rounds(path, target, source, "sysctl -qw net.ipv4.ip_local_port_range='61000 61000'")
        finally:
            holder.terminate()
    assert [list(each.values()) for each in found] == [[ANSWERED] * len(KINDS)] * 2

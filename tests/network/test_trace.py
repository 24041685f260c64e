"""Traces through real routers, beside what traceroute(8) says, and with the habits that routers have."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ipsecping.contract.trace import ReplyKind, Trace, TraceEnd
from ipsecping.contract.trace_json import trace_from_json
from ipsecping.trace.findings import loop, nearer, way_back

from ..peers import debian
from . import odd_router
from .chain import FAR, FAR6, SILENCE, Chain, address, chain, hops
from .routed import Namespace, reflector

NOBODY, NOBODY6 = address(4, 99), address(4, 99, ipv6=True)
NOWHERE = "10.73.0.1"
FAMILIES = pytest.mark.parametrize("ipv6", [False, True], ids=["IPv4", "IPv6"])
METHODS = pytest.mark.parametrize("method", [[], ["--icmp"], ["--tcp", "80"]], ids=["UDP", "ICMP", "TCP"])
MARKED_ONLY = """
table inet odd {
  chain out {
    type filter hook output priority 0
    icmp type time-exceeded meta mark != 1 drop
  }
}
"""
REJECT = """
table inet refuse {
  chain forward {
    type filter hook forward priority 0
    udp dport 862 reject with icmpx admin-prohibited
  }
}
"""


@pytest.fixture
def path() -> Iterator[Chain]:
    with chain() as made:
        yield made


@pytest.fixture(scope="module")
def calm() -> Iterator[Chain]:
    """For tests that leave everything as it was."""
    with chain() as made:
        yield made


def traced(place: Namespace, *words: str) -> Trace:
    return trace_from_json(place.ipsecping("trace", *words))


def addresses(trace: Trace) -> list[str | None]:
    return [hop.replies[0].sender if hop.replies else None for hop in trace.hops]


@contextmanager
def habit(place: Namespace, name: str, *, device: str, seconds: float = 0) -> Iterator[None]:
    """A router that says "time exceeded" as some do."""
    place.run("nft", "-f", "-", stdin=MARKED_ONLY)
    command = [sys.executable, str(Path(odd_router.__file__)), name, device, str(seconds)]
    with subprocess.Popen(place.command(*command), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield
        finally:
            process.terminate()


@METHODS
@FAMILIES
def test_every_hop_is_found_by_each_protocol(calm: Chain, ipv6: bool, method: list[str]) -> None:
    found = traced(calm.near, FAR6 if ipv6 else FAR, *method)
    assert addresses(found) == hops(ipv6=ipv6)
    assert found.end is TraceEnd.REACHED
    assert found.source == address(1, 1, ipv6=ipv6)
    assert all(reply.proven for hop in found.hops for reply in hop.replies)
    assert not any(way_back(hop.ttl, reply) for hop in found.hops for reply in hop.replies)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [([], ["-p", "862", "-U"]), (["--icmp"], ["-I"]), (["--tcp", "80"], ["-T", "-p", "80"])],
)
@FAMILIES
def test_traceroute_says_the_same(path: Chain, ipv6: bool, ours: list[str], theirs: list[str]) -> None:
    program = debian.program("traceroute.db", "traceroute")
    path.routers[1].run("nft", "-f", "-", stdin=SILENCE)
    target = FAR6 if ipv6 else FAR
    said = path.near.run(program, "-n", "-w", "3", "-q", "1", *theirs, target)
    rows = re.findall(r"^ *\d+ +(\S+)", said, re.MULTILINE)
    assert [None if each == "*" else each for each in rows] == addresses(traced(path.near, target, *ours))


def test_no_privileges_are_needed(calm: Chain) -> None:
    plain = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]
    for method in ([], ["--icmp"], ["--tcp", "80"]):
        said = calm.near.run(*plain, sys.executable, "-m", "ipsecping", "trace", FAR, *method)
        assert f" 3  {address(3, 2)}" in said


@FAMILIES
def test_icmp_without_ping_sockets_takes_a_raw_one_or_says_what_is_missing(path: Chain, ipv6: bool) -> None:
    path.near.run("sysctl", "-qw", "net.ipv4.ping_group_range=1 0")
    target = FAR6 if ipv6 else FAR
    assert addresses(traced(path.near, target, "--icmp")) == hops(ipv6=ipv6)
    plain = [
        "setpriv",
        "--bounding-set=-net_raw",
        sys.executable,
        "-m",
        "ipsecping",
        "trace",
        target,
        "--icmp",
    ]
    assert "exit 2" in path.near.run("sh", "-c", '"$@" 2>&1; echo exit $?', "sh", *plain)


@METHODS
@FAMILIES
def test_a_silent_router_hides_itself_only(path: Chain, ipv6: bool, method: list[str]) -> None:
    path.routers[1].run("nft", "-f", "-", stdin=SILENCE)
    found = traced(path.near, FAR6 if ipv6 else FAR, *method, "-w", "300ms")
    first, _, *rest = hops(ipv6=ipv6)
    assert addresses(found) == [first, None, *rest]
    assert found.hops[1].tries == 3


def test_routers_that_limit_their_errors_are_heard(path: Chain) -> None:
    """One error a second and peer, as Linux has it by default."""
    for place in [*path.routers, path.far]:
        place.run("sysctl", "-qw", "net.ipv4.icmp_ratelimit=1000")
    for _ in range(2):
        assert addresses(traced(path.near, FAR)) == hops()


def test_a_tcp_port_that_is_open_and_one_that_is_closed(calm: Chain) -> None:
    listen = (
        "import socket as s; l = s.create_server(('', 80)); print('ready', flush=True); l.accept(); input()"
    )
    with subprocess.Popen(
        calm.far.command(sys.executable, "-c", listen),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        server.stdout.readline()
        assert traced(calm.near, FAR, "--tcp", "80").hops[-1].replies[0].kind is ReplyKind.ANSWERED
        server.communicate("\n")
    closed = traced(calm.near, FAR, "--tcp", "81")
    assert (closed.hops[-1].replies[0].kind, closed.end) == (ReplyKind.REFUSED, TraceEnd.REACHED)


@FAMILIES
def test_a_stamp_reflector_stands_at_its_hop_though_it_answers_with_the_ttl_that_is_left(
    calm: Chain, ipv6: bool
) -> None:
    with reflector(calm.far, "--stamp", "[::]:862" if ipv6 else "0.0.0.0:862"):
        found = traced(calm.near, FAR6 if ipv6 else FAR, "-w", "300ms")
    assert addresses(found) == hops(ipv6=ipv6)
    assert found.hops[-1].replies[0].kind is ReplyKind.ANSWERED


def test_an_echo_that_answers_with_the_ttl_that_is_left_is_placed_by_a_remark(calm: Chain) -> None:
    with reflector(calm.far, "--udp-echo", "0.0.0.0:7"):
        found = traced(calm.near, FAR, "--udp", "7", "-w", "300ms")
    assert (len(found.hops), nearer(found)) == (8, 4)


def test_a_target_that_answers_from_another_address_is_reached(path: Chain) -> None:
    path.far.run("ip", "address", "add", "10.72.4.3/24", "dev", "from4")
    answer = (
        "import socket as s; a, b = (s.socket(s.AF_INET, s.SOCK_DGRAM) for _ in 'ab'); "
        "a.bind(('10.72.4.2', 862)); b.bind(('10.72.4.3', 862)); print('ready', flush=True)\n"
        "while True: b.sendto(*a.recvfrom(2000))"
    )
    with subprocess.Popen(
        path.far.command(sys.executable, "-c", answer), stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            server.stdout.readline()
            found = traced(path.near, FAR)
        finally:
            server.terminate()
    assert addresses(found) == [*hops()[:-1], "10.72.4.3"]
    assert found.end is TraceEnd.REACHED


@FAMILIES
@pytest.mark.parametrize("method", [[], ["--icmp"]], ids=["UDP", "ICMP"])
def test_where_packets_become_too_large_and_what_is_behind(
    path: Chain, ipv6: bool, method: list[str]
) -> None:
    path.routers[1].run("ip", "link", "set", "to3", "mtu", "1400")
    path.routers[2].run("ip", "link", "set", "to4", "mtu", "1300")
    found = traced(path.near, FAR6 if ipv6 else FAR, *method, "--size", "1600")
    assert addresses(found) == hops(ipv6=ipv6)
    assert [(each.ttl, each.sender, each.mtu) for each in found.limits] == [
        (1, address(1, 1, ipv6=ipv6), 1500),
        (3, address(2, 2, ipv6=ipv6), 1400),
        (4, address(3, 2, ipv6=ipv6), 1300),
    ]


@METHODS
@FAMILIES
def test_a_host_that_is_not_there_is_told_by_the_last_router(
    calm: Chain, ipv6: bool, method: list[str]
) -> None:
    calm.lose_no_time()
    found = traced(calm.near, NOBODY6 if ipv6 else NOBODY, *method)
    assert found.end is TraceEnd.UNREACHABLE
    last = found.hops[-1].replies[-1]
    assert (last.sender, last.kind) == (address(3, 2, ipv6=ipv6), ReplyKind.HOST_UNREACHABLE)


def test_a_firewall_that_refuses_is_named(path: Chain) -> None:
    path.routers[1].run("nft", "-f", "-", stdin=REJECT)
    found = traced(path.near, FAR)
    last = found.hops[-1].replies[-1]
    assert (found.end, last.sender, last.kind) == (TraceEnd.UNREACHABLE, address(2, 2), ReplyKind.PROHIBITED)
    assert traced(path.near, FAR, "--icmp").end is TraceEnd.REACHED


def test_a_path_that_drops_all_ends_in_silence_with_exit_code_1(path: Chain) -> None:
    path.routers[2].run("nft", "-f", "-", stdin=REJECT.replace("reject with icmpx admin-prohibited", "drop"))
    said = path.near.run(sys.executable, "-m", "ipsecping", "trace", FAR, "-m", "8", "-w", "100ms", ok=(1,))
    assert said.splitlines()[-4:] == [
        "4-8  *",
        "",
        f"not reached: nothing answers beyond hop 3 ({address(3, 2)})",
        "each answer was waited for 0.1 s: -w waits for longer",
    ]


def test_a_loop_is_named_and_left(path: Chain) -> None:
    path.near.run("ip", "route", "add", NOWHERE, "via", address(1, 2))
    path.routers[0].run("ip", "route", "add", NOWHERE, "via", address(2, 2))
    path.routers[1].run("ip", "route", "add", NOWHERE, "via", address(2, 1))
    found = traced(path.near, NOWHERE, "-m", "64")
    seen = loop(found)
    assert seen is not None
    assert (seen.ttl, set(seen.routers)) == (1, {address(1, 2), address(2, 2)})
    assert found.sent < 64


def test_this_host_without_a_route_is_no_fault_of_the_path(path: Chain) -> None:
    path.near.run("ip", "route", "add", "unreachable", NOWHERE)
    for target in (NOWHERE, "10.99.0.1"):
        path.near.run(sys.executable, "-m", "ipsecping", "trace", target, ok=(2,))


def test_another_way_back_shows_in_the_ttl_of_the_errors(path: Chain) -> None:
    """Router 3 has a link of its own to the near host, and answers by that."""
    near, third = path.near, path.routers[2]
    third.run(
        "ip", "link", "add", "aside", "type", "veth", "peer", "name", "aside", "netns", str(near.process)
    )
    for place, end in ((near, 1), (third, 2)):
        place.run("ip", "link", "set", "aside", "up")
        place.run("ip", "address", "add", f"10.74.0.{end}/24", "dev", "aside")
    near.run("sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.aside.rp_filter=0")
    third.run("ip", "route", "replace", "10.72.1.0/24", "via", "10.74.0.1")
    found = traced(near, FAR)
    assert addresses(found) == [*hops()[:2], "10.74.0.2", FAR]
    assert [way_back(hop.ttl, hop.replies[0]) for hop in found.hops[:3]] == [None, None, 1]


@METHODS
def test_routers_that_quote_eight_octets_late_stand_at_their_hops(path: Chain, method: list[str]) -> None:
    with (
        habit(path.routers[0], "short", device="from1", seconds=0.06),
        habit(path.routers[1], "short", device="from2", seconds=0.09),
    ):
        found = traced(path.near, FAR, *method)
    assert addresses(found) == hops()
    assert not found.unplaced
    if not method:
        assert [hop.replies[0].proven for hop in found.hops] == [False, False, True, True]


def test_mpls_labels_are_shown(path: Chain) -> None:
    with habit(path.routers[0], "mpls", device="from1"):
        found = traced(path.near, FAR)
    assert [label.label for label in found.hops[0].replies[0].labels] == [24001, 16]


def test_an_error_that_quotes_no_packet_of_ours_is_ignored_and_counted(path: Chain) -> None:
    with habit(path.routers[0], "forged", device="from1"):
        found = traced(path.near, FAR, "-w", "300ms")
    assert addresses(found) == [None, *hops()[1:]]
    assert found.ignored > 0


def test_a_router_outside_that_quotes_our_packet_has_seen_it_in_clear(calm: Chain) -> None:
    inside = ["--inside", "10.72.1.0/24", "--inside", "10.72.4.0/24", "--inside", address(3, 2)]
    said = calm.near.run(sys.executable, "-m", "ipsecping", "trace", FAR, *inside)
    assert f"{address(2, 2)} quoted our packet (hop 2): it is outside of the inside networks" in said
    assert said.count("quoted our packet") == 1


def test_it_sends_from_where_it_is_told(path: Chain) -> None:
    path.near.run("ip", "address", "add", "10.72.1.7/24", "dev", "to1")
    for source in ("10.72.1.7", "to1"):
        found = traced(path.near, FAR, "-I", source)
        assert found.source == ("10.72.1.7" if source != "to1" else address(1, 1))
        assert addresses(found) == hops()


def test_ctrl_c_prints_what_is_known(path: Chain) -> None:
    path.routers[1].run("nft", "-f", "-", stdin=SILENCE)
    command = path.near.command(sys.executable, "-m", "ipsecping", "trace", FAR, "-w", "10s")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(" 1"):
                break
        process.send_signal(signal.SIGINT)
        said = process.stdout.read()
    assert "broken off; " in said

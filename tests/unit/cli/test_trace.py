"""`ipsecping trace` over loopback, where the first hop is the last: what it prints and what it refuses."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from ipaddress import ip_network

import pytest

from ipsecping.cli.trace_report import closing_lines, hop_lines
from ipsecping.contract.trace import Hop, Label, Reply, ReplyKind, Trace, TraceEnd, TraceMethod
from ipsecping.contract.trace_json import trace_from_json
from ipsecping.trace.findings import nearer

from ...ports import free_port
from .conftest import Reflector, ipsecping


def traced(*words: str, status: int = 0) -> Trace:
    done = ipsecping("trace", *words, "--json")
    assert done.returncode == status, done.stderr
    return trace_from_json(json.loads(done.stdout))


def only_reply(trace: Trace) -> Reply:
    ((reply,),) = (hop.replies for hop in trace.hops)
    return reply


def test_a_stamp_reflector_answers(reflector: Reflector) -> None:
    found = traced("127.0.0.1", "--udp", str(reflector.stamp))
    assert found.end is TraceEnd.REACHED
    assert found.source == "127.0.0.1"
    assert (only_reply(found).kind, only_reply(found).proven) == (ReplyKind.ANSWERED, True)


def test_a_udp_echo_answers(reflector: Reflector) -> None:
    found = traced("127.0.0.1", "--udp", str(reflector.echo))
    assert found.end is TraceEnd.REACHED
    assert found.hops[-1].replies[0].proven
    assert nearer(found) == 1, "it answers with the TTL that is left"


@contextmanager
def listening(kind: socket.SocketKind) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, kind) as made:
        made.bind(("127.0.0.1", free_port(kind)))
        yield made


def test_a_service_that_answers_something_else_is_reached_as_well() -> None:
    with listening(socket.SOCK_DGRAM) as server:

        def rude() -> None:
            with suppress(OSError):
                while True:
                    server.sendto(b"what?", server.recvfrom(2000)[1])

        threading.Thread(target=rude, daemon=True).start()
        found = traced("127.0.0.1", "--udp", str(server.getsockname()[1]), "-m", "3")
    assert found.end is TraceEnd.REACHED
    assert not only_reply(found).proven


@pytest.mark.long
def test_answers_of_anybody_else_are_ignored() -> None:
    """Even from the target's own address."""
    with listening(socket.SOCK_DGRAM) as server, listening(socket.SOCK_DGRAM) as stranger:

        def strange() -> None:
            with suppress(OSError):
                while True:
                    stranger.sendto(b"what?", server.recvfrom(2000)[1])

        threading.Thread(target=strange, daemon=True).start()
        port = str(server.getsockname()[1])
        found = traced("127.0.0.1", "--udp", port, "-m", "2", "-q", "2", status=1)
    assert found.end is TraceEnd.SILENT
    assert found.ignored > 0


def test_a_closed_port_is_reached_by_udp_and_by_tcp() -> None:
    with listening(socket.SOCK_STREAM) as bound:
        port = str(bound.getsockname()[1])
        assert only_reply(traced("127.0.0.1", "--tcp", port)).kind is ReplyKind.REFUSED
        bound.listen()
        assert only_reply(traced("127.0.0.1", "--tcp", port)).kind is ReplyKind.ANSWERED
    assert only_reply(traced("127.0.0.1", "--udp", port)).kind is ReplyKind.PORT_UNREACHABLE


@pytest.mark.parametrize(
    ("host", "address"),
    [("::1%lo", "::1"), ("::ffff:127.0.0.1", "127.0.0.1"), ("0:0:0:0:0:0:0:1", "::1")],
)
def test_an_address_may_be_written_in_other_ways(host: str, address: str) -> None:
    found = traced(host, "--udp", "9")
    assert (found.host, found.address, found.end) == (host, address, TraceEnd.REACHED)


def test_what_it_prints() -> None:
    done = ipsecping("trace", "127.0.0.1", "--udp", "9", "--names")
    heading, hop, _, end = done.stdout.splitlines()
    assert heading == "trace to 127.0.0.1 by UDP to port 9 from 127.0.0.1, 72 bytes, at most 30 hops"
    assert hop.startswith(" 1  ")
    assert hop.endswith(" ms  port unreachable")
    assert end == "reached in 1 hop: port 9 is closed there"
    assert not done.stderr, "progress is for terminals"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("127.0.0.1 -m 65", "trace: -m: at most 64 hops"),
        ("127.0.0.1 -q 11", "trace: -q: at most 10 tries"),
        ("127.0.0.1 -w 1ms", "trace: -w: 10ms to 10s"),
        ("127.0.0.1 --tcp 80 --size 100", "trace: --size: at most 9000 bytes, and not with --tcp"),
        ("127.0.0.1 --size 60", "trace: --size: these packets have at least 72 bytes"),
        ("::1 --size 91", "trace: --size: these packets have at least 92 bytes"),
        ("127.0.0.1 -I 192.0.2.77", "trace: 127.0.0.1: this host refuses to send from 192.0.2.77"),
        ("127.0.0.1 -I a/b", "trace: -I: 'a/b' is neither an IP address nor the name of an interface"),
        ("127.0.0.1 -6", "trace: 127.0.0.1: no IPv6 address"),
        ("127.0.0.1 --inside 10.0.0.0/8", "trace: 127.0.0.1 is in none of the networks of --inside"),
    ],
)
def test_what_it_refuses(words: str, message: str) -> None:
    done = ipsecping("trace", *words.split())
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]


TRACE = Trace(
    host="far.example", address="10.50.1.10", method=TraceMethod.UDP, port=862, source="10.244.0.7",
    source_port=40_001, size=72, started_at=1, max_ttl=30, tries=3, wait=10**9, sent=6, ignored=0, whole=True,
    hops=(),
)  # fmt: skip
EXCEEDED = ReplyKind.TIME_EXCEEDED


def ending(*replies: Reply | None, inside: str = "", **change: object) -> list[str]:
    hops = tuple(Hop(i, 3, () if each is None else (each,)) for i, each in enumerate(replies, 1))
    networks = [ip_network(each) for each in inside.split()]
    return list(closing_lines(replace(TRACE, hops=hops, **change), networks))  # type: ignore[arg-type]


def test_how_a_path_ends_in_words() -> None:
    gateway, answer = Reply("192.0.2.1", EXCEEDED, proven=True), Reply("10.50.1.10", ReplyKind.ANSWERED)
    assert ending(gateway, None, answer) == [
        "reached in 3 hops: it answers",
        "no answer from hop 2: routers need not tell",
    ]
    assert ending(replace(answer, sender="10.50.1.11")) == ["reached in 1 hop: it answers from 10.50.1.11"]
    near = replace(answer, sender="fe80::1")
    assert ending(near, address="fe80::1%eth0") == ["reached in 1 hop: it answers"]
    waited = "each answer was waited for 1 s: -w waits for longer"
    assert ending(gateway, None, None) == ["not reached: nothing answers beyond hop 1 (192.0.2.1)", waited]
    assert ending(None, None, unplaced=(answer,)) == ["reached at some hop: it answers"]
    assert ending(None, None) == ["not reached: no hop has answered", waited]
    assert ending(gateway, replace(gateway, kind=ReplyKind.PROHIBITED)) == [
        "not reached: 192.0.2.1 says administratively prohibited (hop 2)"
    ]
    other = replace(gateway, sender="192.0.2.2")
    assert ending(gateway, other, gateway, other) == [
        "not reached: a loop from hop 1 on: 192.0.2.1, 192.0.2.2 send the packets to each other"
    ]
    assert ending(gateway, whole=False) == [
        "broken off; not reached: nothing answers beyond hop 1 (192.0.2.1)"
    ]
    assert ending(answer, method=TraceMethod.TCP, port=443) == ["reached in 1 hop: port 443 is open"]


def test_who_has_seen_it_in_clear_is_pointed_out() -> None:
    gateway, answer = Reply("192.0.2.1", EXCEEDED, proven=True), Reply("10.50.1.10", ReplyKind.ANSWERED)
    inside = "10.0.0.0/8"
    (_, clear) = ending(gateway, answer, inside=inside)
    assert clear.startswith(
        "192.0.2.1 quoted our packet (hop 1): it is outside of the inside networks: "
        "traffic leaves in clear there;"
    )
    (_, doubt) = ending(replace(gateway, proven=False), answer, inside=inside)
    assert "unless the short quote was guessed" in doubt
    assert len(ending(gateway, answer, inside="10.0.0.0/8 192.0.2.1/32")) == 1
    assert len(ending(gateway, answer)) == 1, "nothing is said where nobody said what is inside"


def test_a_hop_with_all_that_is_known_of_it() -> None:
    reply = Reply("192.0.2.1", EXCEEDED, 1_500_000, ttl=60, labels=(Label(24001, 0, 1),), name="gw.example")
    assert list(
        hop_lines(Hop(2, 1, (reply, replace(reply, sender=None, rtt=None, labels=(), ttl=None))), TRACE)
    ) == [
        " 2  gw.example (192.0.2.1)     1.500 ms  MPLS label 24001, TTL 1  back over about 5 hops",
        "    an unknown router         ? ms",
    ]

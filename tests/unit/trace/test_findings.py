"""What the hops of a trace show: loops, who has seen a packet in clear, another way back."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from ipsecping.contract.trace import Hop, Reply, ReplyKind, Trace, TraceMethod
from ipsecping.trace.findings import SeenInClear, loop, seen_in_clear, way_back
from ipsecping.trace.loops import Loop

from .virtual_path import SECOND, SOURCE, TARGET

INSIDE = [ip_network("10.244.0.0/16"), ip_network("10.50.0.0/16"), ip_network("2001:db8:1::/48")]


def trace(*senders: str | None, last: ReplyKind = ReplyKind.TIME_EXCEEDED, proven: bool = True) -> Trace:
    hops = [
        Hop(ttl, 1, () if sender is None else (Reply(sender, ReplyKind.TIME_EXCEEDED, proven=proven),))
        for ttl, sender in enumerate(senders, 1)
    ]
    if hops and hops[-1].replies:
        hops[-1] = replace(hops[-1], replies=(replace(hops[-1].replies[0], kind=last),))
    return Trace(
        host=TARGET, address=TARGET, method=TraceMethod.UDP, port=862, source=SOURCE, source_port=40_000,
        size=72, started_at=1, max_ttl=30, tries=3, wait=SECOND, sent=len(hops), ignored=0, whole=True,
        hops=tuple(hops),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("senders", "found"),
    [
        ("abcd", None),
        ("abab", Loop(1, ("a", "b"))),
        ("xabab", Loop(2, ("a", "b"))),
        ("xyabcabc", Loop(3, ("a", "b", "c"))),
        ("xabcab", None),
        ("xab-ba--ab", None),
        ("xab--ba-", None),
        ("xab--ab-b", Loop(2, ("a", "b"))),
        ("xaaaaaa", None),
        ("", None),
        ("----", None),
    ],
)
def test_a_loop_shows_each_router_twice(senders: str, found: Loop | None) -> None:
    assert loop(trace(*(None if each == "-" else each for each in senders))) == found


def test_a_path_that_gets_somewhere_has_no_loop() -> None:
    assert loop(trace("a", "b", "a", "b", TARGET, last=ReplyKind.ANSWERED)) is None


def test_who_is_outside_and_quotes_our_packet_has_seen_it_in_clear() -> None:
    seen = trace("10.244.0.1", "192.0.2.9", None, "192.0.2.9", "2001:db8:2::1", "10.50.0.1", TARGET)
    assert seen_in_clear(seen, INSIDE) == [
        SeenInClear(2, "192.0.2.9", proven=True),
        SeenInClear(5, "2001:db8:2::1", proven=True),
    ]


def test_a_short_quote_is_no_proof() -> None:
    (seen,) = seen_in_clear(trace("192.0.2.9", proven=False), INSIDE)
    assert not seen.proven


def test_neither_the_target_nor_this_host_is_a_witness() -> None:
    elsewhere = trace(SOURCE, "203.0.113.7", last=ReplyKind.ANSWERED)
    assert not seen_in_clear(elsewhere, [ip_network("198.18.0.0/15")])


@pytest.mark.parametrize(
    ("ttl", "arrived", "hops"),
    [(3, 62, None), (3, 61, 4), (1, 255, None), (2, 250, 6), (4, 125, None), (4, None, None), (1, 0, 65)],
)
def test_the_way_back_is_told_where_it_is_longer_or_shorter(
    ttl: int, arrived: int | None, hops: int | None
) -> None:
    assert way_back(ttl, Reply("10.0.0.1", ReplyKind.TIME_EXCEEDED, ttl=arrived)) == hops

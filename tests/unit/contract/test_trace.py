"""The record of a trace: it comes back as it was written, and is refused where it breaks its bounds."""

from dataclasses import replace
from typing import Any

import pytest

from ipsecping.contract import ContractError
from ipsecping.contract.trace import (
    Hop,
    Label,
    Limit,
    Reply,
    ReplyKind,
    Trace,
    TraceEnd,
    TraceMethod,
    check_trace,
)
from ipsecping.contract.trace_json import trace_from_json, trace_to_json

TRACE = Trace(
    host="far.example",
    address="10.50.1.10",
    method=TraceMethod.UDP,
    port=862,
    source="10.244.0.7",
    source_port=40_001,
    size=1500,
    started_at=1_796_000_000_000_000_000,
    max_ttl=30,
    tries=3,
    wait=1_000_000_000,
    sent=6,
    ignored=1,
    whole=True,
    hops=(
        Hop(1, 1, (Reply("10.244.0.1", ReplyKind.TIME_EXCEEDED, 412_000, ttl=64, proven=True),)),
        Hop(2, 3),
        Hop(
            3, 2, (Reply(None, ReplyKind.TIME_EXCEEDED, 1, labels=(Label(24001, 1, 1),), name="gw.example"),)
        ),
        Hop(4, 1, (Reply("10.50.1.10", ReplyKind.PORT_UNREACHABLE, 2_000_000),)),
    ),
    limits=(Limit(4, "192.0.2.1", 1400),),
    unplaced=(Reply("192.0.2.7", ReplyKind.TIME_EXCEEDED),),
)


def test_it_comes_back_as_it_was_written() -> None:
    assert trace_from_json(trace_to_json(TRACE)) == TRACE
    icmp = replace(TRACE, method=TraceMethod.ICMP, port=None, source_port=None)
    assert trace_from_json(trace_to_json(icmp)) == icmp
    tcp = replace(TRACE, method=TraceMethod.TCP, size=None, source_port=None, limits=())
    assert trace_from_json(trace_to_json(tcp)) == tcp


@pytest.mark.parametrize(
    ("last", "end"),
    [
        (Reply("10.50.1.10", ReplyKind.PORT_UNREACHABLE), TraceEnd.REACHED),
        (Reply("192.0.2.1", ReplyKind.PORT_UNREACHABLE), TraceEnd.UNREACHABLE),
        (Reply("10.50.1.11", ReplyKind.ANSWERED), TraceEnd.REACHED),
        (Reply("10.50.1.10", ReplyKind.REFUSED), TraceEnd.REACHED),
        (Reply("10.50.1.10", ReplyKind.PROHIBITED), TraceEnd.UNREACHABLE),
        (Reply("192.0.2.1", ReplyKind.TIME_EXCEEDED), TraceEnd.SILENT),
    ],
)
def test_the_last_hop_tells_the_end(last: Reply, end: TraceEnd) -> None:
    assert replace(TRACE, hops=(Hop(1, 1, (last,)),)).end is end


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"version": 2}, "version"),
        ({"host": "a\x1b[2J"}, "host"),
        ({"address": "far.example"}, "address"),
        ({"port": None}, "port"),
        ({"port": 65_536}, "port"),
        ({"size": None}, "size"),
        ({"method": "SCTP"}, "method"),
        ({"maxTTL": 3}, "hops"),
        ({"maxTTL": 65}, "maxTTL"),
        ({"sent": -1}, "sent"),
        ({"whole": 1}, "whole"),
        ({"end": "Silent"}, "end"),
        ({"hops": [{"ttl": 2, "tries": 1, "replies": []}]}, "hops[0].ttl"),
        ({"hops": [{"ttl": i + 1, "tries": 1} for i in range(65)]}, "hops"),
        ({"limits": [{"ttl": 1, "mtu": 1500}]}, "limits[0].mtu"),
        ({"unplaced": [{"kind": "TimeExceeded"}] * 17}, "unplaced"),
        ({"unplaced": [{"kind": "Nothing"}]}, "unplaced[0].kind"),
        ({"unplaced": [{"kind": "TimeExceeded", "from": "10.0.0.256"}]}, "unplaced[0].from"),
        ({"unplaced": [{"kind": "TimeExceeded", "rtt": 2**60}]}, "unplaced[0].rtt"),
        ({"unplaced": [{"kind": "TimeExceeded", "name": "\u202egpj.exe"}]}, "unplaced[0].name"),
        ({"unplaced": [{"kind": "TimeExceeded", "labels": [{"label": 2**20, "trafficClass": 0, "ttl": 1}]}]},
         "unplaced[0].labels[0].label"),
    ],
)  # fmt: skip
def test_what_breaks_the_bounds_is_refused_and_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ContractError) as refused:
        trace_from_json({**trace_to_json(TRACE), **change})
    assert refused.value.field == f"trace.{field}"


def test_nothing_stands_behind_the_end() -> None:
    with pytest.raises(ContractError, match="ends a path that goes on"):
        check_trace(replace(TRACE, hops=(Hop(1, 1, (Reply("10.0.0.1", ReplyKind.ANSWERED),)), Hop(2, 1))))

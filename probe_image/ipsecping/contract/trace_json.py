"""The JSON form of a trace: what `ipsecping trace --json` prints. Durations in nanoseconds."""

from collections.abc import Mapping
from typing import Any

from . import fields
from .bounds import MAX_MTU
from .fields import ContractError
from .trace import (
    MAX_HOPS,
    MAX_LABELS,
    MAX_LIMITS,
    MAX_REPLIES,
    MAX_UNPLACED,
    VERSION,
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


def trace_to_json(trace: Trace) -> dict[str, Any]:
    """The JSON object; absent keys mean None or empty."""
    return {
        "version": VERSION,
        "host": trace.host,
        "address": trace.address,
        "method": trace.method.value,
        **fields.present(port=trace.port),
        "source": trace.source,
        **fields.present(sourcePort=trace.source_port, size=trace.size),
        "startedAt": trace.started_at,
        "maxTTL": trace.max_ttl,
        "tries": trace.tries,
        "wait": trace.wait,
        "sent": trace.sent,
        "ignored": trace.ignored,
        "whole": trace.whole,
        "end": trace.end.value,
        "hops": [
            {"ttl": hop.ttl, "tries": hop.tries, "replies": [_reply_to_json(each) for each in hop.replies]}
            for hop in trace.hops
        ],
        "limits": [
            fields.present(ttl=limit.ttl, **{"from": limit.sender}, mtu=limit.mtu) for limit in trace.limits
        ],
        "unplaced": [_reply_to_json(each) for each in trace.unplaced],
    }


def trace_from_json(value: object, path: str = "trace") -> Trace:
    """Read one trace; raises ContractError for a wrong field or what contradicts itself."""
    source = fields.mapping(value, path)
    if fields.integer(source, "version", path) != VERSION:
        raise ContractError(f"{path}.version: {source['version']} is not {VERSION}: another release made it")
    trace = Trace(
        host=fields.text(source, "host", path),
        address=fields.address(source.get("address"), f"{path}.address"),
        method=fields.member(source, "method", path, TraceMethod),
        port=fields.optional_integer(source, "port", path),
        source=fields.address(source.get("source"), f"{path}.source"),
        source_port=fields.optional_integer(source, "sourcePort", path),
        size=fields.optional_integer(source, "size", path, at_most=MAX_MTU),
        started_at=fields.integer(source, "startedAt", path),
        max_ttl=fields.integer(source, "maxTTL", path, at_most=MAX_HOPS),
        tries=fields.integer(source, "tries", path),
        wait=fields.integer(source, "wait", path),
        sent=fields.integer(source, "sent", path),
        ignored=fields.integer(source, "ignored", path),
        whole=fields.boolean(source.get("whole"), f"{path}.whole"),
        hops=tuple(
            _hop(each, f"{path}.hops[{i}]") for i, each in enumerate(_items(source, "hops", path, MAX_HOPS))
        ),
        limits=tuple(
            _limit(each, f"{path}.limits[{i}]")
            for i, each in enumerate(_items(source, "limits", path, MAX_LIMITS))
        ),
        unplaced=_replies(source, "unplaced", path, MAX_UNPLACED),
    )
    check_trace(trace, path)
    if fields.member(source, "end", path, TraceEnd) is not trace.end:
        raise ContractError(f"{path}.end: {source['end']}, where its hops say {trace.end}")
    return trace


def _reply_to_json(reply: Reply) -> dict[str, Any]:
    content = fields.present(**{"from": reply.sender}, name=reply.name, kind=reply.kind.value, rtt=reply.rtt)
    content |= fields.present(ttl=reply.ttl, proven=reply.proven)
    if reply.labels:
        content["labels"] = [
            {"label": each.label, "trafficClass": each.traffic_class, "ttl": each.ttl}
            for each in reply.labels
        ]
    return content


def _items(source: Mapping[str, Any], key: str, path: str, most: int) -> list[Any]:
    value = source.get(key)
    return [] if value is None else fields.sequence(value, f"{path}.{key}", at_most=most)


def _hop(value: object, path: str) -> Hop:
    source = fields.mapping(value, path)
    return Hop(
        ttl=fields.integer(source, "ttl", path),
        tries=fields.integer(source, "tries", path),
        replies=_replies(source, "replies", path, MAX_REPLIES),
    )


def _limit(value: object, path: str) -> Limit:
    source = fields.mapping(value, path)
    return Limit(
        ttl=fields.integer(source, "ttl", path),
        sender=fields.optional_address(source, "from", path),
        mtu=fields.integer(source, "mtu", path),
    )


def _replies(source: Mapping[str, Any], key: str, path: str, most: int) -> tuple[Reply, ...]:
    return tuple(_reply(each, f"{path}.{key}[{i}]") for i, each in enumerate(_items(source, key, path, most)))


def _reply(value: object, path: str) -> Reply:
    source = fields.mapping(value, path)
    return Reply(
        sender=fields.optional_address(source, "from", path),
        kind=fields.member(source, "kind", path, ReplyKind),
        rtt=fields.optional_integer(source, "rtt", path),
        ttl=fields.optional_integer(source, "ttl", path),
        proven=fields.flag(source, "proven", path),
        labels=tuple(
            _label(each, f"{path}.labels[{i}]")
            for i, each in enumerate(_items(source, "labels", path, MAX_LABELS))
        ),
        name=fields.optional_text(source, "name", path),
    )


def _label(value: object, path: str) -> Label:
    source = fields.mapping(value, path)
    return Label(
        label=fields.integer(source, "label", path),
        traffic_class=fields.integer(source, "trafficClass", path),
        ttl=fields.integer(source, "ttl", path),
    )

"""The hops of a trace and what they show, in words."""

from collections.abc import Iterator, Sequence

from ..addresses import without_zone
from ..contract.trace import Hop, Limit, Reply, ReplyKind, Trace, TraceEnd, TraceMethod
from ..trace.findings import Network, loop, nearer, seen_in_clear, way_back

_SAID = {
    ReplyKind.PORT_UNREACHABLE: "port unreachable",
    ReplyKind.PROTOCOL_UNREACHABLE: "protocol unreachable",
    ReplyKind.HOST_UNREACHABLE: "host unreachable",
    ReplyKind.NETWORK_UNREACHABLE: "network unreachable",
    ReplyKind.PROHIBITED: "administratively prohibited",
    ReplyKind.MESSAGE_TOO_BIG: "packet too big, without an MTU to go by",
    ReplyKind.PARAMETER_PROBLEM: "parameter problem",
    ReplyKind.UNREACHABLE: "unreachable",
}


def heading(trace: Trace) -> str:
    """What is going to be sent."""
    port = "" if trace.port is None else f" to port {trace.port}"
    size = "" if trace.size is None else f", {trace.size} bytes"
    host = trace.host if trace.host == trace.address else f"{trace.host} ({trace.address})"
    return f"trace to {host} by {trace.method}{port} from {trace.source}{size}, at most {trace.max_ttl} hops"


def hop_lines(hop: Hop, trace: Trace) -> Iterator[str]:
    """A hop that has answered; one line for each address."""
    for i, reply in enumerate(hop.replies):
        number = f"{hop.ttl:>2}" if i == 0 else "  "
        rtt = "?" if reply.rtt is None else f"{reply.rtt / 1e6:.3f}"
        remarks = "  ".join(_remarks(hop, reply, trace))
        yield f"{number}  {_who(reply, trace):<15}  {rtt:>8} ms  {remarks}".rstrip()


def silence_line(first: int, last: int) -> str:
    """Hops that have not answered."""
    return f"{first:>2}  *" if first == last else f"{first}-{last}  *"


def limit_line(limit: Limit, trace: Trace) -> str:
    """A link that was too small."""
    if limit.sender == trace.source:
        return f"    this host's own link carries {limit.mtu} bytes: the packets are as small from here on"
    return f"    MTU {limit.mtu}, says {limit.sender or 'a router'}: the packets are as small from here on"


def closing_lines(trace: Trace, inside: Sequence[Network]) -> Iterator[str]:
    """How the path ends, and what else the hops show."""
    yield f"{'' if trace.whole else 'broken off; '}{_end(trace)}"
    if trace.end is TraceEnd.SILENT and trace.whole and loop(trace) is None:
        yield f"each answer was waited for {trace.wait / 1e9:g} s: -w waits for longer"
    if (about := nearer(trace)) is not None:
        yield f"it answers with the TTL that is left to it, so it is rather at hop {about}"
    silent = [str(hop.ttl) for hop in trace.hops[:-1] if not hop.replies]
    if silent and trace.hops[-1].replies:
        which = f"hop{'' if len(silent) == 1 else 's'} {', '.join(silent)}"
        yield f"no answer from {which}: routers need not tell"
    for reply in trace.unplaced:
        if trace.from_target(reply):
            continue
        yield f"{reply.sender or 'a router'} answers too, but quotes too little to tell at which hop"
    for seen in seen_in_clear(trace, inside) if inside else ():
        yield (
            f"{seen.address} quoted our packet (hop {seen.ttl}): it is outside of the inside networks: "
            f"traffic leaves in clear there{'' if seen.proven else ', unless the short quote was guessed'}; "
            "if it is the tunnel's own gateway, name its address with --inside"
        )


def _end(trace: Trace) -> str:
    last = trace.hops[-1] if trace.hops else None
    if trace.end is TraceEnd.REACHED and last is not None:
        found_at = f"in {_hops(last.ttl)}"
        arrived = [each for each in last.replies if trace.from_target(each)]
        if not arrived:
            found_at = "at some hop"
            arrived = [each for each in trace.unplaced if trace.from_target(each)]
        return f"reached {found_at}: {_arrived(trace, arrived[0])}"
    if trace.end is TraceEnd.UNREACHABLE and last is not None:
        reply = next(each for each in last.replies if each.kind in _SAID)
        return f"not reached: {reply.sender or 'a router'} says {_SAID[reply.kind]} (hop {last.ttl})"
    found = loop(trace)
    if found is not None:
        who = ", ".join(found.routers)
        return f"not reached: a loop from hop {found.ttl} on: {who} send the packets to each other"
    heard = [hop for hop in trace.hops if hop.replies]
    if not heard:
        return "not reached: no hop has answered"
    sender = heard[-1].replies[0].sender or "a router"
    return f"not reached: nothing answers beyond hop {heard[-1].ttl} ({sender})"


def _arrived(trace: Trace, reply: Reply) -> str:
    elsewhere = "" if reply.sender in (without_zone(trace.address), None) else f" from {reply.sender}"
    if reply.kind is ReplyKind.ANSWERED:
        if trace.method is TraceMethod.TCP:
            return f"port {trace.port} is open"
        return f"it answers{elsewhere}"
    if reply.kind is ReplyKind.PROTOCOL_UNREACHABLE:
        return f"it knows no {trace.method}"
    return f"port {trace.port} is closed there"


def _who(reply: Reply, trace: Trace) -> str:
    if reply.sender is None:
        return "an unknown router"
    who = reply.sender if reply.name is None else f"{reply.name} ({reply.sender})"
    return f"{who} (this host)" if reply.sender == trace.source != trace.address else who


def _remarks(hop: Hop, reply: Reply, trace: Trace) -> Iterator[str]:
    if reply.kind is not ReplyKind.TIME_EXCEEDED:
        yield _SAID.get(reply.kind) or (
            "connection refused" if reply.kind is ReplyKind.REFUSED else "answers"
        )
    for label in reply.labels:
        yield f"MPLS label {label.label}, TTL {label.ttl}"
    back = way_back(hop.ttl, reply)
    if back is not None:
        yield f"back over about {_hops(back)}"


def _hops(number: int) -> str:
    return f"{number} hop{'' if number == 1 else 's'}"

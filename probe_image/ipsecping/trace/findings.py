"""What the hops of a trace show beyond their addresses. Pure."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

from ..addresses import parse_address, without_zone
from ..contract.trace import Reply, ReplyKind, Trace
from .loops import Loop, loop_among

Network = IPv4Network | IPv6Network

_INITIAL_TTLS = (64, 128, 255)
_OF_THE_TARGET = frozenset({ReplyKind.ANSWERED, ReplyKind.REFUSED})


class SeenInClear(NamedTuple):
    """Somebody outside of the tunnel quotes a packet that should have been inside."""

    ttl: int
    address: str
    proven: bool
    """False: the quote is so short that it might be guessed."""


def loop(trace: Trace) -> Loop | None:
    """The loop that the path ends in."""
    if any(reply.kind is not ReplyKind.TIME_EXCEEDED for hop in trace.hops for reply in hop.replies):
        return None
    return loop_among({hop.ttl: hop.replies[0].sender for hop in trace.hops if hop.replies})


def seen_in_clear(trace: Trace, inside: Sequence[Network]) -> list[SeenInClear]:
    """Hops outside of the networks behind the tunnel's gateways that quote our packet, one for each address.

    The only proof of a leak that can be had from the inside. Packets in ESP show no router what they hold.
    """
    found: dict[str, SeenInClear] = {}
    ends = without_zone(trace.address), trace.source
    for hop in trace.hops:
        for reply in hop.replies:
            sender = reply.sender
            if sender is None or reply.kind in _OF_THE_TARGET or sender in ends:
                continue
            if not is_inside(sender, inside):
                known = found.get(sender)
                found[sender] = SeenInClear(
                    hop.ttl if known is None else known.ttl,
                    sender,
                    reply.proven or (known is not None and known.proven),
                )
    return list(found.values())


def is_inside(address: str, networks: Sequence[Network]) -> bool:
    """Whether one of the networks has it."""
    parsed = parse_address(address)
    return any(parsed in network for network in networks if network.version == parsed.version)


def nearer(trace: Trace) -> int | None:
    """The hop at which the target is rather than at the last one, where it answers with the TTL left to it.

    Then a packet has to go twice as far, and the first answer that comes back arrives with a TTL of 1.
    """
    if not trace.hops:
        return None
    last, silent = trace.hops[-1], 0
    while silent < len(trace.hops) - 1 and not trace.hops[-2 - silent].replies:
        silent += 1
    about = last.ttl // 2
    answers = [reply for reply in last.replies if reply.kind is ReplyKind.ANSWERED and reply.ttl == 1]
    return about if answers and silent >= last.ttl - about > 0 else None


def way_back(ttl: int, reply: Reply) -> int | None:
    """Hops that a reply has come over, if it is not as many as the packet went over; else None.

    From its TTL on arrival, as hosts begin with 64, 128 or 255: a guess.
    """
    if reply.ttl is None or reply.kind is not ReplyKind.TIME_EXCEEDED:
        return None
    initial = next((each for each in _INITIAL_TTLS if reply.ttl <= each), None)
    if initial is None:
        return None
    hops = initial - reply.ttl + 1
    return None if hops == ttl else hops

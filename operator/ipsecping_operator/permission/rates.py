"""What a check sends in its busiest second: all probes of all paths, which begin their rounds together."""

from collections.abc import Iterator
from typing import NamedTuple

from ipsecping.contract import DnsOptions, HttpOptions, PathMtuOptions, PlannedProbe, ProbeType, TcpOptions
from ipsecping_operator.api.resources import amount
from ipsecping_operator.compile import CompiledCheck

from .scope import Refusal

SECOND_MS = 1000
HEADERS = 48
"""Octets: IPv6 and UDP or ICMP."""
SEARCH_PACKETS = 64
"""Of a search for the path MTU in a second, companions included; most searches need fewer in all."""


class Sent(NamedTuple):
    """Packets, and octets of IP packets."""

    packets: int
    octets: int

    def __add__(self, other: object) -> "Sent":
        if not isinstance(other, Sent):
            return NotImplemented
        return Sent(self.packets + other.packets, self.octets + other.octets)

    def times(self, number: int) -> "Sent":
        """So many of these."""
        return Sent(self.packets * number, self.octets * number)


CONNECTION = Sent(4, 320)
"""A TCP connection that is opened and closed again."""
HANDSHAKE = Sent(6, 1500)
"""TLS."""
REQUEST = Sent(8, 1500)
"""HTTP, with the acknowledgements of a short answer."""
IKE_REQUESTS = Sent(8, 4000)
"""Those to both ports, with what is sent again."""


def busiest_second(check: CompiledCheck) -> Sent:
    """The most that the whole check sends in a second, by its plans."""
    total = Sent(0, 0)
    for path in check.paths:
        for probe in path.plan.probes:
            turns = busiest_turns(probe, path.plan.interval_ms)
            total += IKE_REQUESTS if probe.type is ProbeType.IKE else _one(probe, turns)
    return total


def busiest_turns(probe: PlannedProbe, interval_ms: int | None) -> int:
    """How many of a probe's packets, or conversations, begin within a second: of one round, or of two.

    The last of a round and the first of the next may be a millisecond apart, whatever the spacing. An
    interval is no shorter than a second, so no third round has a part in it.
    """
    of_one = min(probe.count, -(-SECOND_MS // probe.spacing_ms))
    if interval_ms is None:
        return of_one
    between = interval_ms - (probe.count - 1) * probe.spacing_ms
    if between >= SECOND_MS:
        return of_one
    return max(of_one, (SECOND_MS - 1 - between) // probe.spacing_ms + 2)


def _one(probe: PlannedProbe, turns: int) -> Sent:
    match probe.options:
        case PathMtuOptions(max=largest):
            # Before it, small packets are sent until one is answered.
            return Sent(max(SEARCH_PACKETS, turns), SEARCH_PACKETS * largest)
        case HttpOptions(url=url):
            secure = HANDSHAKE if url.startswith("https:") else Sent(0, 0)
            return (CONNECTION + secure + REQUEST).times(turns)
        case TcpOptions(tls=tls):
            return (CONNECTION + (Sent(0, 0) if tls is None else HANDSHAKE)).times(turns)
        case DnsOptions(query=query):
            return Sent(1, HEADERS + 18 + len(query)).times(turns)
        case _:
            return Sent(1, HEADERS + probe.size).times(turns)


def rates(check: CompiledCheck, *, packets: int, bits: str) -> Iterator[Refusal]:
    """More packets or more bits a second than permitted."""
    sent = busiest_second(check)
    remedy = "have fewer probes or paths, or a longer spacing"
    if sent.packets > packets:
        yield Refusal(
            "spec.probes",
            f"up to {sent.packets} packets/s are more than permitted in namespace {check.namespace}: at most "
            f"{packets} a check (--max-packet-rate of the operator); {remedy}",
        )
    if sent.octets * 8 > amount(bits):
        yield Refusal(
            "spec.probes",
            f"up to {sent.octets * 8 / 1e6:.1f} Mbit/s are more than permitted in namespace "
            f"{check.namespace}: at most {bits}bit/s a check (--max-bit-rate of the operator); {remedy}, or "
            "a smaller size",
        )

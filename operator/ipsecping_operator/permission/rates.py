"""What a check sends in its busiest second: all probes of all paths, which begin their rounds together.

Where each address of a target is measured, as many count as may be: how many a name has, others decide.
"""

from collections.abc import Iterator
from math import ceil

from ipsecping.contract import METHODS, PlannedProbe, controls, most_addresses
from ipsecping.contract.bounds import DIAGNOSIS_BIT_RATE, DIAGNOSIS_PACKETS, DIAGNOSIS_SECONDS, MAX_ADDRESSES
from ipsecping.contract.methods.spec import HEADERS, Traffic
from ipsecping_operator.api.resources import amount
from ipsecping_operator.compile import CompiledCheck

from .scope import Refusal

SECOND_MS = 1000
DIAGNOSIS_PACKET_RATE = ceil(DIAGNOSIS_PACKETS / DIAGNOSIS_SECONDS)


def busiest_second(check: CompiledCheck) -> Traffic:
    """The most that the whole check sends in a second, by its plans."""
    total = Traffic(0, 0)
    for path in check.paths:
        for probe in path.plan.probes:
            turns = busiest_turns(probe, path.plan.interval_ms) + (probe.keepalive_ms is not None)
            traffic = METHODS[probe.type].traffic(probe.options, probe.size, turns * probe.flows)
            total += traffic.times(most_addresses(path.plan, probe))
        if path.plan.interval_ms is not None:  # an agent asks each control once a second at most
            total += Traffic(1, controls.PAYLOAD + HEADERS).times(len(path.plan.controls))
    return total


def busiest_turns(probe: PlannedProbe, interval_ms: int | None) -> int:
    """How many packets of a flow, or conversations, begin within a second: of one round, or of two.

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


def rates(check: CompiledCheck, *, packets: int, bits: str) -> Iterator[Refusal]:
    """More packets or more bits a second than permitted."""
    sent = busiest_second(check)
    remedy = "have fewer probes or paths, or a longer spacing"
    if any(path.plan.per_address for path in check.paths):
        remedy += f"; a path of which each address is measured counts as {MAX_ADDRESSES} addresses"
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


def no_diagnosis(namespace: str, *, packets: int, bits: str) -> str | None:
    """Why no check of the namespace is diagnosed: it would send more than is permitted."""
    if packets >= DIAGNOSIS_PACKET_RATE and amount(bits) >= DIAGNOSIS_BIT_RATE:
        return None
    return (
        f"a diagnosis sends up to {DIAGNOSIS_PACKET_RATE} packets/s for {DIAGNOSIS_SECONDS}s and "
        f"{DIAGNOSIS_BIT_RATE / 1e6:g} Mbit/s, more than "
        f"permitted in namespace {namespace}: at most {packets} and {bits}bit/s (--max-packet-rate "
        "and --max-bit-rate of the operator)"
    )

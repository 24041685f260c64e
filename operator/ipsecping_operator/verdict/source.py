"""The verdict on the source addresses that the target saw. Pure."""

from ipaddress import ip_address

from ipsecping.contract import PlannedProbe, Sources, StampOptions
from ipsecping_operator.api.conditions import HealthyReason
from ipsecping_operator.compile.compiled import CompiledCheck

from . import text
from .finding import Finding
from .tally import Tally

FIELD = "spec.verify.sourceSeen"
_NAMED = 3
"""So many addresses are named in a message; the status has all."""


def verify_source(check: CompiledCheck, measured: PlannedProbe, where: str, figures: Tally) -> Finding | None:
    """What is wrong with the addresses, or that they are not known; None where nothing is to be said.

    `measured` is the probe as it was planned when it gave these figures.

    One packet from elsewhere is enough, for as long as it is in the window, also in a round that the prober
    spoilt. Only where every answer told an address is anything verified.
    """
    networks = check.verified.sources
    if not networks or not isinstance(measured.options, StampOptions) or not measured.options.ask_source:
        return None
    sources = figures.figure(Sources) or Sources.of({})
    foreign = {
        address: count
        for address, count in sources.counts.items()
        if not any(ip_address(address) in network for network in networks)
    }
    span = text.span(check.thresholds.window_ms * 1_000_000)
    allowed = f"{', '.join(str(network) for network in networks)} ({FIELD})"
    if foreign:
        packets = text.counted(sum(foreign.values()), "packet")
        return Finding(
            reason=HealthyReason.SOURCE_MISMATCH,
            message=f"the target saw {packets} in {span} come from {_some(foreign)} on {where}, allowed is "
            f"{allowed}: NAT on the way, or traffic beside the tunnel",
        )
    unknown = figures.received - sources.told
    if unknown:
        answers = text.counted(unknown + sum(sources.counts.values()), "answer")
        return Finding(
            reason=HealthyReason.SOURCE_UNKNOWN,
            message=f"{unknown} of {answers} in {span} "
            f"on {where} do not tell the source address, so that {allowed} is not verified: the reflector "
            "must answer Location TLVs (RFC 8972), as ipsecping reflect does",
        )
    return None


def _some(foreign: dict[str, int]) -> str:
    names = sorted(foreign, key=lambda address: -foreign[address])
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more addresses" if more > 0 else "")

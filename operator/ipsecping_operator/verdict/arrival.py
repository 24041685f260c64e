"""The verdict on how packets arrived at the target: with which DSCP and ECN, after how many hops. Pure.

As of source addresses (`source.py`), one packet is enough, for as long as it is in the window, also in a
round that the prober spoilt; and only where every answer told is anything verified.
"""

from collections.abc import Iterator

from ipsecping.contract import Hops, Marking, Markings, PlannedProbe, StampOptions
from ipsecping.contract.methods.arrival import Arrivals
from ipsecping_operator.api.conditions import HealthyReason
from ipsecping_operator.compile.compiled import CompiledCheck

from . import text
from .finding import Finding
from .tally import Tally

DSCP_FIELD, HOPS_FIELD = "spec.verify.dscp", "spec.verify.hops"
NOT_ECT = 0
"""The ECN field of all packets as they are sent (RFC 3168)."""
_ECN = ("Not-ECT", "ECT(1)", "ECT(0)", "CE")


def verify_arrival(
    check: CompiledCheck, measured: PlannedProbe, where: str, figures: Tally
) -> Iterator[Finding]:
    """What is wrong with markings and hops, or that they are not known.

    `measured` is the probe as it was planned when it gave these figures.
    """
    if not isinstance(measured.options, StampOptions):
        return
    span, verified = text.span(check.thresholds.window_ms * 1_000_000), check.verified
    if measured.options.ask_dscp and verified.dscp is not None:
        yield from _dscp(verified.dscp or (measured.dscp,), measured, f"in {span} on {where}", figures)
    if measured.options.ask_hops and verified.hops is not None:
        yield from _hops(*verified.hops, f"in {span} on {where}", figures)


def _dscp(allowed: tuple[int, ...], probe: PlannedProbe, when: str, figures: Tally) -> Iterator[Finding]:
    markings = figures.figure(Markings) or Markings.of({})
    wrong: dict[Marking, int] = {
        marking: count
        for marking, count in markings.counts.items()
        if marking.dscp not in allowed or marking.ecn != NOT_ECT
    }
    limit = f"{_listed(allowed)} ({DSCP_FIELD})"
    if wrong:
        seen = sorted({(each.dscp, each.ecn) for each in wrong})
        named = ", ".join(
            f"DSCP {dscp}{'' if ecn == NOT_ECT else f' and ECN {_ECN[ecn]}'}" for dscp, ecn in seen
        )
        yield Finding(
            reason=HealthyReason.DSCP_MISMATCH,
            message=f"the target saw {text.counted(sum(wrong.values()), 'packet')} arrive with {named} "
            f"{when}, sent with {probe.dscp}, allowed is {limit}: re-marked on the way",
        )
    else:
        yield from _unknown(
            HealthyReason.DSCP_UNKNOWN, markings, figures, when,
            f"{limit} is not verified: the reflector must answer Class of Service TLVs (RFC 8972), as "
            "ipsecping reflect does",
        )  # fmt: skip


def _hops(least: int, most: int, when: str, figures: Tally) -> Iterator[Finding]:
    hops = figures.figure(Hops) or Hops.of({})
    wrong = {each: count for each, count in hops.counts.items() if not least <= each <= most}
    limit = f"{least if least == most else f'{least} to {most}'} ({HOPS_FIELD})"
    if wrong:
        yield Finding(
            reason=HealthyReason.HOPS_MISMATCH,
            message=f"{text.counted(sum(wrong.values()), 'packet')} {when} passed "
            f"{_listed(tuple(sorted(wrong)))} hops on the way there, allowed is {limit}: another route, or "
            "traffic beside the tunnel",
        )
    else:
        yield from _unknown(
            HealthyReason.HOPS_UNKNOWN, hops, figures, when,
            f"{limit} is not verified: the reflector must fill in the Session-Sender TTL (RFC 8762), as "
            "ipsecping reflect does",
        )  # fmt: skip


def _unknown(
    reason: HealthyReason, told: Arrivals, figures: Tally, when: str, remedy: str
) -> Iterator[Finding]:
    unknown = figures.received - told.told
    if unknown > 0:
        answers = text.counted(figures.received, "answer")
        message = f"{unknown} of {answers} {when} do not tell {told.what}, so that {remedy}"
        yield Finding(reason=reason, message=message)


def _listed(values: tuple[int, ...]) -> str:
    return ", ".join(map(str, values))

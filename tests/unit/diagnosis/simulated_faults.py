"""Faults of a simulated path, and what may be said of each. Run as a program it prints how often each is told
rightly:

    PYTHONPATH=probe_image python -m tests.unit.diagnosis.simulated_faults 200
"""

import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ipsecping.collector.steps import Asked
from ipsecping.diagnosis import Confidence, Diagnosis, Finding, Part, diagnose
from ipsecping.diagnosis.cause import Cause

from .simulated import ASKED, Bucket, Network, collected


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a path, and what may be said of it."""

    truths: tuple[frozenset[Cause], ...]
    """Of each thing that is wrong, the names for it that are right."""
    make: Callable[[random.Random], Network]
    asked: Asked = ASKED

    def diagnoses(self, seeds: int) -> Iterator[Diagnosis]:
        """Yield those of so many paths that have it."""
        for seed in range(seeds):
            yield diagnose(collected(self.make(random.Random(seed)), self.asked))

    def right(self, diagnosis: Diagnosis) -> bool:
        """Whether each thing that is wrong is found, and nothing else."""
        found = [frozenset(finding.causes) for finding in diagnosis.findings]
        return all(any(truth & each for each in found) for truth in self.truths) and all(
            any(truth & each for truth in self.truths) for each in found
        )


def fault(*truths: Cause | frozenset[Cause], asked: Asked = ASKED, **fields: Any) -> Fault:
    """Write a fault in one line; a field that is a function makes its value anew for each path."""

    def make(chance: random.Random) -> Network:
        made = {key: value(chance) if callable(value) else value for key, value in fields.items()}
        return Network(chance=chance, **made)

    each = tuple(truth if isinstance(truth, frozenset) else frozenset({truth}) for truth in truths)
    return Fault(truths=each, make=make, asked=asked)


def bucket(rate: float, burst: float) -> Callable[[random.Random], Bucket]:
    """Return what makes a limit."""
    return lambda _: Bucket(rate, burst)


def limits(rate: float, *parts: Part) -> Callable[[random.Random], dict[Part, Bucket]]:
    """Return what makes limits on ICMP, six at once as Linux has it and so many a second."""
    return lambda _: {part: Bucket(rate, 6) for part in parts}


def stalls(every: float, lasts: float) -> Callable[[random.Random], tuple[tuple[float, float], ...]]:
    """Return what makes a host stand still at chance moments."""
    return lambda chance: tuple((n * every + chance.random() * every, lasts) for n in range(int(30 / every)))


STAMP_ONLY = replace(ASKED, methods=ASKED.methods[:1])
ICMP_ONLY = replace(ASKED, methods=ASKED.methods[2:])
LIMIT = frozenset({Cause.RESPONDER_OVERLOADED})
FAULTS = {
    "nothing": fault(),
    "loss out 5": fault(Cause.UNDERLAY_LOSS, line_loss=(0.05, 0)),
    "loss in 5": fault(Cause.UNDERLAY_LOSS, line_loss=(0, 0.05)),
    "loss both 20": fault(Cause.UNDERLAY_LOSS, line_loss=(0.2, 0.2)),
    "near loss 10": fault(Cause.NEAR_NETWORK_LOSS, near_loss=0.1),
    "far loss 10": fault(Cause.FAR_NETWORK_LOSS, far_loss=0.1),
    "mtu-blackhole in 1300": fault(Cause.MTU_BLACK_HOLE, mtu=(1446, 1300)),
    "loss out 5 + mtu-blackhole in 1300": fault(
        Cause.UNDERLAY_LOSS, Cause.MTU_BLACK_HOLE, line_loss=(0.05, 0), mtu=(1446, 1300)
    ),
    "loss out 5 + mtu-blackhole in 1400": fault(
        Cause.UNDERLAY_LOSS, Cause.MTU_BLACK_HOLE, line_loss=(0.05, 0), mtu=(1446, 1400)
    ),
    "loss both 10 + mtu-blackhole out 1300": fault(
        Cause.UNDERLAY_LOSS, Cause.MTU_BLACK_HOLE, line_loss=(0.1, 0.1), mtu=(1300, 1446)
    ),
    "dscp-loss": fault(Cause.CLASS_DEPENDENT_LOSS, lossy_class=(46, 0.5)),
    "rate out 100": fault(Cause.CONGESTED, queue=100_000),
    "rate out 100 + dscp-loss": fault(
        Cause.CONGESTED, Cause.CLASS_DEPENDENT_LOSS, queue=100_000, lossy_class=(46, 0.5)
    ),
    "policer 64": fault(Cause.RATE_LIMITED, policer=bucket(8_000, 4_000)),
    "policer 200": fault(Cause.RATE_LIMITED, policer=bucket(25_000, 4_000)),
    "policer 64 + dscp-loss": fault(
        Cause.RATE_LIMITED, Cause.CLASS_DEPENDENT_LOSS, policer=bucket(8_000, 4_000), lossy_class=(46, 0.5)
    ),
    "a host that stands still": fault(stalls=stalls(1, 0.3)),
    "a host that stands still for long": fault(stalls=stalls(2, 0.9)),
    "reflector limit 50/s": fault(LIMIT, reflector=bucket(50, 20)),
    "reflector limit 20/s": fault(LIMIT, reflector=bucket(20, 10)),
    "reflector limit 50/s, STAMP alone": fault(LIMIT, reflector=bucket(50, 20), asked=STAMP_ONLY),
    "ICMP limit 10/s, ICMP alone": fault(echo=bucket(10, 6), asked=ICMP_ONLY),
    "ICMP limit 5/s, ICMP alone": fault(LIMIT, echo=bucket(5, 6), asked=ICMP_ONLY),
}
NEAR, BOTH = (Part.NEAR_INSIDE,), (Part.NEAR_INSIDE, Part.FAR_INSIDE)
BESIDE = {
    "near ICMP limit 10/s + loss out 10": fault(
        Cause.UNDERLAY_LOSS, line_loss=(0.1, 0), controls=limits(10, *NEAR)
    ),
    "near ICMP limit 5/s + far loss 10": fault(
        Cause.FAR_NETWORK_LOSS, far_loss=0.1, controls=limits(5, *NEAR)
    ),
    "near ICMP limit 10/s + loss out 40": fault(
        Cause.UNDERLAY_LOSS, line_loss=(0.4, 0), controls=limits(10, *NEAR)
    ),
    "near and far ICMP limit 1/s + loss out 5": fault(
        Cause.UNDERLAY_LOSS, line_loss=(0.05, 0), controls=limits(1, *BOTH)
    ),
    "near and far ICMP limit 1/s": fault(controls=limits(1, *BOTH)),
    "target's ICMP limit 5/s + loss out 10": fault(
        Cause.UNDERLAY_LOSS, line_loss=(0.1, 0), echo=bucket(5, 6)
    ),
    "dscp-loss + loss out 10": fault(
        Cause.CLASS_DEPENDENT_LOSS, Cause.UNDERLAY_LOSS, lossy_class=(46, 0.6), line_loss=(0.1, 0)
    ),
    "policer 64 + loss in 10": fault(
        Cause.RATE_LIMITED, Cause.UNDERLAY_LOSS, policer=bucket(8_000, 4_000), line_loss=(0, 0.1)
    ),
}
"""Two things at once of which one hides the other, or looks like it; of some less can be told."""


def main() -> None:
    """Print what is said of each fault, most often first."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    sizes, right, total = [], Counter[str](), Counter[str]()
    for name, each in {**FAULTS, **BESIDE}.items():
        if len(sys.argv) > 2 and not any(word in name for word in sys.argv[2:]):
            continue
        diagnoses = list(each.diagnoses(seeds))
        told = Counter(_said(diagnosis) for diagnosis in diagnoses)
        sys.stdout.write(f"{name}: right in {sum(map(each.right, diagnoses))} of {seeds}\n")
        sys.stdout.writelines(f"  {count:4d} {said}\n" for said, count in told.most_common(5))
        for finding in (finding for diagnosis in diagnoses for finding in diagnosis.findings):
            total[finding.confidence] += 1
            right[finding.confidence] += any(truth & set(finding.causes) for truth in each.truths)
            sizes += [len(finding.suspects)] if finding.confidence is Confidence.ONE_OF else []
    sys.stdout.writelines(f"{kind}: {right[kind]} of {total[kind]}\n" for kind in total)
    sys.stdout.write(f"mean size of a OneOf: {sum(sizes) / max(len(sizes), 1):.2f}\n")


def _said(diagnosis: Diagnosis) -> str:
    found = (
        f"{each.reason} ({each.confidence}, {each.direction}: {_causes(each)})" for each in diagnosis.findings
    )
    return "; ".join(found) or diagnosis.outcome.value


def _causes(finding: Finding) -> str:
    return ", ".join(finding.suspects)


if __name__ == "__main__":
    main()

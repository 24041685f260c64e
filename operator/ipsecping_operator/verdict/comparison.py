"""What the figures of a path's probes do not show, alone or beside one another, and would mislead. Pure."""

from collections.abc import Iterator, Sequence

from ipsecping.contract import METHODS, Expect, LossShape, ProbeType
from ipsecping_operator.api.conditions import HealthyReason

from . import text
from .probe import ProbeVerdict

MILLISECOND = 10**6
NEARER = 4
"""So many times sooner TCP is answered, at least, where something in between answers it."""
LEAST_PERIODS = 3
"""So many packets the others would have lost as well, before it counts that they lost none."""
_LOSSY = (HealthyReason.LOSS_HIGH, HealthyReason.LOSS_BURST)
DATAGRAMS = (ProbeType.STAMP, ProbeType.UDP_ECHO, ProbeType.ICMP)


def remarks(probes: Sequence[ProbeVerdict]) -> Iterator[str]:
    """Yield what a person should know of the probes of one path beside their findings."""
    wanted = [each for each in probes if each.probe.expect is Expect.REACHABLE and each.figures is not None]
    yield from _untimed(wanted)
    if len(wanted) > 1:
        yield from _rate_limits(wanted)
        yield from _nearer_answers(wanted)


def _untimed(probes: Sequence[ProbeVerdict]) -> Iterator[str]:
    """Answers without a round-trip time are within every limit on it, which would look like health."""
    for each in probes:
        assert each.figures is not None
        timed = METHODS[each.probe.type].timed
        if timed and each.figures.received and not each.figures.rtt.count:
            yield (
                f"{each.path}/{each.probe.name} has no round-trip times, and no limit on them is judged: "
                "a clock was set, or the reflector's own times (T2, T3) are wrong"
            )


def _rate_limits(probes: Sequence[ProbeVerdict]) -> Iterator[str]:
    """Even losses of one kind of packet alone are a limit on its rate, and none of the tunnel."""
    for each in probes:
        assert each.figures is not None
        shape = each.figures.figure(LossShape)
        if (
            not METHODS[each.probe.type].rate_limited
            or each.finding.reason not in _LOSSY
            or shape is None
            or shape.period is None
        ):
            continue
        others = [
            other.figures
            for other in probes
            if other is not each and other.figures is not None and not METHODS[other.probe.type].may_rest
        ]
        sent = sum(figures.sent for figures in others)
        if sent >= LEAST_PERIODS * shape.period and not any(figures.lost for figures in others):
            spacing = text.span(each.probe.spacing_ms * MILLISECOND)
            yield (
                f"the other probes of {each.path} lose nothing: {each.path}/{each.probe.name} meets a "
                f"limit on {each.probe.type} rather than a fault of the tunnel; a spacing above {spacing} "
                "may avoid it"
            )


def _nearer_answers(probes: Sequence[ProbeVerdict]) -> Iterator[str]:
    """A mesh proxy completes TCP handshakes itself, whatever becomes of the tunnel."""
    for each in (each for each in probes if each.probe.type == ProbeType.TCP):
        near = _median(each)
        if near is None or near >= MILLISECOND:
            continue
        for other in (other for other in probes if other.probe.type in DATAGRAMS):
            far = _median(other)
            if far is not None and NEARER * near < far:
                yield (
                    f"{each.path}/{each.probe.name} is answered in {text.milliseconds(near)}, "
                    f"{other.path}/{other.probe.name} in {text.milliseconds(far)}: TCP is answered by "
                    "something nearer than the target, a mesh proxy?"
                )
                break


def _median(verdict: ProbeVerdict) -> int | None:
    return None if verdict.figures is None else verdict.figures.rtt.percentile(50.0)

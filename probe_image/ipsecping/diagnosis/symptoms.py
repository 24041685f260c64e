"""symptoms(reading, facts): what there is to explain. Pure."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from ..contract import ProbeType
from ..contract.diagnosis_terms import Direction
from . import facts_loss, facts_packet, facts_reach, statistics
from .evidence import Batch, Part
from .fact import FactName
from .facts import Facts
from .facts_loss import LEAST_LOST
from .reading import Reading
from .refused_in_part import refused_at_times
from .symptom import Symptom, SymptomKind, joined
from .tally import Tally, lost_of, part_of, tally
from .when_lost import in_one_moment

TICKS = 5
"""A period is so many ticks of the rounds that found it, at least."""
NEWEST_ROUNDS = 10
"""So many tell whether packets are lost at the rate of rounds."""
PATH_PACKETS = 8
"""Another path that answered none of so many is silent."""


def symptoms(reading: Reading, known: Facts) -> list[Symptom]:
    """Return every symptom of the evidence, gravest first."""
    found = list(_all(reading, known))
    order = list(SymptomKind)
    return sorted(found, key=lambda symptom: (order.index(symptom.kind), symptom.direction))


def _all(reading: Reading, known: Facts) -> Iterator[Symptom]:
    yield from _simple(known)
    if _is_silent(reading):
        yield from _silence(reading, known)
    elif reading.target.sent:
        yield from _methods(reading)
        yield from _refusals(reading)
        yield from _losses(reading, known)
        yield from _sizes(reading, known)
        yield from _times(reading, known)
        yield from _ike(reading, known)
    yield from _past(reading)


def _simple(known: Facts) -> Iterator[Symptom]:
    """Those that one fact is all of."""
    for kind, name in (
        (SymptomKind.IN_CLEAR, FactName.SEEN_IN_CLEAR),
        (SymptomKind.UNFIT, FactName.PROBER_UNFIT),
        (SymptomKind.NAMELESS, FactName.NAME_FAILED),
        (SymptomKind.SOURCE, FactName.SOURCE_DIFFERS),
        (SymptomKind.MISANSWERED, FactName.MISANSWERED),
    ):
        if known[name].value:
            direction = Direction.FORWARD if kind in _FORWARD else Direction.UNKNOWN
            yield Symptom(kind=kind, direction=direction, text=known[name].text)


_FORWARD = frozenset({SymptomKind.IN_CLEAR, SymptomKind.SOURCE})


_PAST_FAR_GATEWAY = (
    FactName.NEIGHBOUR_ANSWERS,
    FactName.HOST_UNREACHABLE,
    FactName.PROHIBITED_BY_FAR_GATEWAY,
    FactName.REFUSED_BY_TARGET,
)
_PAST_OUR_GATEWAY = (
    FactName.REACHES_NEAR_GATEWAY,
    FactName.GATEWAY_ENCAPSULATES,
    FactName.FAR_GATEWAY_ANSWERS,
    FactName.REQUESTS_ARRIVE,
    *_PAST_FAR_GATEWAY,
)


def _is_silent(reading: Reading) -> bool:
    return bool(reading.target.sent) and not reading.target.answered and not reading.target.misanswered


def _silence(reading: Reading, known: Facts) -> Iterator[Symptom]:
    arrive = known[FactName.REQUESTS_ARRIVE].value
    direction = {True: Direction.REVERSE, False: Direction.FORWARD, None: Direction.UNKNOWN}[arrive]
    target = reading.target
    parts = ", ".join(f"{kind} 0 of {each.sent}" for kind, each in reading.methods.items())
    told = target.refused > 0
    yield Symptom(
        kind=SymptomKind.SILENT,
        direction=direction,
        lost=target.lost,
        sent=target.sent,
        text=f"{reading.evidence.address}: 0 of {target.sent} packets answered ({parts})",
        certain=target.dead or told,
    )
    for kind, name, passed in (
        (SymptomKind.NEAR_SILENT, FactName.NEAR_GATEWAY_ANSWERS, _PAST_OUR_GATEWAY),
        (SymptomKind.FAR_SILENT, FactName.FAR_GATEWAY_ANSWERS, _PAST_FAR_GATEWAY),
    ):
        # A control that is silent while what is behind it speaks is no control.
        if known[name].value is False and not any(known[each].value for each in passed):
            yield Symptom(kind=kind, direction=direction, text=known[name].text)
    baseline = reading.evidence.baseline
    gateway_known = baseline is not None and Part.GATEWAY in baseline.controls
    if gateway_known and known[FactName.GATEWAY_ANSWERS].value is False:
        yield Symptom(kind=SymptomKind.GATEWAY_SILENT, text=known[FactName.GATEWAY_ANSWERS].text)
    others = reading.evidence.paths or ()
    if others and all(path.sent >= PATH_PACKETS and not path.answered for path in others):
        same = all(path.same_target for path in others)
        kind = SymptomKind.TARGET_SILENT_EVERYWHERE if same else SymptomKind.PATHS_SILENT
        names = ", ".join(f"{path.name} 0 of {path.sent}" for path in others)
        yield Symptom(kind=kind, text=f"the other paths are silent as well: {names}")


def _methods(reading: Reading) -> Iterator[Symptom]:
    if not reading.dead_methods or facts_reach.icmp_is_filtered(reading):
        return
    dead = [reading.methods[kind] for kind in reading.dead_methods]
    alive = [f"{kind} {each.said}" for kind, each in reading.methods.items() if each.answered]
    silent = ", ".join(
        f"{kind} {each.answered} of {each.sent} answered"
        for kind, each in zip(reading.dead_methods, dead, strict=True)
    )
    lost, sent = sum(each.lost for each in dead), sum(each.sent for each in dead)
    yield Symptom(
        kind=SymptomKind.METHOD_SILENT, lost=lost, sent=sent, text=f"{silent}, but {', '.join(alive)}"
    )


def _refusals(reading: Reading) -> Iterator[Symptom]:
    """Yield what the target itself refused of methods that it answers at other times."""
    for kind, (refused, sent) in refused_at_times(reading.evidence).items():
        said = f"{kind}: {refused} of {sent} packets were refused by the target, others answered"
        yield Symptom(kind=SymptomKind.METHOD_SILENT, sent=sent, text=said)


def _losses(reading: Reading, known: Facts) -> Iterator[Symptom]:
    for kind, name, part in (
        (SymptomKind.FLOW_LOSS, FactName.LOSS_BY_FLOW, Part.FLOWS),
        (SymptomKind.CLASS_LOSS, FactName.LOSS_BY_CLASS, Part.CLASSES),
        (SymptomKind.RATE_LOSS, FactName.LOSS_BY_RATE, Part.RATES),
    ):
        # Each rate has a flow of its own, which may be a dead one; and hosts limit ICMP.
        unfair = icmp_limited(reading) or known[FactName.LOSS_BY_FLOW].value is True
        if known[name].value and not (kind is SymptomKind.RATE_LOSS and unfair):
            yield Symptom(kind=kind, direction=_way(reading, part), text=known[name].text)
    if rounds_unharmed(reading) is not None:
        return
    lossy = reading.lossy
    lost = lossy.lost - lossy.misanswered
    if known[FactName.LOSS_BY_FLOW].value:
        # What the dead flows lose is explained by them; whether there is more shows in those that live.
        living = facts_loss.living_flows(reading)
        if living is not None and living.lost < max(LEAST_LOST, living.sent // 20):
            return
    if lost < LEAST_LOST:
        return
    rates = facts_loss.rates_of(reading)
    if rates is not None and known[FactName.LOSS_BELOW_RATE].value:
        yield from _by_direction(rates.low, lost)  # of all else a part is lost by the rate
    else:
        yield from _by_direction(reading.measured, lost)


def _by_direction(batches: Sequence[Batch], lost: int) -> Iterator[Symptom]:
    """By direction where it is known of the batches that can tell it, else one symptom without."""
    directed = tally(batch for batch in batches if batch.forward_lost is not None)
    ways = (
        (Direction.FORWARD, directed.forward or 0),
        (Direction.REVERSE, directed.reverse or 0),
    )
    several = [(direction, count) for direction, count in ways if count >= LEAST_LOST]
    # What other methods lost, which cannot tell the direction, goes to the way that loses more.
    rest = max(lost - sum(count for _, count in several), 0)
    most = max((count for _, count in several), default=0)
    for direction, count in several:
        said = f"{lost_of(count, directed.sent)} {direction.said}"
        share = count + (rest if count == most else 0)
        rest = 0 if count == most else rest
        yield Symptom(kind=SymptomKind.LOSS, direction=direction, lost=share, sent=directed.sent, text=said)
    if not several:
        total = tally(batches)
        said = f"{lost_of(total.lost, total.sent)}, direction unknown"
        yield Symptom(kind=SymptomKind.LOSS, lost=lost, sent=total.sent, text=said)


def icmp_limited(reading: Reading) -> bool:
    """Whether ICMP alone loses packets: routers and hosts limit it, which says nothing of the tunnel."""
    return reading.icmp_limited or rounds_unharmed(reading) is not None


def rounds_unharmed(reading: Reading) -> Tally | None:
    """Return what the newest rounds sent where they lost nothing of ICMP, and this lost much by going faster.

    None: it is not so, or another method is asked as well, which tells more.
    """
    newest = (reading.evidence.rounds or ())[-NEWEST_ROUNDS:]
    found = reading.methods.get(ProbeType.ICMP)
    if found is None or len(reading.methods) > 1 or not newest or any("0" in each.answers for each in newest):
        return None
    faster = min(batch.spacing for batch in reading.measured) < min(each.spacing for each in newest)
    before = Tally(sent=sum(each.sent for each in newest), answered=sum(each.sent for each in newest))
    return before if faster and found.lost >= LEAST_LOST and found.differs(before) else None


def _sizes(reading: Reading, known: Facts) -> Iterator[Symptom]:
    found, wanted = reading.evidence.path_mtu, facts_packet.mtu_wanted(reading)
    if found is not None:
        for direction, size, told in (
            (Direction.FORWARD, found.forward, found.forward_told),
            (Direction.REVERSE, found.reverse, found.reverse_told),
        ):
            # A way back that is known to take less than the way there is odd, whoever was told.
            odd = told is False or (told is None and direction is Direction.REVERSE)
            small = size is not None and (size < wanted if wanted is not None else odd)
            if small and (told or facts_packet.size_hidden(reading) is None):
                kind = {
                    True: SymptomKind.MTU_TOLD,
                    False: SymptomKind.MTU_UNTOLD,
                    None: SymptomKind.MTU_LOWER,
                }[told]
                goal = "" if wanted is None else f", required {wanted}"
                word = {
                    True: "larger ones are refused with an ICMP error",
                    False: "larger ones are lost without an ICMP error",
                }
                said = f"path MTU {size} bytes {direction.said}{goal}; {word.get(bool(told), '')}"
                if told is None:
                    said = f"path MTU {size} bytes {direction.said}{goal}"
                yield Symptom(kind=kind, direction=direction, text=said)
    if known[FactName.FRAGMENTS_LOST].value:
        way = _way(reading, Part.FRAGMENTS)
        yield Symptom(kind=SymptomKind.FRAGMENTS, direction=way, text=known[FactName.FRAGMENTS_LOST].text)
    bulk = part_of(reading.evidence, Part.BULK)
    total = tally(bulk)
    if bulk and total.ratio > reading.lossy.ratio and total.differs(reading.lossy):
        size = max(batch.size for batch in bulk)
        said = f"in bursts of packets of {size} bytes {total.said}; one by one {reading.lossy.said}"
        way = _way(reading, Part.BULK)
        yield Symptom(kind=SymptomKind.BULK, direction=way, lost=total.lost, sent=total.sent, text=said)


def _way(reading: Reading, part: Part) -> Direction:
    """Which way the packets of a part were lost, as far as all of them can tell."""
    found = tally(part_of(reading.evidence, part))
    ways = ((Direction.FORWARD, found.forward), (Direction.REVERSE, found.reverse))
    return joined([way for way, count in ways if count is not None and count >= LEAST_LOST])


def _times(reading: Reading, known: Facts) -> Iterator[Symptom]:
    if known[FactName.DELAY_BY_RATE].value:
        yield Symptom(kind=SymptomKind.QUEUE, text=known[FactName.DELAY_BY_RATE].text)
    if known[FactName.DELAY_STEPPED].value:
        yield Symptom(kind=SymptomKind.SLOWER, text=known[FactName.DELAY_STEPPED].text)


def _ike(reading: Reading, known: Facts) -> Iterator[Symptom]:
    answered, silent = facts_reach.ports_that_differ(reading)
    if answered and silent:
        ports = ", ".join(f"UDP {port}" for port in silent)
        yield Symptom(
            kind=SymptomKind.IKE_SILENT,
            text=f"IKE answers on UDP {answered[0]} but not on {ports}; the traffic passes",
        )
    elif known[FactName.IKE_ANSWERS].value is False:
        yield Symptom(
            kind=SymptomKind.IKE_SILENT, text=f"{known[FactName.IKE_ANSWERS].text}; before, it answered"
        )


def _past(reading: Reading) -> Iterator[Symptom]:
    found = facts_packet.first_lost(reading)
    if found is not None:
        forward, reverse, said = found
        count, time = facts_packet.longest_start(reading)
        on_demand = count <= facts_packet.ON_DEMAND_PACKETS and time <= facts_packet.ON_DEMAND_TIME
        if reverse > forward or not on_demand:
            direction = Direction.UNKNOWN
            if forward != reverse:
                direction = Direction.REVERSE if reverse > forward else Direction.FORWARD
            yield Symptom(kind=SymptomKind.FIRST_LOST, direction=direction, text=said)
    period = recurrence(reading)
    if period is not None:
        count = len(reading.evidence.outages or ())
        said = f"{count} outages began at multiples of {_minutes(period)}"
        yield Symptom(kind=SymptomKind.RECURRING, text=said)


def recurrence(reading: Reading) -> int | None:
    """Return the period at which outages began, nanoseconds; None: there is none, or too few of them."""
    starts = sorted(outage.start for outage in reading.evidence.outages or ())
    rekey = reading.evidence.expected.rekey
    if rekey is not None and statistics.rayleigh(starts, rekey) < 0.01:  # four at least
        return rekey
    period = statistics.own_period(starts)
    # Outages that rounds have found begin at ticks: that they are multiples of those shows nothing.
    times = sorted(past.at for past in reading.evidence.rounds or ())
    tick = min((later - earlier for earlier, later in pairwise(times)), default=0)
    return None if period is None or period < TICKS * tick else period


def _minutes(time: int) -> str:
    seconds = time / 1e9
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


def windows_disagree(reading: Reading) -> tuple[Tally, Tally] | None:
    """Return the same methods in both windows, where what one shows is not in the other; None else.

    A method that is never answered, such as ICMP that is filtered, shows nothing of either. What was lost in
    one moment, by whatever method, happened once: so few packets may well show nothing by their number.
    """
    both = [part_of(reading.evidence, Part.METHODS, window) for window in (1, 2)]
    answered = {batch.type for batches in both for batch in batches if batch.answered}
    kinds = {batch.type for batch in both[0]} & {batch.type for batch in both[1]} & answered
    alike = [[batch for batch in batches if batch.type in kinds] for batches in both]
    first, second = map(tally, alike)
    if not first.sent or not second.sent:
        return None
    p = statistics.fisher(first.lost, first.sent, second.lost, second.sent)
    healed = min(first.lost, second.lost) < LEAST_LOST and max(first.lost, second.lost) >= LEAST_LOST
    one_dead = (not first.answered) != (not second.answered)
    once = healed and in_one_moment(max(alike, key=lambda batches: tally(batches).lost))
    return (first, second) if once or (p < 0.01 and (healed or one_dead)) else None

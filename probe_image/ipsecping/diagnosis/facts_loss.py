"""Facts of partial loss: what it depends on, and where it is not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..contract import ProbeType
from . import statistics, when_lost
from .evidence import Batch, Part
from .fact import Fact, unknown
from .reading import PLACES, Reading
from .tally import Tally, part_of, tally

LEAST_LOST = 2
"""One lost packet is no symptom."""
LESS = 0.01
"""Chance below which a control that loses less rules causes out; what is accused needs more
(statistics.SIGNIFICANT)."""
CHANGED = 0.2
"""Chance below which the target may lose unlike in both looks."""
QUEUE = 5_000_000
"""Nanoseconds that the median delay grows by with the rate at least, before a queue is spoken of."""
IN_OUTAGES = 0.9
"""Share of the lost packets that outages account for; at their edges methods differ by a packet."""
CALM = 500_000
"""Nanoseconds between the least delay and the 90th percentile, below which nothing overtakes: a replay
window of 32 packets would need 64,000 packets a second in the tunnel."""


def loss_by_flow(reading: Reading) -> Fact:
    """Whether some source ports lose all or much more than others."""
    groups = _groups(reading, Part.FLOWS, lambda batch: batch.source_port or 0)
    if len(groups) < 2:
        return unknown("flows of different source ports were not compared")
    p = statistics.homogeneity([(each.lost, each.sent) for each in groups.values()])
    ratios = [each.ratio for each in groups.values()]
    apart = max(ratios) - min(ratios) >= statistics.APART
    dead = sorted(port for port, each in groups.items() if each.sent and not each.answered)
    if p >= statistics.ALIKE_FLOWS or not apart:
        return Fact(False, f"no significant difference between {len(groups)} source ports")
    ports = ", ".join(map(str, dead[:4])) + (", ..." if len(dead) > 4 else "")
    if dead:
        return Fact(True, f"{len(dead)} of {len(groups)} flows lose every packet (source ports {ports})")
    worst = max(groups, key=lambda port: groups[port].ratio)
    return Fact(True, f"{len(groups)} flows lose different shares; source port {worst}: {groups[worst].said}")


def living_flows(reading: Reading) -> Tally | None:
    """Return the flows of which at least one packet was answered, added up; None: flows were not compared."""
    groups = _groups(reading, Part.FLOWS, lambda batch: batch.source_port or 0)
    alive = [
        batch for batch in part_of(reading.evidence, Part.FLOWS) if groups[batch.source_port or 0].answered
    ]
    return tally(alive) if groups else None


def loss_by_class(reading: Reading) -> Fact:
    """Whether some DSCP code points lose more than others."""
    batches = classes_of(reading)
    groups = _added(batches, lambda batch: batch.dscp)
    if len(groups) < 2:
        return unknown("code points (DSCP) were not compared")
    worst = _worst(groups)
    others = tally(batch for batch in batches if batch.dscp != worst)
    if not groups[worst].differs(others, comparisons=len(groups)):
        return Fact(False, f"no significant difference between {len(groups)} code points (DSCP)")
    return Fact(True, f"DSCP {worst}: {groups[worst].said}; all others: {others.said}")


def loss_of_own_class(reading: Reading) -> Fact:
    """Whether the code point that loses more is the one that the target is measured with."""
    by_class = reading.once(loss_by_class)
    if not by_class.value:
        return by_class
    worst = _worst(_added(classes_of(reading), lambda batch: batch.dscp))
    own = {batch.dscp for batch in reading.measured}
    said = f"{by_class.text}; the target is measured with DSCP {', '.join(map(str, sorted(own)))}"
    return Fact(worst in own, said)


def _worst(groups: dict[int, Tally]) -> int:
    return max(groups, key=lambda key: groups[key].ratio)


def classes_of(reading: Reading) -> tuple[Batch, ...]:
    """Return the batches of classes: where a rate cost packets, those that were sent below it."""
    sparse = part_of(reading.evidence, Part.CLASSES, 2)
    return sparse or part_of(reading.evidence, Part.CLASSES)


@dataclass(frozen=True, slots=True)
class Rates:
    """Equal packets at a low and at a high rate."""

    low: list[Batch]
    high: list[Batch]

    @property
    def said(self) -> str:
        """Both rates, for a person."""
        return f"{_rate(self.high)} packets a second and {_rate(self.low)}"


def rates_of(reading: Reading) -> Rates | None:
    """Return the batches of the lowest and of the highest rate; None: not compared."""
    batches = part_of(reading.evidence, Part.RATES)
    spacings = sorted({batch.spacing for batch in batches})
    if len(spacings) < 2:
        return None
    return Rates(
        [batch for batch in batches if batch.spacing == spacings[-1]],
        [batch for batch in batches if batch.spacing == spacings[0]],
    )


def loss_by_rate(reading: Reading) -> Fact:
    """Whether each time more packets are lost at a high rate than at a low one."""
    rates = rates_of(reading)
    if rates is None:
        return unknown("rates were not compared")
    # The second look is as slow as the low rate, and has more packets to compare with.
    kind = rates.high[0].type
    calm = [
        each
        for each in part_of(reading.evidence, Part.METHODS, 2)
        if each.type is kind and _calm(each, rates)
    ]
    low, high = tally([*rates.low, *calm]), tally(rates.high)
    if high.ratio <= low.ratio or not high.differs(low):
        return Fact(
            False,
            (
                f"no significantly larger loss at {_rate(rates.high)} packets a second than at "
                f"{_rate(rates.low)}"
            ),
        )
    said = f"{_rate(rates.high)} packets a second: {high.said}; {_rate(rates.low)}: {low.said}"
    again = [batch for batch in rates.high if batch.window == 2]
    if again and tally(again).lost < 2:
        return unknown(f"{said}; but {tally(again).said} when it was measured again")
    return Fact(True, said)


def loss_below_rate(reading: Reading) -> Fact:
    """Whether the low rate loses packets although more of them a second pass at the high rate, and the second
    look loses them evenly.

    What limits the high rate loses none of those, unless others have used up what it lets pass for a while.
    """
    rates, by_rate = rates_of(reading), reading.once(loss_by_rate)
    if rates is None or not by_rate.value:
        return unknown(by_rate.text)
    low, sent = tally(rates.low), _rate(rates.low)
    passed = max(_passed(batch) for batch in rates.high)
    said = f"at {sent} packets a second {low.said}, while up to {passed:.0f} a second passed at the high rate"
    again = [batch.answers for batch in reading.measured if batch.window == 2 and batch.answers]
    lasts = sum(answers.count("0") for answers in again) >= LEAST_LOST and all(map(_spread_out, again))
    return Fact(low.lost >= LEAST_LOST and passed > sent and lasts, said)


def _spread_out(answers: str) -> bool:
    """Whether its quarters lose alike."""
    ends = [len(answers) * quarter // 4 for quarter in range(5)]
    quarters = [answers[begin:end] for begin, end in pairwise(ends)]
    lost = [(each.count("0"), len(each)) for each in quarters if each]
    return statistics.homogeneity(lost) >= LESS


def _passed(batch: Batch) -> float:
    """Packets a second that were answered in the later half of a batch, when no burst is left in a limit."""
    half = (batch.answers or "0" * batch.sent)[batch.sent // 2 :]
    return 1e9 * half.count("1") / (max(len(half), 1) * max(batch.spacing, 1))


def control_keeps_up(reading: Reading) -> Fact:
    """Whether the far gateway's inside address keeps up with the high rate while the target does not."""
    rates, found = rates_of(reading), part_of(reading.evidence, Part.CONTROL_RATE)
    if rates is None or not found:
        return unknown(f"{PLACES[Part.FAR_INSIDE]} was not measured at a high rate")
    high, total = tally(rates.high), tally(found)
    said = f"{reading.named(Part.CONTROL_RATE)} at {_rate(list(found))} packets a second: {total.said}"
    if total.ratio < high.ratio and total.differs(high):
        return Fact(True, f"{said}; the target: {high.said}")
    return unknown(f"{said}, which proves nothing: many hosts limit ICMP")


def delay_by_rate(reading: Reading) -> Fact:
    """Whether the median delay grows with the rate, each time, so that a queue fills."""
    rates = rates_of(reading)
    slow = [batch.rtt_p50 for batch in rates.low if batch.rtt_p50 is not None] if rates else []
    fast = [batch for batch in rates.high if batch.rtt_p50 is not None] if rates else []
    if rates is None or not slow or not fast:
        return unknown("delays at two rates were not compared")
    spread = max(_spread(batch) or 0 for batch in rates.low)
    least = max(QUEUE, 2 * spread)
    most = max(batch.rtt_p50 or 0 for batch in fast)
    grown = most - min(slow)
    said = f"median delays at {rates.said}: {_ms(most)} and {_ms(min(slow))}"
    if grown <= QUEUE:
        return Fact(False, said)
    if grown <= least:  # by other traffic the queue may have been full at the low rate too
        return unknown(f"{said}; but at the low rate delays vary by {_ms(spread)}")
    if (together := reading.once(stalled_together)).value:
        return unknown(f"{said}; but {together.text}")
    again = [batch.rtt_p50 for batch in fast if batch.window == 2 and batch.rtt_p50 is not None]
    if again and max(again) - min(slow) <= least:
        return unknown(f"{said}; but {_ms(max(again))} when it was measured again")
    return Fact(True, said)


def stalled_together(reading: Reading) -> Fact:
    """Whether our own gateway, before the tunnel, was as late as the target at the same moment: this host, or
    the machine that it runs on, was stalled or busy."""
    rates = rates_of(reading)
    ours = part_of(reading.evidence, Part.NEAR_INSIDE)
    if rates is None or not ours or not reading.answers(Part.NEAR_INSIDE):
        return unknown(f"{PLACES[Part.NEAR_INSIDE]} was not measured while delays grew")
    slow = min((batch.rtt_p50 for batch in rates.low if batch.rtt_p50 is not None), default=0)
    calm = True
    for batch in rates.high:
        grown = (batch.rtt_p50 or slow) - slow
        beside = [each for each in ours if _overlap(each, batch)] or list(ours)
        late = max((_spread(each) or 0 for each in beside), default=0)
        if grown > QUEUE and grown <= 2 * late:
            return Fact(
                True,
                (f"delays to {reading.named(Part.NEAR_INSIDE)} varied by {_ms(late)} at the same moment"),
            )
        calm = calm and grown > 2 * late
    return (
        Fact(False, "our own gateway was not late at the same moment")
        if calm
        else unknown("delays did not grow")
    )


def _overlap(one: Batch, other: Batch) -> bool:
    """Whether both were sent at the same time, in part."""
    return one.at <= other.at + other.span and other.at <= one.at + one.span


def _calm(batch: Batch, rates: Rates) -> bool:
    """Whether it was sent no faster than the low rate."""
    return batch.spacing >= rates.low[0].spacing


def delay_varies(reading: Reading) -> Fact:
    """Whether delays differ so much that packets could overtake others, or did."""
    spreads = [spread for batch in reading.measured if (spread := _spread(batch)) is not None]
    if not spreads:
        return unknown("the spread of delays is not known")
    reordered = sum(batch.reordered for batch in reading.measured)
    if reordered:
        return Fact(True, f"{reordered} packets arrived out of order")
    if max(spreads) < CALM:
        return Fact(
            False, f"9 of 10 packets arrived within {_ms(max(spreads))} of the fastest, none out of order"
        )
    return unknown(f"delays vary by {_ms(max(spreads))}, enough for packets to overtake others")


def one_method_loses(reading: Reading) -> Fact:
    """Whether only one method loses packets."""
    alive = {kind: reading.methods[kind] for kind in dict.fromkeys(each.type for each in reading.measured)}
    kind = reading.losing_method
    if reading.icmp_limited and not reading.lossy.lost:
        kind = ProbeType.ICMP
    elif len(alive) < 2:
        return unknown("only one method got answers")
    losing = [each for each, total in alive.items() if total.answered and total.lost]
    if kind is None and len(losing) == 1:
        return unknown(f"only {losing[0]} lost packets, but too few to be sure")
    if kind is None:
        return Fact(False, f"none of {len(alive)} methods loses significantly more than the others")
    others = tally(batch for batch in reading.measured if batch.type is not kind)
    return Fact(True, f"only {kind} loses packets: {reading.methods[kind].said}; all others: {others.said}")


def lost_in_outages(reading: Reading) -> Fact:
    """Whether packets are lost only in outages, in which nothing is answered for half a second or longer."""
    batches = reading.measured
    lost = tally(batches).lost
    if lost < 2 or not when_lost.known(batches):
        return unknown("too few packets were lost, or it is not known which")
    windows = {batch.window for batch in batches}
    in_a_row = sum(
        when_lost.lost_in_outages([batch for batch in batches if batch.window == each]) for each in windows
    )
    said = f"{in_a_row} of {lost} lost packets were lost while there was no answer for 0.5 s or longer"
    return Fact(in_a_row >= IN_OUTAGES * lost, said)


def near_gateway_loses(reading: Reading) -> Fact:
    """Whether as much is lost on the way to our own gateway, before the tunnel."""
    return _loses_alike(reading, Part.NEAR_INSIDE)


def gateway_loses(reading: Reading) -> Fact:
    """Whether as much is lost on the way to the far gateway's public address, outside of the tunnel."""
    return _loses_alike(reading, Part.GATEWAY)


def far_gateway_clean(reading: Reading) -> Fact:
    """Whether the far gateway's inside address loses less than the target, so that the loss is behind it."""
    found = reading.control(Part.FAR_INSIDE)
    if found is None or not found.answered:
        return unknown(f"{PLACES[Part.FAR_INSIDE]} was not tested, or does not answer")
    said = f"{reading.named(Part.FAR_INSIDE)}: {found.said}"
    if _less(found, reading.lossy):
        return Fact(True, f"{said}, a smaller share than of packets to the target")
    if (limited := _limits_icmp(reading, Part.FAR_INSIDE)) is not None:
        return unknown(f"{said}, {limited}")
    lossy = found.lost >= 2 and not _less(reading.lossy, found)
    return (
        Fact(False, f"{said}, like packets to the target")
        if lossy
        else unknown(f"{said}, which proves nothing")
    )


def _loses_alike(reading: Reading, part: Part) -> Fact:
    """Yes: it loses as well, and no less; No: it loses less, and it is no accident."""
    found = reading.control(part)
    if found is None or not found.answered:
        return unknown(f"{PLACES[part]} was not tested, or does not answer")
    said = f"{reading.named(part)}: {found.said}"
    if _less(found, reading.lossy):
        return Fact(False, f"{said}, a smaller share than of packets to the target")
    if (limited := _limits_icmp(reading, part)) is not None:
        return unknown(f"{said}, {limited}")
    if found.lost >= 2:
        return Fact(True, f"{said}, like packets to the target")
    return unknown(f"{said}, which proves nothing")


def _limits_icmp(reading: Reading, part: Part) -> str | None:
    """Why what a control loses is its own limit on ICMP and no loss of the way; None: nothing shows that.

    Packets to what is behind it pass the way to it as well, and lose no less; and what a way loses changes
    for it and the target alike from one look to the other, as how fast they are asked does not.
    """
    found = tally(part_of(reading.evidence, part))
    if _less(reading.lossy, found):
        return "a larger share than of packets to the target, so it limits ICMP"
    behind = reading.control(Part.FAR_INSIDE) if part is Part.NEAR_INSIDE else None
    if behind is not None and _less(behind, found):
        return (
            f"a larger share than {reading.named(Part.FAR_INSIDE)} behind it ({behind.said}), so it "
            "limits ICMP"
        )
    looks = [tally(part_of(reading.evidence, part, window)) for window in (1, 2)]
    target = [tally(each for each in reading.measured if each.window == window) for window in (1, 2)]
    for better, worse in ((0, 1), (1, 0)):
        alike = target[better].ratio < target[worse].ratio and _chance(*target) < CHANGED
        if _less(looks[better], looks[worse]) and not alike:
            return (
                f"first {looks[0].said}, then {looks[1].said}, while the target did not change like that, "
                "so it limits ICMP"
            )
    return None


def _less(one: Tally, other: Tally) -> bool:
    """Whether one loses less, with a chance of at most `LESS` that it only looks so."""
    return one.ratio < other.ratio and _chance(one, other) < LESS


def _chance(one: Tally, other: Tally) -> float:
    """That two lose as unlike as they do by chance alone."""
    return statistics.fisher(one.lost, one.sent, other.lost, other.sent)


def _groups(reading: Reading, part: Part, key: Callable[[Batch], int]) -> dict[int, Tally]:
    return _added(part_of(reading.evidence, part), key)


def _added(batches: Sequence[Batch], key: Callable[[Batch], int]) -> dict[int, Tally]:
    keys = dict.fromkeys(key(batch) for batch in batches)
    return {each: tally(batch for batch in batches if key(batch) == each) for each in keys}


def _spread(batch: Batch) -> int | None:
    return None if batch.rtt_min is None or batch.rtt_p90 is None else batch.rtt_p90 - batch.rtt_min


def _rate(batches: list[Batch]) -> int:
    return round(1e9 / max(batches[0].spacing, 1))


def _ms(time: int) -> str:
    return f"{time / 1e6:.1f} ms"

"""The stages that find out whether loss or delay depends on the rate, and on whose account. Pure."""

from dataclasses import dataclass

from ..diagnosis import statistics
from ..diagnosis.evidence import Evidence, Part
from ..diagnosis.facts_loss import LEAST_LOST, Rates, delay_by_rate, one_method_loses, rates_of
from ..diagnosis.reading import Reading
from ..diagnosis.tally import part_of, tally
from .steps import Asked, Stage, StageName
from .trains import flows_of, main_method, method_of_controls, train

_PAYLOAD = 172
_PEAK_PAYLOAD = 400
_BESIDE = 8, 80
"""Packets to our own gateway beside a high rate, and milliseconds between them: what delays both at once is
no queue of the tunnel."""
SUSPECTED = 0.05
"""Chance below which a loss at the high rate is looked into."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many packets, so many milliseconds apart."""

    packets: int
    spacing_ms: int
    payload: int = _PAYLOAD


LOW, HIGH, AGAIN = Rate(24, 50), Rate(96, 10), Rate(64, 10)
PEAK = Rate(128, 4, _PEAK_PAYLOAD)
"""As dense as the first look, with all that it sends at once: some 0.9 Mbit/s."""


def low(asked: Asked, known: Evidence) -> Stage | None:
    """Alone: beside other packets it would be no low rate."""
    return _stage(StageName.LOW_RATE, LOW, asked, known)


def high(asked: Asked, known: Evidence) -> Stage | None:
    """Five times as many a second."""
    return _stage(StageName.RATE, HIGH, asked, known)


def peak(asked: Asked, known: Evidence) -> Stage | None:
    """Where the first look lost packets and neither rate costs any, nor delay: it had sent more at once."""
    rates = rates_of(Reading(known))
    first = tally(part_of(known, Part.METHODS, 1))
    if rates is None or first.lost < LEAST_LOST or tally([*rates.low, *rates.high]).lost or limits(known):
        return None
    return _stage(StageName.PEAK_RATE, PEAK, asked, known)


def again(asked: Asked, known: Evidence) -> Stage | None:
    """Where a rate seems to cost something: a host that stood still looks so as well, but once only."""
    rates = rates_of(Reading(known))
    if rates is None or not limits(known):
        return None
    return _stage(StageName.RATE_AGAIN, PEAK if _peaked(rates) else AGAIN, asked, known, window=2)


def of_control(asked: Asked, known: Evidence) -> Stage | None:
    """Where a rate costs packets and no delay: the same to the far gateway, before which no limit of the
    target's own is. Where several methods lose alike it is none of those."""
    reading = Reading(known)
    rates, address = rates_of(reading), asked.controls.get(Part.FAR_INSIDE)
    if rates is None or delay_by_rate(reading).value or not _costs_packets(rates):
        return None
    if address is None or not reading.answers(Part.FAR_INSIDE) or one_method_loses(reading).value is False:
        return None
    rate = PEAK if _peaked(rates) else HIGH
    step = train(
        Part.CONTROL_RATE,
        method_of_controls(asked),
        address,
        rate.packets,
        rate.spacing_ms,
        payload=rate.payload,
        window=2,
    )
    return Stage(name=StageName.CONTROL_RATE, steps=(step,))


def limits(known: Evidence) -> bool:
    """Whether a rate seems to cost packets or delay, by what is known."""
    reading = Reading(known)
    rates = rates_of(reading)
    return rates is not None and (bool(delay_by_rate(reading).value) or _costs_packets(rates))


def _costs_packets(rates: Rates) -> bool:
    low, high = tally(rates.low), tally(rates.high)
    fewer = low.ratio < high.ratio
    return fewer and statistics.fisher(low.lost, low.sent, high.lost, high.sent) < SUSPECTED


def _peaked(rates: Rates) -> bool:
    """Whether the highest rate was that of `PEAK`."""
    return min(batch.spacing for batch in rates.high) < HIGH.spacing_ms * 1_000_000


def _stage(name: StageName, rate: Rate, asked: Asked, known: Evidence, *, window: int = 1) -> Stage | None:
    if known.address is None:
        return None
    method = main_method(asked, known)
    flows = flows_of(method)
    step = train(
        Part.RATES,
        method,
        known.address,
        rate.packets // flows,
        rate.spacing_ms * flows,
        payload=rate.payload,
        flows=flows,
        window=window,
    )
    ours = asked.controls.get(Part.NEAR_INSIDE)
    if ours is None or rate is LOW:
        return Stage(name=name, steps=(step,))
    beside = train(Part.NEAR_INSIDE, method_of_controls(asked), ours, *_BESIDE, window=window)
    return Stage(name=name, steps=(step, beside))

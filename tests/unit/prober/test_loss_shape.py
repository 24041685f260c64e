"""Loss has a shape: how long the longest run is, and whether losses are evenly spaced."""

import pytest

from ipsecping.contract import LossShape, ProbeType, result_from_json, result_to_json
from ipsecping.measure.loss_shape import loss_shape, period_of
from ipsecping.measure.packet import Packet

from .far_ends import measure, probe, udp_echo

MS = 1_000_000


def packets(fates: str) -> list[Packet]:
    """Packets 100 ms apart: + answered, - lost."""
    return [Packet(n, n * 100 * MS, answered=fate == "+") for n, fate in enumerate(fates, start=2)]


@pytest.mark.parametrize(
    ("fates", "run"),
    [
        ("++++", None),
        ("+-++", (1, 100)),
        ("+--+---+-+", (3, 300)),
        ("--++", (2, 200)),
        ("++--", (2, 200)),
        ("----", (4, 400)),
    ],
)
def test_the_longest_run_and_its_time(fates: str, run: tuple[int, int] | None) -> None:
    shape = loss_shape(packets(fates), spacing=100 * MS)
    assert (shape and (shape.packets, shape.duration // MS)) == run


@pytest.mark.parametrize(
    ("places", "period"),
    [
        ([4, 9, 14, 19], 5),
        ([0, 5, 11, 16, 21], 5),
        ([4, 9, 14], None),
        ([4, 9, 14, 25], None),
        ([0, 1, 2, 3, 4], None),
        ([1, 3, 5, 7, 9], None),
        ([], None),
    ],
)
def test_even_losses_are_told_from_bursts_and_chance(places: list[int], period: int | None) -> None:
    assert period_of(places) == period


def test_a_window_has_the_longest_run_and_the_newest_period() -> None:
    rounds = [LossShape(1, 100), LossShape(9, 900, 7), LossShape(2, 200, 5)]
    assert LossShape.total(rounds) == LossShape(9, 900, 7)
    assert LossShape.total([]) is None


async def test_a_far_end_that_limits_its_rate_is_seen_to_lose_evenly() -> None:
    async with udp_echo(lose=lambda number, _: number % 5 == 2) as port:
        result = await measure(probe(ProbeType.UDP_ECHO, size=16, count=21, timeout_ms=300, port=port))
    shape = result.figure(LossShape)
    assert shape is not None
    assert (shape.packets, shape.period) == (1, 5)
    assert result_from_json(result_to_json(result)) == result

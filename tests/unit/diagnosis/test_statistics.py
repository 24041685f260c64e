"""The tests by which chance is told from a fault, against known values."""

import random

import pytest

from ipsecping.diagnosis.statistics import (
    ALIKE_FLOWS,
    clustered,
    differ,
    fisher,
    homogeneity,
    interval,
    own_period,
    rayleigh,
)

HOUR = 3600 * 10**9


@pytest.mark.parametrize(
    ("table", "p"),
    [
        ((1, 10, 11, 14), 0.002759),  # Fisher's exact test as in the documentation of R and SciPy
        ((3, 4, 1, 4), 0.485714),  # the lady tasting tea
        ((0, 4, 40, 40), 7.37e-6),
        ((0, 0, 5, 10), 1.0),
        ((0, 100, 0, 100), 1.0),
    ],
)
def test_fisher(table: tuple[int, int, int, int], p: float) -> None:
    assert fisher(*table) == pytest.approx(p, rel=1e-3)


def test_fisher_of_thousands_neither_overflows_nor_lingers() -> None:
    assert fisher(2000, 4000, 0, 4000) < 1e-300
    assert fisher(2000, 4000, 2000, 4000) == pytest.approx(1)


def test_a_difference_counts_only_when_it_is_large_and_no_accident() -> None:
    assert differ(20, 40, 0, 40)
    assert not differ(2, 40, 0, 40)
    assert not differ(50, 1000, 0, 1000), "5 points are too few to matter"
    assert differ(12, 40, 0, 40)
    assert not differ(12, 40, 0, 40, comparisons=1000)


@pytest.mark.parametrize(
    ("count", "total", "low", "high"), [(5, 80, 0.027, 0.138), (0, 20, 0, 0.161), (20, 20, 0.839, 1)]
)
def test_interval(count: int, total: int, low: float, high: float) -> None:
    assert interval(count, total) == pytest.approx((low, high), abs=0.001)


def test_homogeneity() -> None:
    assert homogeneity([(10, 20), (0, 20)]) == pytest.approx(0.000254, rel=0.05)
    assert homogeneity([(3, 6)] * 16) == pytest.approx(1)
    assert homogeneity([(6, 6), (0, 6)] * 8) < 1e-12
    assert homogeneity([(0, 6)] * 16) == homogeneity([(6, 6)] * 16) == 1


def test_flows_that_lose_alike_are_hardly_ever_told_apart() -> None:
    chance = random.Random(3)
    accused = sum(
        homogeneity([(sum(chance.random() < 0.1 for _ in range(6)), 6) for _ in range(16)]) < ALIKE_FLOWS
        for _ in range(2000)
    )
    assert accused <= 4


def test_clustered() -> None:
    assert clustered("1" * 30 + "0" * 10 + "1" * 30)
    assert not clustered("1110" * 20)
    assert not clustered("1" * 40 + "0000"), "four losses are too few to tell"
    chance = random.Random(5)
    texts = ["".join("0" if chance.random() < 0.2 else "1" for _ in range(100)) for _ in range(500)]
    assert sum(map(clustered, texts)) <= 3


def test_rayleigh() -> None:
    assert rayleigh([n * HOUR for n in range(4)], HOUR) < 0.01
    assert rayleigh([n * HOUR for n in range(3)], HOUR) > 0.01, "three are too few"
    assert rayleigh([0, HOUR // 3, 2 * HOUR // 3], HOUR) > 0.5
    assert rayleigh([], HOUR) == 1


def test_own_period() -> None:
    minute = HOUR // 60
    starts = [0, HOUR + minute, 3 * HOUR, 4 * HOUR - minute, 6 * HOUR, 7 * HOUR]
    assert own_period(starts) == pytest.approx(HOUR, rel=0.02)
    assert own_period(starts[:5]) is None, "five might look so by chance"
    assert own_period([0, 10 * minute, 24 * minute, 30 * minute, 57 * minute, 79 * minute]) is None
    assert own_period([0] * 6) is None

"""The statistics that keep chance from being called a fault. Pure; exact or stated approximations.

A deciding difference has a chance of at most `SIGNIFICANT` to come about without a cause, divided by the
number of comparisons made (Bonferroni), and is at least `APART` large.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import cos, erfc, exp, gamma, lgamma, pi, sin, sqrt

SIGNIFICANT = 0.001
APART = 0.1
"""Least difference of two loss ratios that means something to a user."""
ALIKE_FLOWS = 1e-4
"""Chance below which the losses of several flows are not alike."""
DEAD_PACKETS = 20
"""None of so many answered is silence: at 50 % loss its chance is one in a million."""
DEAD_SPAN = 1_000_000_000
"""Nanoseconds over which they are sent at least, so that a short gap is no silence."""
_Z = 1.96
"""Of a 95 % interval of the normal distribution."""


def interval(count: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a ratio (Wilson's score interval); `total` at least 1."""
    ratio, square = count / total, _Z * _Z
    middle = (ratio + square / (2 * total)) / (1 + square / total)
    half = _Z * sqrt(ratio * (1 - ratio) / total + square / (4 * total * total)) / (1 + square / total)
    low = 0.0 if count == 0 else max(middle - half, 0.0)
    return low, 1.0 if count == total else min(middle + half, 1.0)


def fisher(lost: int, sent: int, also_lost: int, also_sent: int) -> float:
    """Return the two-sided p-value of Fisher's exact test: are two loss ratios the same?"""
    losses = lost + also_lost
    if not sent or not also_sent:
        return 1.0
    all_ways = _log_ways(sent + also_sent, losses)
    chances = {
        each: exp(_log_ways(sent, each) + _log_ways(also_sent, losses - each) - all_ways)
        for each in range(max(0, losses - also_sent), min(losses, sent) + 1)
    }
    seen = chances[lost] * (1 + 1e-9)  # what is equally rare counts, whatever the rounding
    return min(sum(chance for chance in chances.values() if chance <= seen), 1.0)


def _log_ways(total: int, chosen: int) -> float:
    return lgamma(total + 1) - lgamma(chosen + 1) - lgamma(total - chosen + 1)


def differ(lost: int, sent: int, also_lost: int, also_sent: int, *, comparisons: int = 1) -> bool:
    """Whether two loss ratios differ so much that it is no accident."""
    if not sent or not also_sent or abs(lost / sent - also_lost / also_sent) < APART:
        return False
    return fisher(lost, sent, also_lost, also_sent) < SIGNIFICANT / comparisons


def homogeneity(groups: Sequence[tuple[int, int]]) -> float:
    """Return the p-value of the chi-square test that all groups of (lost, sent) have one loss ratio."""
    total = sum(sent for _, sent in groups)
    lost = sum(each for each, _ in groups)
    if len(groups) < 2 or lost in (0, total):
        return 1.0
    ratio = lost / total
    statistic = sum(
        (each - sent * ratio) ** 2 / (sent * ratio * (1 - ratio)) for each, sent in groups if sent
    )
    return _chi_square_tail(statistic, len(groups) - 1)


def _chi_square_tail(statistic: float, freedom: int) -> float:
    """The chance of at least `statistic`: closed form by recursion over the degrees of freedom."""
    half = statistic / 2
    tail, at = (exp(-half), 2) if freedom % 2 == 0 else (erfc(sqrt(half)), 1)
    while at < freedom:
        tail += half ** (at / 2) * exp(-half) / gamma(at / 2 + 1)
        at += 2
    return min(tail, 1.0)


def clustered(answers: str) -> bool:
    """Whether losses come in runs (Wald-Wolfowitz runs test, normal approximation); needs 5 of each kind."""
    ones, zeros = answers.count("1"), answers.count("0")
    if min(ones, zeros) < 5:
        return False
    total = ones + zeros
    runs = 1 + sum(one != other for one, other in pairwise(answers))
    mean = 2 * ones * zeros / total + 1
    variance = (mean - 1) * (mean - 2) / (total - 1)
    return (runs - mean) / sqrt(variance) < -3.09  # one-sided p = 0.001


def rayleigh(instants: Sequence[int], period: int) -> float:
    """Return the p-value of Rayleigh's test: do the instants fall on one phase of the period?"""
    count = len(instants)
    if not count:
        return 1.0
    angles = [2 * pi * (instant % period) / period for instant in instants]
    length = sqrt(sum(map(cos, angles)) ** 2 + sum(map(sin, angles)) ** 2)
    # The approximation of Zar, good for few instants as well.
    return min(exp(sqrt(1 + 4 * count + 4 * (count * count - length * length)) - (1 + 2 * count)), 1.0)


def own_period(instants: Sequence[int]) -> int | None:
    """Return the period that instants in order have by themselves; None: by chance they might look so.

    Six at least: the nearest two suggest the period, and each other gap is within 5 % of a multiple of it by
    chance once in ten; of random instants one in a thousand looks so.
    """
    gaps = [later - earlier for earlier, later in pairwise(instants)]
    if len(gaps) < 5 or min(gaps) <= 0:
        return None
    guess = min(gaps)
    whole = [round(gap / guess) for gap in gaps]
    period = round(sum(gaps) / sum(whole))
    near = all(abs(gap - n * period) <= period // 20 for gap, n in zip(gaps, whole, strict=True))
    return period if near else None

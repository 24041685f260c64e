"""Whatever a check with a cron line may ask for, its results fit into the termination message in full."""

import random
import string

import pytest

from ipsecping.contract import CheckRef, Histogram, ProbeType, RoundResult, termination
from ipsecping.contract.check import LOSS_REASONS
from ipsecping.contract.figure import figures_by_name
from ipsecping.contract.methods.arrival import MAX_VALUES, Hops, Marking, Markings, Sources
from ipsecping_operator.api import defaults


def an_address(chance: random.Random) -> str:
    return "2001:db8:" + ":".join(f"{chance.randrange(4096, 65536):x}" for _ in range(6))


def the_largest_result(chance: random.Random, *sources: str) -> RoundResult:
    """Names of full length, every counter in use, round-trip times all over the range of the timeout.

    STAMP probes have the most to tell.
    """
    count = defaults.MAX_COUNT_CRON
    losses = dict.fromkeys(LOSS_REASONS.values(), 1)
    rtts = [int(10_000 * 6e6 ** chance.random()) for _ in range(count)]
    return RoundResult(
        check=CheckRef(
            uid="3f0f2f6e-6f4c-4d0c-9f1c-1f2d3c4b5a69",
            namespace="n" * 63,
            name="c" * 253,
            generation=10**6,
            nonce="0123456789abcdef",
            path="p" * 63,
        ),
        probe="".join(chance.choices(string.ascii_lowercase, k=63)),
        type=ProbeType.STAMP,
        started_at=1795435200 * 10**9 + chance.randrange(10**12),
        duration=chance.randrange(10**11),
        sent=count + len(losses),
        received=count,
        duplicates=chance.randrange(count),
        reordered=chance.randrange(count),
        forward_lost=1,
        reverse_lost=len(losses) - 1,
        losses=losses,
        rtt=Histogram.of(rtts),
        jitter_sum=chance.randrange((count - 1) * (max(rtts) - min(rtts))),
        jitter_count=count - 1,
        remote_ip=an_address(chance),
        figures=figures_by_name(
            Sources.of(dict.fromkeys(sources, 1)),
            Markings.of({Marking(46 - each, 3): 1 for each in range(len(sources))}),
            Hops.of({each - 100: 1 for each in range(len(sources))}),
        ),
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_results_of_as_many_probes_and_packets_as_are_allowed_fit_undiminished(seed: int) -> None:
    chance = random.Random(seed)
    pod = an_address(chance)
    results = [the_largest_result(chance, pod) for _ in range(defaults.MAX_PROBES_CRON)]
    assert termination.decode(termination.encode(results)) == results


def test_with_as_many_sources_as_there_can_be_they_fit_with_coarser_round_trip_times() -> None:
    chance = random.Random(0)
    results = [
        the_largest_result(chance, *(an_address(chance) for _ in range(MAX_VALUES)))
        for _ in range(defaults.MAX_PROBES_CRON)
    ]
    read = termination.decode(termination.encode(results))
    assert [each.figures for each in read] == [each.figures for each in results]
    assert [each.rtt.count for each in read] == [each.rtt.count for each in results]

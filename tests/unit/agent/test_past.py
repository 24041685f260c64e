"""What an agent knows of a path from before: its own rounds, from the ring, and which packets they lost."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import pytest

from ipsecping.agent import lossy_rounds, past
from ipsecping.agent.lossy_rounds import LossyRounds
from ipsecping.agent.past import Past, merged, past_of
from ipsecping.agent.ring import Ring
from ipsecping.contract import (
    Histogram,
    Hops,
    Invalidity,
    LossReason,
    PathMtu,
    PlannedProbe,
    ProbeType,
    RoundResult,
    StampOptions,
)
from ipsecping.diagnosis import Confidence, Evidence, Part, diagnose
from ipsecping.diagnosis.cause import Cause
from ipsecping.diagnosis.evidence import Baseline, Batch, Known, OtherPath, PastOutage
from ipsecping.diagnosis.evidence_rules import check_known
from ipsecping.diagnosis.too_big import TooBig

from ...plans import check_of
from ..diagnosis.worlds import batch

SECOND = 1_000_000_000
START = 1_796_000_000 * SECOND
INTERVAL = 60 * SECOND
STAMP = PlannedProbe(
    name="stamp", type=ProbeType.STAMP, port=862, count=4, spacing_ms=1000, timeout_ms=1000, size=44,
    options=StampOptions(ask_hops=True),
)  # fmt: skip
CHECK = check_of(STAMP, target="10.50.1.10", interval_ms=60_000)


def result(number: int, answers: str, *, rtt: int = 12_000_000, hops: int = 4, **more: Any) -> RoundResult:
    received = answers.count("1")
    figures: dict[str, Any] = {"hops": Hops({hops: received})} if received else {}
    return RoundResult(
        check=CHECK.ref, probe="stamp", type=ProbeType.STAMP, started_at=START + number * INTERVAL,
        duration=4 * SECOND, sent=len(answers), received=received,
        losses={LossReason.TIMEOUT: len(answers) - received} if received < len(answers) else {},
        rtt=Histogram.of([rtt] * received), remote_ip="10.50.1.10", figures=figures,
        answers=answers if "0" in answers else None, forward_lost=0, reverse_lost=answers.count("0"),
        **more,
    )  # fmt: skip


async def known(*results: RoundResult, check: Any = CHECK, steps: Sequence[int] = ()) -> Past:
    """`steps`: by how much the wall clock is off at each result, against what `result` says; 0 at the end."""
    steady = off = 0
    ring = Ring(boot_id="b", pod_uid=None, steady=lambda: steady, wall=lambda: steady + off)
    lossy = LossyRounds()
    for each, off in zip_longest(results, steps[: len(results)], fillvalue=0):
        assert isinstance(each, RoundResult)
        steady = each.started_at + each.duration
        told = replace(each, started_at=each.started_at + off)
        ring.append(told)
        lossy(check, told)
    off = 0
    return await past_of(check, ring, lossy)


@pytest.mark.parametrize("off", [-2 * 3600 * SECOND, 2 * 3600 * SECOND])
async def test_a_clock_that_was_set_in_an_outage_moves_nothing(off: int) -> None:
    """As where the time servers are behind the tunnel: it is set as soon as that is up again."""
    told = [result(0, "1111"), *(result(number, "0000") for number in (1, 2)), result(3, "0111")]
    there = await known(*told)
    assert there.known.outages == (PastOutage(start=START + INTERVAL, end=START + 3 * INTERVAL),)
    assert await known(*told, steps=[off, off, 0]) == there
    check_known(there.known, "evidence")


def judged(found: Past, *batches: Batch) -> Any:
    return diagnose(
        Evidence(
            at=START + 100 * INTERVAL,
            path="default",
            target="10.50.1.10",
            address="10.50.1.10",
            batches=batches,
            rounds=found.known.rounds,
            outages=found.known.outages,
            baseline=found.known.baseline,
        )
    )


async def test_rounds_that_lose_their_first_packets_after_a_pause_are_told() -> None:
    """The end of it all: a NAT mapping that is lost between the rounds has a name."""
    found = await known(*(result(number, "0111") for number in range(6)))
    assert found.known.rounds is not None
    assert [past.answers for past in found.known.rounds] == ["0111"] * 6
    assert [past.idle for past in found.known.rounds] == [None, *[57 * SECOND] * 5]
    (finding, *_) = judged(found).findings
    assert finding.reason == "NatMappingLost"
    assert finding.confidence is Confidence.ONLY_ONE_LEFT


async def test_a_round_is_known_by_which_packets_it_lost_or_not_at_all(monkeypatch: Any) -> None:
    monkeypatch.setattr(lossy_rounds, "MAX_LOSSY", 1)
    found = await known(result(0, "0111"), result(1, "1110"), result(2, "0000"), result(3, "1111"))
    assert found.known.rounds is not None
    assert [past.answers for past in found.known.rounds] == ["1110", "0000", "1111"]


async def test_the_baseline_is_that_of_rounds_without_loss() -> None:
    mtu = replace(
        result(1, "1111"), probe="mtu", type=ProbeType.PATH_MTU, forward_lost=None, reverse_lost=None,
        figures={"pathMTU": PathMtu(forward=1446, reverse=None, too_big=False)},
    )  # fmt: skip
    found = await known(
        result(0, "1111", rtt=11_000_000),
        mtu,
        result(2, "1111", rtt=11_000_000),
        result(3, "0111", rtt=1_000_000, hops=9),
    )
    baseline = found.known.baseline
    assert baseline == Baseline(
        at=START + 2 * INTERVAL, methods=frozenset({ProbeType.STAMP}), ttl_seen=60,
        rtt_min=baseline.rtt_min if baseline else 0, path_mtu=1446,
    )  # fmt: skip
    assert abs((baseline.rtt_min or 0) - 11_000_000) < 500_000
    assert (found.addresses, found.failing) == (("10.50.1.10",), "10.50.1.10")


async def test_the_path_mtu_of_the_baseline_is_the_usual_one_not_that_of_a_while_in_clear() -> None:
    sizes = (1446, 1446, 1500, 1500, 1446)
    searches = [
        replace(
            result(number, "1111"),
            probe="mtu",
            type=ProbeType.PATH_MTU,
            forward_lost=None,
            reverse_lost=None,
            figures={"pathMTU": PathMtu(forward=size, reverse=None, too_big=False)},
        )
        for number, size in enumerate(sizes)
    ]
    baseline = (await known(*searches)).known.baseline
    assert baseline is not None
    assert baseline.path_mtu == 1446


async def test_the_baseline_has_who_stated_the_path_mtu_where_it_was_always_the_same() -> None:
    def search(number: int, router: str | None, size: int = 1446) -> RoundResult:
        figure = PathMtu(forward=size, reverse=1300, too_big=True, too_big_from=router)
        made = replace(result(number, "1111"), probe="mtu", type=ProbeType.PATH_MTU)
        return replace(made, forward_lost=None, reverse_lost=None, figures={"pathMTU": figure})

    ours, other = "10.99.0.2", "10.99.0.3"
    for searches, router in (
        ((search(0, ours), search(1, ours), search(2, other, 1300)), ours),
        ((search(0, ours), search(1, other)), None),
        ((search(0, ours), search(1, None)), None),
    ):
        baseline = (await known(*searches)).known.baseline
        assert baseline is not None
        assert baseline.too_big == (None if router is None else TooBig(router=router, mtu=1446))


async def test_outages_are_rounds_on_end_without_an_answer() -> None:
    rounds = ["1111", "0000", "0000", "1111", "0", "1111", "0000"]
    found = await known(*(result(number, answers) for number, answers in enumerate(rounds)))
    assert found.known.outages == (
        PastOutage(start=START + INTERVAL, end=START + 3 * INTERVAL),
        PastOutage(start=START + 6 * INTERVAL),
    )


async def test_outages_that_begin_at_ticks_have_no_period_by_that() -> None:
    """Any six rounds are multiples of the interval apart."""
    dead = {3, 4, 7, 12, 13, 16, 22, 27}
    found = await known(*(result(number, "0000" if number in dead else "1111") for number in range(30)))
    assert found.known.outages is not None
    assert len(found.known.outages) >= 6
    assert not judged(found).findings
    hourly = await known(*(result(number, "0000" if number % 6 == 2 else "1111") for number in range(40)))
    assert [finding.reason for finding in judged(hourly).findings] == ["RecurringOutages"]


async def test_only_rounds_of_this_path_and_plan_count_and_the_newest_of_them(monkeypatch: Any) -> None:
    monkeypatch.setattr(past, "MAX_LOOKED_AT", 3)
    other = replace(CHECK, path="b")
    earlier = replace(CHECK, target="10.50.1.11")
    strangers = [replace(result(0, "1111"), check=check.ref) for check in (other, earlier)]
    spoilt = replace(result(9, "0000"), invalid=Invalidity.LATE_TICKS)
    found = await known(*(result(number, "1111") for number in range(5)), spoilt, *strangers)
    assert found.known.rounds is not None
    assert [each.at for each in found.known.rounds] == [START + number * INTERVAL for number in (3, 4)]
    assert (await known(*strangers)) == Past(Known())


async def test_of_several_addresses_it_is_that_of_the_failing_one() -> None:
    check = replace(CHECK, targets=("10.50.1.10", "10.50.1.11"))
    rounds = [
        replace(result(number, answers), check=check.ref, remote_ip=address, addresses=2)
        for number in range(4)
        for address, answers in (("10.50.1.10", "1111"), ("10.50.1.11", "1011"))
    ]
    found = await known(*rounds, check=check)
    assert found.failing == "10.50.1.11"
    assert found.known.rounds is not None
    assert {each.answers for each in found.known.rounds} == {"1011"}


def test_what_is_told_goes_before_what_the_agent_knows() -> None:
    own = Known(
        outages=(PastOutage(start=1),),
        baseline=Baseline(at=1, methods=frozenset({ProbeType.STAMP}), rtt_min=3, ttl_seen=60),
    )  # fmt: skip
    told = Known(
        outages=(PastOutage(start=2),), paths=(OtherPath(name="b", sent=1, answered=1),),
        baseline=Baseline(at=2, controls=frozenset({Part.FAR_INSIDE}), rtt_min=2, path_mtu=1400),
    )  # fmt: skip
    assert merged(own, Known()) == own
    found = merged(own, told)
    assert (found.outages, found.paths) == (told.outages, told.paths)
    assert found.baseline == Baseline(
        at=2, methods=frozenset({ProbeType.STAMP}), controls=frozenset({Part.FAR_INSIDE}), rtt_min=2,
        ttl_seen=60, path_mtu=1400,
    )  # fmt: skip


async def test_a_path_that_was_routed_anew_for_good_is_not_longer_for_ever() -> None:
    """And one answer that came too soon makes no healthy path longer."""
    day = 24 * 60
    anew = await known(
        *(result(number, "1111", rtt=4_000_000) for number in range(30)),
        *(result(number + 30, "1111") for number in range(day + 1)),
    )
    dip = await known(
        *(result(number, "1111") for number in range(20)),
        result(20, "1111", rtt=1_000),
        *(result(number, "1111") for number in range(21, 40)),
    )
    for found in (anew, dip):
        assert found.known.baseline is not None
        assert found.known.baseline.rtt_min == 12_000_000
        assert not judged(found, batch(rtt_min=12_000_000)).findings
    lately = await known(
        *(result(number, "1111", rtt=4_000_000) for number in range(30)),
        *(result(number + 30, "1111") for number in range(60)),
    )
    (finding,) = judged(lately, batch(rtt_min=12_000_000)).findings
    assert Cause.PATH_LONGER in finding.causes


async def test_the_least_delay_is_that_of_the_address_that_is_measured() -> None:
    """A name that has come to stand for a host farther away has no longer way to it."""
    near = [replace(result(number, "1111", rtt=1_000_000), remote_ip="10.50.1.9") for number in range(20)]
    far = [result(number + 20, "1111") for number in range(20)]
    baseline = (await known(*near, *far)).known.baseline
    assert baseline is not None
    assert baseline.rtt_min == 12_000_000

"""Termination messages: they fit, they survive, and damage is noticed."""

import base64
import random
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract import ContractError, Histogram, ProbeType, RoundResult
from ipsecping.contract.termination import LIMIT, MAGIC, decode, encode

from ...result_figures import keywords
from .strategies import results


@given(run=st.lists(results(max_count=20), min_size=1, max_size=3))
def test_a_run_of_a_few_probes_survives_unchanged(run: list[RoundResult]) -> None:
    assert decode(encode(run)) == run


def largest_run(example: RoundResult) -> list[RoundResult]:
    """Eight probes of 100 packets, RTTs spread over three decades: the most a CronJob may measure."""
    generator = random.Random(8)
    rtts = [[int(10 ** generator.uniform(6, 9)) for _ in range(100)] for _ in range(8)]
    return [
        replace(
            example, probe=f"probe-{i}", sent=100, received=100, losses={}, rtt=Histogram.of(values),
            forward_lost=None, reverse_lost=None, min_forward_lost=0, min_reverse_lost=0,
            reordered=0, figures={},
            jitter_count=99, jitter_sum=99 * (max(values) - min(values)),
        )
        for i, values in enumerate(rtts)
    ]  # fmt: skip


def of_flows(result: RoundResult) -> RoundResult:
    """The same, by STAMP from as many source ports as there may be, of 6 packets each."""
    values = [int(10 ** random.Random(result.probe + str(i)).uniform(6, 9)) for i in range(96)]
    rows = [(6, 6, 6, sum(values[flow::16])) for flow in range(16)]
    return replace(
        result, type=ProbeType.STAMP, sent=96, received=96, rtt=Histogram.of(values),
        jitter_count=95, **keywords({"flows": rows, "jitter_sum": 95 * (max(values) - min(values))}),
    )  # fmt: skip


@given(example=results())
def test_the_largest_run_of_a_cron_check_fits_with_exact_counts_and_a_stated_error(
    example: RoundResult,
) -> None:
    largest = largest_run(example)
    for run in (largest, [of_flows(result) for result in largest]):
        message = encode(run)
        assert len(message.encode()) <= LIMIT
        for sent, got in zip(run, decode(message), strict=True):
            assert (got.sent, got.received, got.rtt.count, got.rtt.min, got.rtt.max) == (
                sent.sent,
                sent.received,
                sent.rtt.count,
                sent.rtt.min,
                sent.rtt.max,
            )
            exact, coarse = sent.rtt.percentile(50), got.rtt.percentile(50)
            assert exact is not None
            assert coarse is not None
            assert abs(coarse - exact) <= (got.rtt.relative_error + sent.rtt.relative_error) * exact * 1.01


@given(result=results(max_count=10), data=st.data())
def test_a_damaged_message_is_refused(result: RoundResult, data: st.DataObject) -> None:
    message = encode([result])
    spot = data.draw(st.integers(0, len(message) - 1))
    letter = data.draw(st.sampled_from("0Az~ "))
    damaged = message[:spot] + letter + message[spot + 1 :]
    if damaged != message:
        with pytest.raises(ContractError, match="termination message"):
            decode(damaged)
    with pytest.raises(ContractError, match="termination message"):
        decode(message[-min(len(message) - 1, spot + 1) :])


@given(text=st.text(max_size=200))
def test_text_of_other_programs_is_refused(text: str) -> None:
    with pytest.raises(ContractError):
        decode(text)


@given(run=st.lists(results(max_count=5), min_size=3, max_size=3), data=st.data())
def test_one_bad_result_of_several_does_not_lose_the_others(
    run: list[RoundResult], data: st.DataObject
) -> None:
    bad = data.draw(st.integers(0, 2))
    wrong = [replace(each, started_at=-1) if place == bad else each for place, each in enumerate(run)]
    refused = list[ContractError]()
    assert decode(encode(wrong), refused=refused.append) == [*run[:bad], *run[bad + 1 :]]
    assert [error.field for error in refused] == [f"results[{bad}].startedAt"]
    with pytest.raises(ContractError, match=rf"^results\[{bad}\]\.startedAt"):
        decode(encode(wrong))


@pytest.mark.parametrize("text", ["\ud800", "ipsecping1 1 00000000 \ud800", "ipsecping1 1 0 é", "a\0 b c d"])
def test_characters_that_no_message_has_are_refused(text: str) -> None:
    with pytest.raises(ContractError, match="not one of ipsecping's"):
        decode(text)


def test_a_decompression_bomb_is_refused() -> None:
    data = base64.b85encode(zlib.compress(b" " * 10_000_000, 9)).decode()
    with pytest.raises(ContractError, match="expands"):
        decode(f"{MAGIC} {len(data)} {zlib.crc32(data.encode()):08x} {data}")

"""Termination messages of finished pods, good, bad and half good; whose figures a pod may tell."""

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest

from ipsecping.contract import RoundResult, termination
from ipsecping_operator.check.rejection import Rejection
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.collect.collector import Collector
from ipsecping_operator.fault_types import Where
from ipsecping_operator.faults import Faults
from ipsecping_operator.tokens.keys import TokenKeys

from .agent_server import Ring, serving
from .builders import NOON, SECOND, check, plan, probe, result
from .handled import Handled
from .objects import container, pod
from .states import shown, take_up

LOG = logging.LoggerAdapter(logging.getLogger("test"), {})
PLAN = plan(probe("a"), probe("b"))
OTHER = plan(probe("a"), probe("b"), path="backup")


def collected(*results: RoundResult, message: str | None = None) -> tuple[CheckState, dict[Any, int]]:
    """The state after a pod has ended with these results, and how many were counted as what."""
    said = termination.encode(results) if message is None else message
    ended = container(terminated={"exitCode": 0, "reason": "Completed", "message": said})
    finished = pod(owner_kind="Job", created="2026-11-23T11:59:00Z", phase="Succeeded", **ended)
    state = shown(None, finished)
    take_up(state, check(PLAN, OTHER))
    handled = Handled()
    unused: Any = None
    faults = list[Where]()
    collector = Collector(
        lineage=unused,
        handler=handled,
        faults=Faults(count=faults.append),
        tokens=TokenKeys(()),
        clock=lambda: NOON + 60 * SECOND,
    )
    for _ in range(3):
        asyncio.run(collector.sync(state, log=LOG))
    assert not faults
    return state, handled.counts


def test_all_results_of_a_message_count_once() -> None:
    state, counts = collected(*(result(of=PLAN, probe_name=name) for name in "ab"))
    assert counts == {None: 2}
    assert list(state.observed.messages.values()) == [None]


def test_a_bad_result_of_a_message_is_counted_and_said_and_the_other_one_counts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    good, bad = (result(of=PLAN, probe_name=name) for name in "ab")
    state, counts = collected(replace(bad, remote_ip="\ud800"), good)
    assert counts == {None: 1, Rejection.MALFORMED: 1}
    assert list(state.measured.series) == [("default", "a")]
    (said,) = caplog.records
    assert said.message.startswith("pod hq-1: 1 of 2 results do not count: results[0].remoteIP: ")


@pytest.mark.parametrize("message", [None, "\ud800", "panic: out of memory", "ipsecping1 1 2 \ud800"])
def test_a_message_without_any_good_result_is_told_as_such(
    message: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    state, counts = collected(replace(result(of=PLAN, probe_name="a"), started_at=-1), message=message)
    assert counts == {Rejection.MALFORMED: 1}
    (why,) = state.observed.messages.values()
    assert why is not None
    assert why.isprintable()
    assert len(caplog.records) == 1


def test_a_pod_of_one_path_gives_no_result_of_another() -> None:
    state, counts = collected(result(of=OTHER, probe_name="a"), result(of=PLAN, probe_name="a"))
    assert counts == {None: 1, Rejection.FOREIGN_PATH: 1}
    assert list(state.measured.series) == [("default", "a")]


async def test_an_agent_of_one_path_tells_nothing_of_another() -> None:
    ring = Ring(pod_uid="p-1", wall=NOON)
    ring.results = [result(of=of, probe_name="a", run_now="word") for of in (OTHER, PLAN, OTHER)]
    handled = Handled()
    unused: Any = None
    async with serving(ring.script) as port:
        spec = {"containers": [{"name": "probe", "ports": [{"name": "http", "containerPort": port}]}]}
        agent = pod(uid="p-1", spec=spec, phase="Running", podIP="127.0.0.1")
        state = shown(None, agent)
        take_up(state, check(PLAN, OTHER))
        collector = Collector(
            lineage=unused,
            handler=handled,
            faults=Faults(count=lambda _: None),
            tokens=TokenKeys(()),
            clock=lambda: NOON + 60 * SECOND,
        )
        await collector.sync(state, log=LOG)
        await handled.until(lambda: len(handled.fates) == len(ring.results))
        await collector.close()
    assert handled.fates == [Rejection.FOREIGN_PATH, None, Rejection.FOREIGN_PATH]
    assert list(state.measured.series) == [("default", "a")]
    assert list(state.measured.requests) == ["default"]

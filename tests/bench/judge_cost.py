"""What a result and an assessment cost the operator, by the length of the window. Pure: virtual time, no I/O.

`python -m tests.bench.judge_cost` prints a table, in about a minute. CPU time, in microseconds: a result is
taken in (`accept`), and once a second all that has changed is judged (`assess`).
"""

import argparse
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ipsecping.contract import Histogram, LossReason, RoundResult
from ipsecping_operator.api.conditions import ReadyReason
from ipsecping_operator.check.applied import Readiness
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile import Interval, compile_check
from ipsecping_operator.report.assessment import assess

SECOND = 10**9
START = 1_795_435_200 * SECOND


@dataclass(frozen=True)
class Shape:
    """A check, what its target does, and how much of its time is measured."""

    name: str
    paths: int
    probes: int
    interval: int
    window: str
    answered: bool
    timeout: str = "2s"
    filled: int = 400
    """Seconds of results before the measurement."""


SHAPES = (
    Shape("1 probe, window 1m", 1, 1, 1, "1m", answered=True, filled=3700),
    Shape("1 probe, window 1h", 1, 1, 1, "1h", answered=True, filled=3700),
    Shape("1 probe, window 1m, black hole", 1, 1, 1, "1m", answered=False, timeout="1m", filled=3700),
    Shape("1 probe, window 1h, black hole", 1, 1, 1, "1h", answered=False, timeout="1m", filled=3700),
    Shape("8 x 16 probes each 4s, window 5m", 8, 16, 4, "5m", answered=True, filled=330),
    # More than one check may have since this was found to cost 46 ms a result.
    Shape(
        "8 x 16 probes each 1s, 1h, black hole",
        8,
        16,
        1,
        "1h",
        answered=False,
        timeout="1m",
        filled=400,
    ),
)


class Fleet:
    """One check, and the results of its agents in the order of their ends."""

    def __init__(self, shape: Shape) -> None:
        self._random = random.Random(1)
        self._shape = shape
        paths = [{"name": f"path-{number}"} for number in range(shape.paths)]
        probes = [
            {"name": f"ping-{number}", "icmp": {}, "timeout": shape.timeout, "spacing": "50ms"}
            for number in range(shape.probes)
        ]
        spec: dict[str, Any] = {
            "target": "203.0.113.10",
            "paths": paths,
            "probes": probes,
            "thresholds": {"window": shape.window},
        }
        metadata = {
            "namespace": "bench",
            "name": "worst",
            "uid": "0",
            "generation": 1,
            "resourceVersion": "1",
        }
        body = {"metadata": metadata, "spec": spec}
        self.state = CheckState("0")
        self.state.show(body)
        check, interval = compile_check(body), shape.interval * 1000
        self._check = replace(
            check,
            schedule=Interval(interval_ms=interval),
            paths=tuple(replace(path, plan=replace(path.plan, interval_ms=interval)) for path in check.paths),
        )
        self.state.take_up(self._check, generation=1, refused=None, now=START)
        self.state.applied.reconciled(Readiness(reason=ReadyReason.RECONCILED, message="bench"))

    def results(self, *, seconds: int) -> Iterator[RoundResult]:
        """Of all rounds that begin within so many seconds: spread over the interval, path by path."""
        shape, check = self._shape, self._check
        for begun in range(0, seconds, shape.interval):
            for number, path in enumerate(check.paths):
                start = START + (begun * shape.paths + number * shape.interval) * SECOND // shape.paths
                for probe in path.plan.probes:
                    yield RoundResult(
                        check=path.plan.ref,
                        probe=probe.name,
                        type=probe.type,
                        started_at=start,
                        **self._figures(probe.timeout_ms * 10**6),
                    )

    def _figures(self, timeout: int) -> dict[str, Any]:
        if not self._shape.answered:
            lost = {LossReason.TIMEOUT: 10}
            return {"sent": 10, "received": 0, "losses": lost, "duration": timeout + SECOND // 2}
        times = [int(self._random.gauss(20e6, 1e6)) for _ in range(10)]
        return {"sent": 10, "received": 10, "rtt": Histogram.of(times), "duration": SECOND // 2}


def measure(shape: Shape, *, measured: int = 600) -> tuple[float, float, float]:
    """Microseconds of CPU a result and an assessment, and tallies a window."""
    fleet = Fleet(shape)
    state = fleet.state
    more = measured * shape.interval // (shape.paths * shape.probes)
    taken: list[int] = []
    judged: list[int] = []
    look = START
    for result in fleet.results(seconds=shape.filled + more):
        end = result.started_at + result.duration
        begun = time.thread_time_ns()
        state.measured.accept(result, start=result.started_at, now=end)
        taken.append(time.thread_time_ns() - begun)
        if end >= look + SECOND:
            look = end
            begun = time.thread_time_ns()
            assess(state, now=end)
            judged.append(time.thread_time_ns() - begun)
    judged = judged[-max(more, 5) :]
    held = [each for series in state.measured.series.values() for each in series.window.packed]
    tallies = len(held) / shape.paths / shape.probes
    return sum(taken[-measured:]) / measured / 1000, sum(judged) / len(judged) / 1000, tallies


def main() -> None:
    """Measure each shape and print a row for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="shapes whose name has this in it")
    only = parser.parse_args().only
    print(f"{'':40} {'us/result':>10} {'us/assessment':>14} {'tallies':>10}")
    for shape in SHAPES:
        if only in shape.name:
            result, assessment, tallies = measure(shape)
            print(f"{shape.name:40} {result:10.1f} {assessment:14.1f} {tallies:10.1f}", flush=True)


if __name__ == "__main__":
    main()

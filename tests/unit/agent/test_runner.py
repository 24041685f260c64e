"""Extra rounds beside those of the schedule: in no second is more sent than the schedule may send."""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from ipsecping.agent.runner import Runner
from ipsecping.contract import PlannedCheck, PlannedProbe, ProbeType, RoundResult

SECOND = 1_000_000_000
PROBE = PlannedProbe(name="p", type=ProbeType.ICMP, count=10, spacing_ms=50, timeout_ms=500, size=56)
CHECK = PlannedCheck(
    uid="u1", namespace="n", name="c", generation=1, tunnel_name="t", path="default",
    target="192.0.2.1", interval_ms=5000, probes=(PROBE,),
)  # fmt: skip
ORIGIN = int.from_bytes(hashlib.sha256(b"u1").digest()[:8], "big") % (5 * SECOND)


class VirtualTime(asyncio.SelectorEventLoop):
    """A loop whose steady clock jumps to the next timer."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now = max(self.now, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


class Far:
    """A target that answers in some milliseconds; the packets that were sent to it."""

    def __init__(self, answers_in: float) -> None:
        self.answers_in = answers_in
        self.sent: list[float] = []

    async def round(self, check: PlannedCheck, *, start: int) -> Sequence[RoundResult]:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(start / SECOND - loop.time())
        for _ in range(PROBE.count):
            self.sent.append(loop.time())
            await asyncio.sleep(PROBE.spacing_ms / 1000)
        await asyncio.sleep(self.answers_in)
        return [
            RoundResult(
                check=check.ref, probe="p", type=ProbeType.ICMP, started_at=1, duration=1, sent=0, received=0
            )
        ]

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("answers_in", [0.001, 0.5])
@pytest.mark.parametrize("asked_at", [0.1 * step for step in range(2, 102, 3)])
def test_an_extra_round_never_doubles_the_rate_and_always_comes(
    asked_at: float, answers_in: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    far, delivered = Far(answers_in), list[RoundResult]()

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        runner = Runner(CHECK, far, delivered.append, lambda _: None)
        runner.start()
        await asyncio.sleep(asked_at)
        runner.update(replace(CHECK, run_now="now"))
        await asyncio.sleep(20.9 - loop.time())
        runner.stop()
        await asyncio.sleep(1)

    loop = VirtualTime()
    monkeypatch.setattr(time, "monotonic_ns", lambda: round(loop.time() * SECOND))
    # Ticks at 5, 10, 15 and 20 s of the loop's clock.
    monkeypatch.setattr(time, "time_ns", lambda: ORIGIN + round(loop.time() * SECOND))
    try:
        loop.run_until_complete(scenario())
    finally:
        loop.close()
    busiest = max(sum(at <= each < at + 1 for each in far.sent) for at in far.sent)
    assert busiest == PROBE.count, "packets in a second"
    assert [each.run_now for each in delivered].count("now") == 1
    assert len(delivered) in (4, 5), "the four of the schedule, and the extra one where it found room"
    gap = -asked_at % 5
    assert len(delivered) == 5 or gap < 3.5, "an extra round long before the next tick is one of its own"

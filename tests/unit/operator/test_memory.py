"""What a check takes of the operator's memory, once it was measured for a whole window."""

import gc
import tracemalloc
from typing import Any

from ipsecping_operator.cache.store import Store
from ipsecping_operator.children import ChildSettings, build_children
from ipsecping_operator.compile import compile_check
from ipsecping_operator.observe.kinds import APPLIED
from ipsecping_operator.report.assessment import assess
from ipsecping_operator.report.readiness import readiness
from ipsecping_operator.report.status_writer import StatusWriter

from . import builders, objects

CHECKS = 100
ROUNDS = 10
MOST = 11 * 1024
"""Bytes; 9.6 KiB were seen with Python 3.11. 2,000 such checks take 19 MiB."""


def stored(number: int) -> dict[str, Any]:
    return {
        "metadata": objects.metadata(f"tunnel-{number}", uid=f"00000000-0000-0000-0000-{number:012}"),
        "spec": {"target": "203.0.113.10", "probes": [{"name": "ping", "icmp": {}}]},
    }


def fill(store: Store, writer: StatusWriter) -> None:
    """See, compile, measure and judge all checks, as the operator does."""
    for number in range(CHECKS):
        uid = store.put_check(stored(number), now=builders.NOON)
        state = store.checks[uid or ""]
        compiled = compile_check({"metadata": state.metadata, "spec": state.observed.spec})
        state.take_up(compiled, generation=state.generation, refused=None, now=builders.NOON)
        for manifest in build_children(compiled, ChildSettings(probe_image="probe:1")):
            kind, name = APPLIED[manifest["kind"]].name, manifest["metadata"]["name"]
            store.put_child(objects.child(kind, uid=name, check_uid=state.uid))
        state.applied.reconciled(readiness(state))
        (path,) = compiled.paths
        for round_ in range(ROUNDS):
            at = builders.NOON + round_ * 30 * builders.SECOND
            result = builders.result(of=path.plan, at=at, rtt_ms=[12 + 0.1 * each for each in range(10)])
            state.measured.accept(result, start=at, now=at + 2 * builders.SECOND)
        assessment = assess(state, now=builders.NOON + ROUNDS * 30 * builders.SECOND)
        assert assessment is not None
        state.reported.judged(assessment.report)
        writer.known(state.uid, assessment.status)


async def _send(uid: str, status: object) -> None:
    raise AssertionError("nothing is to be written")


def test_a_check_takes_little_memory() -> None:
    # Once beforehand, for what is made only once.
    fill(Store(), StatusWriter(_send, interval=60))
    tracemalloc.start()
    try:
        store, writer = Store(), StatusWriter(_send, interval=60)
        fill(store, writer)
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(store.checks) == CHECKS
    assert held / CHECKS < MOST, f"{held / CHECKS:.0f} bytes a check"

"""STAMP against stamp-suite, an implementation in Rust: both ways, both kinds of reflector, and TLVs."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ..peers import ours
from ..peers.processes import PATIENCE, free_port, listening

COUNT = 20


def stamp_suite_sends(program: str, port: int, *options: str) -> dict[str, Any]:
    """Its own summary of a session with a reflector on loopback."""
    done = subprocess.run(
        [program, "--local-addr", "127.0.0.1", "--remote-addr", "127.0.0.1", "--remote-port", str(port),
         "--count", str(COUNT), "--send-delay", "10ms", "--output-format", "json", *options],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    summaries = [json.loads(line) for line in done.stdout.splitlines() if '"summary"' in line]
    assert summaries, done.stderr
    summary: dict[str, Any] = summaries[-1]
    return summary


@pytest.mark.parametrize("stateful", [True, False], ids=["stateful", "stateless"])
@pytest.mark.parametrize("size", [44, 100], ids=lambda size: f"{size}-octets")
def test_its_reflector_answers_our_sender(
    stamp_suite: str, stateful: bool, size: int, tmp_path: Path
) -> None:
    port = free_port()
    reflector = [stamp_suite, "--is-reflector", "--local-addr", "127.0.0.1", "--local-port", port]
    with listening([*reflector, *(["--stateful-reflector"] if stateful else [])], port, log=tmp_path / "log"):
        said = ours.ping("127.0.0.1", "--stamp", str(port), "-c", str(COUNT), "-i", "10ms", "-s", str(size))
    assert (said["sent"], said["received"], said["duplicates"]) == (COUNT, COUNT, 0)
    assert (said["forward_lost"], said["reverse_lost"]) == (0, 0)


def test_our_reflector_answers_its_sender_and_counts_for_each_session(stamp_suite: str) -> None:
    with ours.reflector("stamp") as reflector:
        said = [stamp_suite_sends(stamp_suite, reflector.port) for _ in range(2)]
        counters = reflector.stop()
    for summary in said:
        assert (summary["packets_sent"], summary["packets_received"]) == (COUNT, COUNT)
        assert summary["measurements"]["last_reflector_sequence"] == COUNT - 1
        assert summary["measurements"]["duplicate_replies"] == 0
        assert summary["measurements"]["unknown_replies"] == 0
    assert counters["answered"] == 2 * COUNT
    assert counters["octetsAnswered"] == counters["octetsReceived"]


def test_our_reflector_keeps_the_length_of_its_packets_with_tlvs(stamp_suite: str) -> None:
    with ours.reflector("stamp") as reflector:
        summary = stamp_suite_sends(stamp_suite, reflector.port, "--extra-padding", "64")
        counters = reflector.stop()
    assert summary["packets_received"] == COUNT
    seen = summary["measurements"]["tlv_validation"]
    assert (seen["evaluated_replies"], seen["rejected_replies"]) == (COUNT, 0)
    assert seen["flags"]["malformed"] == 0
    assert counters["octetsAnswered"] == counters["octetsReceived"] > 44 * COUNT

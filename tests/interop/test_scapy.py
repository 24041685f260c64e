"""STAMP against scapy's contrib.stamp: an independent reading of RFC 8762's packets."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ..peers import ours
from ..peers.processes import PATIENCE, listening
from ..ports import free_port

SCAPY = [sys.executable, "-m", "tests.peers.scapy_stamp"]


@pytest.mark.smoke
@pytest.mark.parametrize("stateless", [False, True], ids=["stateful", "stateless"])
@pytest.mark.parametrize("size", [44, 45, 512], ids=lambda size: f"{size}-octets")
def test_a_scapy_reflector_answers_our_sender(stateless: bool, size: int, tmp_path: Path) -> None:
    port = free_port(socket.SOCK_DGRAM)
    reflector = [*SCAPY, "reflect", "127.0.0.1", port, *(["--stateless"] if stateless else [])]
    with listening(reflector, port, log=tmp_path / "scapy.log"):
        said = ours.ping(
            "127.0.0.1", "--stamp", str(port), "-c", "10", "-i", "20ms", "-s", str(size), "-W", "10s"
        )
    assert (said["sent"], said["received"], said["duplicates"], said["reordered"]) == (10, 10, 0, 0)
    assert (said["forward_lost"], said["reverse_lost"]) == (0, 0)
    assert 0 < said["rtt"]["min"] <= said["rtt"]["p50"] <= said["rtt"]["max"]


@pytest.mark.smoke
def test_scapy_reads_what_our_reflector_answers() -> None:
    with ours.reflector("stamp") as reflector:
        done = subprocess.run(
            [*SCAPY, "send", "127.0.0.1", str(reflector.port), "10"],
            capture_output=True, text=True, timeout=PATIENCE, check=True,
        )  # fmt: skip
        counters = reflector.stop()
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["sequence"] for answer in answers] == list(range(10))
    assert [answer["sender_sequence"] for answer in answers] == list(range(10))
    assert all(answer["octets_received"] == answer["octets_sent"] == 44 for answer in answers)
    assert all(answer["sender_timestamp_kept"] for answer in answers)
    assert all(answer["sender_error_estimate_kept"] for answer in answers)
    assert all(answer["receive_before_transmit"] for answer in answers)
    assert all(-1 < answer["transmit_age"] < PATIENCE for answer in answers)  # the right epoch and format
    assert all(answer["ttl"] == 64 for answer in answers)
    assert (counters["received"], counters["answered"], counters["dropped"]) == (10, 10, {})

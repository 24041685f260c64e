"""Losses made by a firewall that counts them: what we report, beside what ping(8) and fping report."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ..peers import ours
from ..peers.network import FAR_ADDRESS, Cable, End
from ..peers.processes import PATIENCE, listening

NTH, COUNT = 10, 201
LOST = COUNT // NTH
PORT = 8620
PACKETS = ["-c", str(COUNT), "-i", "10ms"]
"""The last packet is never dropped: without an answer behind it, the direction of a loss is not known."""
PORT_IN: dict[End, str] = {"far": "dport", "near": "sport"}
DIRECTIONS = [pytest.param("far", (LOST, 0), id="forward"), pytest.param("near", (0, LOST), id="reverse")]


@pytest.mark.long
def test_lost_echo_requests_are_counted_as_ping_and_fping_count_them(
    cable: Cable, ping: str, fping: str
) -> None:
    cable.drop_every(NTH, match="icmp type echo-request", at="far")
    said = ours.ping(FAR_ADDRESS, *PACKETS, "-W", "1s", inside=cable.in_near)
    judge = subprocess.run(
        [*cable.in_near, ping, "-q", "-c", str(COUNT), "-i", "0.01", "-W", "1", FAR_ADDRESS],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    second = subprocess.run(
        [*cable.in_near, fping, "-q", "-r", "0", "-c", str(COUNT), "-p", "10", "-t", "1000", FAR_ADDRESS],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert (said["sent"], said["received"]) == (COUNT, COUNT - LOST)
    assert said["losses"] == {"Timeout": LOST}
    assert f"{COUNT} packets transmitted, {COUNT - LOST} received" in judge.stdout
    assert f"xmt/rcv/%loss = {COUNT}/{COUNT - LOST}/" in second.stderr
    assert cable.seen_and_dropped("far") == (3 * COUNT, 3 * COUNT // NTH)
    # The same path in the same minute: medians and means of one order of magnitude, no more is promised.
    means = [
        said["rtt"]["avg"],
        float(re.findall(r"min/avg/\S+ = [\d.]+/([\d.]+)/", judge.stdout)[0]),
        float(re.findall(r"min/avg/max = [\d.]+/([\d.]+)/", second.stderr)[0]),
    ]
    assert max(means) < 30 * min(means), means


@pytest.mark.parametrize(("at", "known"), DIRECTIONS)
def test_our_reflector_lets_the_sender_tell_exactly_which_direction_lost_how_many(
    cable: Cable, at: End, known: tuple[int, int]
) -> None:
    with ours.reflector("stamp", inside=cable.in_far, address="0.0.0.0", port=PORT):
        cable.drop_every(NTH, match=f"udp {PORT_IN[at]} {PORT}", at=at)
        said = ours.ping(FAR_ADDRESS, "--stamp", str(PORT), *PACKETS, inside=cable.in_near)
    assert cable.seen_and_dropped(at) == (COUNT, LOST)
    assert (said["sent"], said["received"]) == (COUNT, COUNT - LOST)
    assert (said["forward_lost"], said["reverse_lost"]) == known


@pytest.mark.parametrize(("at", "known"), DIRECTIONS)
@pytest.mark.parametrize("stateless", [True, False], ids=["stateless", "stateful"])
def test_only_a_stateful_reflector_of_others_tells_the_direction(
    cable: Cable, at: End, known: tuple[int, int], stateless: bool, tmp_path: Path
) -> None:
    reflector = [*cable.in_far, sys.executable, "-m", "tests.peers.scapy_stamp", "reflect", "0.0.0.0", PORT]
    with listening([*reflector, *(["--stateless"] if stateless else [])], PORT, log=tmp_path / "scapy.log"):
        cable.drop_every(NTH, match=f"udp {PORT_IN[at]} {PORT}", at=at)
        said = ours.ping(FAR_ADDRESS, "--stamp", str(PORT), *PACKETS, "-W", "5s", inside=cable.in_near)
    assert cable.seen_and_dropped(at) == (COUNT, LOST)
    assert (said["sent"], said["received"]) == (COUNT, COUNT - LOST)
    assert (said["forward_lost"], said["reverse_lost"]) == ((None, None) if stateless else known)

"""The prober's figures against what others saw of the same packets: the gateways' counters, and a capture."""

import struct
import uuid
from collections.abc import Iterator
from itertools import groupby

import pytest

from ipsecping_lab.workbench import lab

from ..bench import rtt_against_capture
from ..bench.pcap import datagrams
from ..bench.prober_pod import ProberPod
from ..docs.documents import shown
from ..docs.form import difference
from .bench import FAR_A
from .counted_rounds import STAMP_PORT, measure

COUNT = 930
"""More than 10,000 packets; a round may still add some to learn where its last ones were lost."""


@pytest.fixture(scope="module")
def pod() -> Iterator[ProberPod]:
    made = ProberPod(f"truth-{uuid.uuid4().hex[:8]}")
    made.start()
    yield made
    made.delete()


@pytest.mark.usefixtures("tunnel")
def test_stamp_round_trip_times_agree_with_a_packet_capture(pod: ProberPod) -> None:
    comparison = rtt_against_capture.compare(pod, target=FAR_A, count=1000, interval="10ms")
    example = shown("make compare-rtt", document="measurement.md").output
    assert not difference(example, comparison.table()), difference(example, comparison.table())
    # All but a handful must be there: the capture may miss some under load.
    assert len(comparison.differences) >= 990
    # The median, for whatever is wrong with every packet: a stolen processor parts the two stamps of some
    # packets by milliseconds. `make compare-rtt` tells of these.
    assert rtt_against_capture.percentile(comparison.differences, 50) <= 100_000, comparison.table()
    # And the prober's own time is in none of them: the capture sits further out, so it sees the longer time,
    # but for a handful of packets that the kernel gave no timestamp under load.
    both = comparison.reported.keys() & comparison.captured.keys()
    longer = [each for each in both if comparison.reported[each] > comparison.captured[each] + 100_000]
    assert len(longer) <= 10, comparison.table()


@pytest.mark.usefixtures("tunnel")
def test_ten_thousand_packets_are_lost_where_the_gateways_say(pod: ProberPod) -> None:
    lab("fault", "set", "loss", "a", "out", "percent=4")
    lab("fault", "set", "loss", "a", "in", "percent=2")
    found = measure(pod, target=FAR_A, count=COUNT)
    said, counted = found.said, found.counted
    assert said["sent"] == counted["forward_before_encryption"] >= 10_000
    assert said["received"] == counted["reverse_after_decryption"]
    found.agrees_on_losses()
    forward, reverse = found.lost()
    assert forward > 200
    assert reverse > 100


@pytest.mark.usefixtures("tunnel")
def test_copies_and_disorder_within_the_tunnel_are_counted_one_by_one(pod: ProberPod) -> None:
    lab("fault", "set", "duplicate", "a", "out", "percent=5")
    lab("fault", "set", "reorder", "a", "in", "percent=5", "ms=50")
    with pod.captured(port=STAMP_PORT) as capture:
        found = measure(pod, target=FAR_A, count=200)
    said, counted = found.said, found.counted
    copies = counted["reverse_before_encryption"] - counted["forward_after_decryption"]
    assert said["received"] + said["duplicates"] == counted["reverse_after_decryption"]
    assert said["duplicates"] == copies > 20
    assert said["reordered"] == overtaken(capture.content) > 20


@pytest.mark.usefixtures("tunnel")
def test_copies_of_esp_packets_are_dropped_by_the_gateway_which_counts_them(pod: ProberPod) -> None:
    before = replays("righta")
    lab("fault", "set", "esp-duplicate", "a", "out", "percent=10")
    found = measure(pod, target=FAR_A, count=100)
    assert found.said["duplicates"] == 0
    assert found.said["received"] == found.said["sent"] == found.counted["forward_after_decryption"]
    assert replays("righta") - before > 20


def overtaken(capture: bytes) -> int:
    """First answers that came after one to a packet sent later (RFC 4737 section 3.3), by brute force."""
    answers = [
        (reply.destination_port, struct.unpack_from("!I", reply.payload, 24)[0])
        for reply in datagrams(capture)
        if reply.source_port == STAMP_PORT
    ]
    total = 0
    for _, session in groupby(sorted(dict.fromkeys(answers), key=lambda each: each[0]), lambda each: each[0]):
        numbers = [number for _, number in session]
        total += sum(any(other > number for other in numbers[:i]) for i, number in enumerate(numbers))
    return total


def replays(gateway: str) -> int:
    """ESP packets that came twice or too late, as the kernel counts them (net/xfrm/xfrm_input.c)."""
    for line in lab("guest", "--ns", gateway, "cat", "/proc/net/xfrm_stat").splitlines():
        name, value = line.split()
        if name == "XfrmInStateSeqError":
            return int(value)
    raise AssertionError("the gateway counts no replays")

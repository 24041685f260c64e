"""The prober's figures against a packet capture on the pod's own interface."""

import pytest

from ipsecping_lab import workbench

from ..bench import rtt_against_capture


@pytest.mark.usefixtures("tunnel")
def test_stamp_round_trip_times_agree_with_a_packet_capture_within_200_microseconds() -> None:
    try:
        comparison = rtt_against_capture.compare(target="10.50.1.10", count=1000, interval="10ms")
    finally:
        workbench.kubectl("delete", "namespace", rtt_against_capture.NAMESPACE, "--wait=false")
    # All but a handful must be there: the capture may miss some under load.
    assert len(comparison.differences) >= 990
    assert rtt_against_capture.percentile(comparison.differences, 99) <= 200_000, comparison.table()

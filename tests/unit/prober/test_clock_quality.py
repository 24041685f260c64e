"""The error estimate of our packets is the kernel's, asked at most once a minute."""

from ipsecping.net.clock_quality import REFRESH_NS, ClockQuality, read_error_estimate
from ipsecping.wire.ntp import ErrorEstimate


def test_the_kernel_is_asked_once_a_minute_also_by_a_clock_that_is_set_back() -> None:
    asked: list[ErrorEstimate] = []

    def read() -> ErrorEstimate:
        asked.append(ErrorEstimate(synchronized=True, scale=20, multiplier=len(asked) + 1))
        return asked[-1]

    quality = ClockQuality(read)
    start = 10 * REFRESH_NS
    assert not asked
    assert quality.estimate(start) == asked[0].to_wire()
    assert quality.estimate(start + REFRESH_NS - 1) == asked[0].to_wire()
    assert quality.estimate(start + REFRESH_NS) == asked[1].to_wire()
    assert quality.estimate(start - REFRESH_NS) == asked[2].to_wire()
    assert len(asked) == 3


def test_this_kernel_says_how_good_its_clock_is() -> None:
    estimate = read_error_estimate()
    assert not estimate.ptp
    assert estimate.multiplier >= 1

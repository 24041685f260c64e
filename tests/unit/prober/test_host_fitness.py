"""Is the host fit to measure: its own weakness makes a round invalid, an outage never does."""

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract import ClockSource, Invalidity, LossReason
from ipsecping.host.throttling import ThrottleWatch
from ipsecping.measure.packet import Packet
from ipsecping.measure.timestamps import MAX_DOUBTED
from ipsecping.net.clocks import Clock
from ipsecping.rounds.host_fitness import THROTTLED_LIMIT, HostFitness
from ipsecping.rounds.pause import time_asleep

SECOND = 1_000_000_000
ALL_KERNEL = (ClockSource.KERNEL,) * 10
NO_SEND_STAMPS = (ClockSource.MIXED,) * 10
OUTAGE: tuple[ClockSource, ...] = ()


@dataclass
class Host:
    """This machine as its fitness is checked: a CPU limit and two clocks."""

    throttled: int = 0
    realtime: int = 10**18
    asleep: int = 0
    now: int = 0
    clock: Clock = field(init=False)
    fitness: HostFitness = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(monotonic=lambda: self.now, realtime=lambda: self.realtime + self.now)
        watch = ThrottleWatch([Path("cpu.stat")], read=lambda _: f"throttled_time {self.throttled}\n")
        self.fitness = HostFitness(self.clock, watch, asleep=lambda: self.asleep)

    def round(
        self,
        clocks: Sequence[ClockSource],
        *,
        lost: int = 0,
        throttled: int = 0,
        step: int = 0,
        asleep: int = 0,
        found: Invalidity | None = None,
        on_time: bool = True,
        queued: bool = True,
        stalled: bool = False,
    ) -> Invalidity | None:
        """A round of one second whose answered packets have these clock sources."""
        check = self.fitness.check(now=self.now)
        self.now += SECOND
        self.throttled += throttled
        self.realtime += step
        self.asleep += asleep
        self.clock.read()
        packets = [
            Packet(sequence=i, sent_at=0, answered=True, arrivals=1, clock=c) for i, c in enumerate(clocks)
        ]
        packets += [Packet(sequence=1000 + i, sent_at=0, reason=LossReason.TIMEOUT) for i in range(lost)]
        return check.verdict(
            packets, now=self.now, found=found, on_time=on_time, queued=queued, stalled=stalled
        )


def test_a_round_held_back_by_the_cpu_limit_says_nothing_about_the_path() -> None:
    host = Host()
    assert host.round(NO_SEND_STAMPS, throttled=THROTTLED_LIMIT + 1) is Invalidity.CPU_THROTTLED
    assert host.round(NO_SEND_STAMPS, throttled=THROTTLED_LIMIT) is None


def test_what_the_kernel_saw_of_a_round_is_true_however_the_prober_was_held_back() -> None:
    host, much = Host(), 50 * THROTTLED_LIMIT
    assert host.round(ALL_KERNEL, throttled=much) is None
    assert host.round(ALL_KERNEL, lost=3, throttled=much) is None
    assert host.round(OUTAGE, lost=10, throttled=much) is None, "the kernel stamps here, as a rule"


@pytest.mark.parametrize(
    ("clocks", "lost", "on_time", "queued"),
    [
        ("kernel", 0, False, True),  # packets left in a burst, which a tunnel may lose
        ("kernel", 1, True, False),  # a connection that came about while nobody looked
        ("mixed", 0, True, True),
        ("none", 10, True, True),  # it is not known whether the kernel stamps here
        ("none", 0, True, True),  # nothing was measured
    ],
)
def test_a_figure_that_may_rest_on_the_probers_turns_is_none(
    clocks: str, lost: int, on_time: bool, queued: bool
) -> None:
    sources = {"kernel": ALL_KERNEL, "mixed": (*ALL_KERNEL[1:], ClockSource.MIXED), "none": OUTAGE}[clocks]
    found = Host().round(sources, lost=lost, throttled=2 * THROTTLED_LIMIT, on_time=on_time, queued=queued)
    assert found is Invalidity.CPU_THROTTLED


def test_throttling_explains_late_ticks_but_not_a_full_receive_queue() -> None:
    host = Host()
    late, much = Invalidity.LATE_TICKS, 10 * THROTTLED_LIMIT
    assert host.round(ALL_KERNEL, throttled=much, found=late, on_time=False) is Invalidity.CPU_THROTTLED
    assert host.round(ALL_KERNEL, found=late, on_time=False) is late
    dropped = Invalidity.RECEIVE_QUEUE_DROPS
    assert host.round(ALL_KERNEL, throttled=much, found=dropped, on_time=False) is dropped


def test_late_packets_that_left_apart_are_as_good_as_others_where_the_kernel_saw_them() -> None:
    host, late = Host(), Invalidity.LATE_TICKS
    assert host.round(ALL_KERNEL, found=late) is None
    assert host.round(ALL_KERNEL, lost=3, found=late) is None
    assert host.round(OUTAGE, lost=10, found=late) is None, "an outage is told"
    assert host.round(NO_SEND_STAMPS, found=late) is late
    assert host.round(ALL_KERNEL, lost=1, found=late, queued=False) is late


@pytest.mark.parametrize("found", [Invalidity.LOCAL_SEND_FAILED, Invalidity.RECEIVE_QUEUE_DROPS])
def test_what_the_kernel_saw_makes_up_for_nothing_else(found: Invalidity) -> None:
    assert Host().round(ALL_KERNEL, found=found) is found


def test_throttling_before_a_round_is_not_held_against_it() -> None:
    host = Host(throttled=10 * SECOND)
    assert host.round(ALL_KERNEL) is None


def test_stamps_that_used_to_come_and_are_left_out_are_noticed() -> None:
    host = Host()
    assert host.round(ALL_KERNEL) is None
    assert host.round(NO_SEND_STAMPS) is Invalidity.TIMESTAMPS_MISSING
    assert host.round(ALL_KERNEL) is None


def test_one_stamp_in_ten_may_be_missing() -> None:
    host = Host()
    host.round(ALL_KERNEL)
    assert host.round((*ALL_KERNEL[1:], ClockSource.MIXED)) is None


@pytest.mark.parametrize("clock", [ClockSource.MIXED, ClockSource.USER])
def test_a_driver_that_gives_no_stamps_is_not_at_fault(clock: ClockSource) -> None:
    host = Host()
    assert [host.round((clock,) * 10) for _ in range(20)] == [None] * 20


def test_an_outage_has_no_stamps_to_miss() -> None:
    host = Host()
    host.round(ALL_KERNEL)
    assert [host.round(OUTAGE, lost=10) for _ in range(5)] == [None] * 5
    assert host.round(ALL_KERNEL, lost=9) is None


def test_a_route_through_another_driver_is_doubted_for_a_few_rounds_only() -> None:
    host = Host()
    host.round(ALL_KERNEL)
    verdicts = [host.round(NO_SEND_STAMPS) for _ in range(10)]
    missing = [Invalidity.TIMESTAMPS_MISSING] * MAX_DOUBTED
    assert verdicts == [*missing, *[None] * (10 - MAX_DOUBTED)]


@pytest.mark.parametrize(("asleep", "step"), [(30 * SECOND, 0), (0, 30 * SECOND)])
def test_what_was_lost_while_the_machine_was_paused_says_nothing_of_the_path(asleep: int, step: int) -> None:
    """Suspended, or stopped by its hypervisor: its monotonic clock may have stood still, nothing was late."""
    host = Host()
    assert host.round(ALL_KERNEL, lost=3, asleep=asleep, step=step) is Invalidity.LATE_TICKS
    assert host.round(OUTAGE, lost=10, asleep=asleep, step=step) is Invalidity.LATE_TICKS
    assert host.round(ALL_KERNEL, asleep=asleep, step=step) is None, "nothing was lost"
    assert host.round(OUTAGE, lost=10) is None, "an outage is told"


def test_a_machine_that_does_not_tell_whether_it_slept_measures_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(_: int) -> int:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    assert abs(time_asleep() - time_asleep()) < SECOND
    monkeypatch.setattr("ipsecping.rounds.pause.time.clock_gettime_ns", unknown)
    assert time_asleep() == 0


@pytest.mark.parametrize("step", [SECOND // 2, -3600 * SECOND])
def test_a_clock_that_is_set_otherwise_hides_no_loss(step: int) -> None:
    assert Host().round(ALL_KERNEL, lost=3, step=step) is None


def test_a_step_of_the_clock_is_not_the_kernel_leaving_out_stamps() -> None:
    host = Host()
    host.round(ALL_KERNEL)
    assert host.round((ClockSource.USER,), step=3600 * SECOND) is None


@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from(ClockSource), max_size=20), st.integers(0, 20)),
        max_size=20,
    )
)
def test_a_round_without_one_answer_is_never_invalid_on_a_host_that_is_well(
    before: list[tuple[list[ClockSource], int]],
) -> None:
    host = Host()
    for clocks, lost in before:
        host.round(clocks, lost=lost)
    assert host.round(OUTAGE, lost=10) is None


def test_a_host_that_stood_still_spoils_the_answers_that_it_stamps_itself() -> None:
    host, mixed = Host(), (*ALL_KERNEL[1:], ClockSource.MIXED)
    assert host.round(mixed, stalled=True) is Invalidity.LATE_TICKS
    assert host.round(mixed) is None
    assert host.round(ALL_KERNEL, lost=1, on_time=False, stalled=True) is None
    assert host.round(OUTAGE, lost=3, stalled=True) is None

"""The machine of a trace on paths in virtual time: it ends, is polite, and says who is where."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract.trace import MAX_LIMITS, Reply, ReplyKind, TraceEnd
from ipsecping.contract.trace_json import trace_from_json, trace_to_json
from ipsecping.trace.machine import INTERVAL, Heard, Limits, Step, TraceMachine

from .virtual_path import LIMITS, MS, SECOND, SOURCE, TARGET, Path, Router, run, trace_of


def router(number: int, **habits: object) -> Router:
    return Router(f"10.0.{number}.1", **habits)  # type: ignore[arg-type]


def target(**habits: object) -> Router:
    return Router(TARGET, says=ReplyKind.ANSWERED, **habits)  # type: ignore[arg-type]


def test_all_hops_are_asked_at_once_and_each_that_answers_but_once() -> None:
    done = run(Path([router(1), router(2, rtt=200 * MS), router(3)], target()))
    assert done.addresses == ["10.0.1.1", "10.0.2.1", "10.0.3.1", TARGET]
    assert [packet.ttl for _, packet in done.sent] == [1, 2, 3, 4]
    assert done.trace.end is TraceEnd.REACHED
    assert done.ended_at < 300 * MS


def test_packets_behind_a_target_that_is_known_are_not_sent() -> None:
    done = run(Path([router(1)], target(rtt=25 * MS)))
    assert max(packet.ttl for _, packet in done.sent) <= 5


def test_a_silent_hop_is_asked_three_times_and_holds_up_nobody() -> None:
    done = run(Path([router(1), router(2, silent=True), router(3)], target()))
    assert done.addresses == ["10.0.1.1", None, "10.0.3.1", TARGET]
    assert [packet.ttl for _, packet in done.sent].count(2) == 3
    assert done.ended_at < 3200 * MS
    assert done.trace.whole


def test_a_router_that_limits_its_errors_is_heard_in_the_end() -> None:
    limited = router(1, every=900 * MS)
    done = run(Path([limited], Router("10.9.9.9", says=ReplyKind.HOST_UNREACHABLE, loss={1})))
    assert done.addresses == ["10.0.1.1", "10.9.9.9"]


def test_over_a_satellite_each_hop_is_asked_once_and_answers_in_its_time() -> None:
    slow = Path([router(1), router(2, rtt=1200 * MS)], target(rtt=1300 * MS))
    done = run(slow, limits=LIMITS._replace(wait=2500 * MS))
    assert done.addresses == ["10.0.1.1", "10.0.2.1", TARGET]
    assert max(Counter(packet.ttl for _, packet in done.sent).values()) == 1


def test_short_quotes_over_a_satellite_are_placed_where_they_were_made() -> None:
    path = Path(
        [router(1), router(2, rtt=1200 * MS, short=True)],
        Router(TARGET, rtt=1300 * MS, says=ReplyKind.PORT_UNREACHABLE, short=True),
    )
    done = run(path, limits=LIMITS._replace(wait=2500 * MS))
    rtts = [reply.rtt for hop in done.machine.hops() for reply in hop.replies]
    assert rtts == [MS, 1200 * MS, 1300 * MS]


def test_silent_hops_before_a_near_target_are_not_waited_for_as_long_as_a_far_one_might_take() -> None:
    done = run(Path([router(1), router(2, silent=True)], target()), limits=LIMITS._replace(wait=9 * SECOND))
    assert done.addresses == ["10.0.1.1", None, TARGET]
    assert done.ended_at < 3200 * MS


def test_a_dead_path_ends_within_four_seconds() -> None:
    done = run(Path([router(1), router(2)]))
    assert done.addresses[:3] == ["10.0.1.1", "10.0.2.1", None]
    assert done.trace.end is TraceEnd.SILENT
    assert done.ended_at < 6 * SECOND


def test_a_router_is_given_the_time_to_find_its_neighbour() -> None:
    done = run(
        Path([router(1, rtt=3100 * MS, says=ReplyKind.HOST_UNREACHABLE)]), limits=LIMITS._replace(max_ttl=2)
    )
    assert done.trace.end is TraceEnd.UNREACHABLE


def test_the_first_hop_that_says_unreachable_ends_the_path() -> None:
    done = run(Path([router(1), router(2, says=ReplyKind.PROHIBITED, loss={1}), router(3)], target()))
    assert done.addresses == ["10.0.1.1", "10.0.2.1"]
    assert done.trace.end is TraceEnd.UNREACHABLE


def test_a_port_that_is_unreachable_is_the_targets_word_only() -> None:
    closed = Router(TARGET, says=ReplyKind.PORT_UNREACHABLE)
    assert run(Path([router(1)], closed)).trace.end is TraceEnd.REACHED
    firewall = Router("10.0.2.1", says=ReplyKind.PORT_UNREACHABLE)
    assert run(Path([router(1)], firewall)).trace.end is TraceEnd.UNREACHABLE


def test_quotes_that_are_too_short_are_told_apart_one_after_the_other() -> None:
    path = Path(
        [router(1, rtt=60 * MS, short=True), router(2, rtt=90 * MS, short=True), router(3, silent=True)],
        Router(TARGET, rtt=100 * MS, says=ReplyKind.PORT_UNREACHABLE, short=True),
    )
    done = run(path)
    assert done.addresses == ["10.0.1.1", "10.0.2.1", None, TARGET]
    assert not done.machine.unplaced
    rtts = [reply.rtt for hop in done.machine.hops() for reply in hop.replies]
    assert rtts == [60 * MS, 90 * MS, 100 * MS]


def test_a_short_quote_that_comes_once_only_is_told_without_a_place() -> None:
    path = Path(
        [router(1, silent=True), router(2, rtt=50 * MS, short=True, loss={2, 3, 4})], target(rtt=100 * MS)
    )
    done = run(path)
    assert done.addresses == [None, None, TARGET]
    assert [reply.sender for reply in done.machine.unplaced] == ["10.0.2.1"]


def test_packets_become_as_small_as_links_want_them_and_reach_the_target() -> None:
    path = Path([router(1), router(2, mtu=1400), router(3, mtu=1300), router(4)], target())
    done = run(path, size=1500)
    assert done.addresses == ["10.0.1.1", "10.0.2.1", "10.0.3.1", "10.0.4.1", TARGET]
    assert [(each.ttl, each.sender, each.mtu) for each in done.machine.limits] == [
        (3, "10.0.2.1", 1400),
        (4, "10.0.3.1", 1300),
    ]


@pytest.mark.parametrize("mtu", [0, 20, 71, 1500, 9000])
def test_an_mtu_that_helps_nothing_ends_the_path(mtu: int) -> None:
    machine = TraceMachine(LIMITS, size=1500, least_size=72, start=0)
    assert machine.next(0) is Step.SEND
    machine.sent(0)
    machine.heard(Heard(0, Reply("10.0.1.1", ReplyKind.MESSAGE_TOO_BIG), MS, mtu))
    assert machine.next(MS) is Step.OVER
    assert machine.hops()[0].replies[0].kind is ReplyKind.MESSAGE_TOO_BIG


def test_a_liar_makes_packets_smaller_a_few_times_only() -> None:
    machine = TraceMachine(LIMITS, size=1500, least_size=72, start=0)
    now = 0
    while machine.next(now) is not Step.OVER:
        if machine.next(now) is Step.SEND:
            machine.sent(now)
            packet = machine.packet
            machine.heard(
                Heard(packet.number, Reply("10.6.6.6", ReplyKind.MESSAGE_TOO_BIG), now, packet.size - 1)
            )
        else:
            now = machine.due
    assert len(machine.limits) == MAX_LIMITS
    assert machine.packets_sent <= MAX_LIMITS + 2


def test_who_says_a_thousand_times_that_a_packet_is_too_big_has_one_more_sent() -> None:
    machine = TraceMachine(LIMITS, size=1500, least_size=72, start=0)
    now = 0
    while (step := machine.next(now)) is not Step.OVER:
        if step is Step.WAIT:
            now = machine.due
            continue
        machine.sent(now)
        if machine.packet.number == 0:
            for _ in range(1000):
                machine.heard(Heard(0, Reply("10.6.6.6", ReplyKind.MESSAGE_TOO_BIG), now, 1400))
            assert machine.hops()[0].tries == 0
    assert machine.packets_sent == LIMITS.max_ttl * LIMITS.tries + 1


def test_a_loop_is_left_once_it_has_shown_itself() -> None:
    ring = [router(1), *(router(2 + i % 2) for i in range(29))]
    done = run(Path(ring))
    assert done.machine.packets_sent <= 8
    assert done.ended_at < SECOND


def test_one_address_at_several_hops_is_no_loop() -> None:
    """A router that translates addresses stands for those behind it."""
    done = run(Path([router(1), *(router(2) for _ in range(6))], target()))
    assert done.addresses[-1] == TARGET


def answered(machine: TraceMachine, ttl: int, left: int) -> list[int]:
    """Hops with a reply, once the packet with that TTL is answered, and says how much of it was left."""
    for number in range(ttl):
        machine.next(number * INTERVAL)
        machine.sent(number * INTERVAL)
    machine.heard(Heard(ttl - 1, Reply(TARGET, ReplyKind.ANSWERED), SECOND, left=left))
    return [hop.ttl for hop in machine.hops() if hop.replies]


@pytest.mark.parametrize(("left", "hop"), [(1, 8), (5, 4), (8, 1), (9, 8), (0, 8), (255, 8)])
def test_a_reflector_that_says_how_much_ttl_was_left_stands_where_the_packet_arrived(
    left: int, hop: int
) -> None:
    machine = TraceMachine(LIMITS, size=72, least_size=72, start=0)
    assert answered(machine, 8, left) == [hop]


def test_a_reflector_that_claims_to_be_where_a_router_is_stands_behind_it() -> None:
    machine = TraceMachine(LIMITS, size=72, least_size=72, start=0)
    machine.next(0)
    machine.sent(0)
    machine.heard(Heard(0, Reply("10.0.1.1", ReplyKind.TIME_EXCEEDED), MS))
    machine.next(INTERVAL)
    machine.sent(INTERVAL)
    machine.heard(Heard(1, Reply(TARGET, ReplyKind.ANSWERED), SECOND, left=2))
    assert [hop.replies[0].sender for hop in machine.hops()] == ["10.0.1.1", TARGET]


def test_breaking_off_ends_it_at_once() -> None:
    machine = TraceMachine(LIMITS, size=72, least_size=72, start=0)
    machine.next(0)
    machine.sent(0)
    machine.stop()
    assert machine.next(1) is Step.OVER
    assert not machine.whole(1)


ROUTERS = st.lists(
    st.builds(
        lambda rtt, silent, short: {"rtt": rtt * MS, "silent": silent, "short": short},
        st.integers(0, 300),
        st.booleans(),
        st.booleans(),
    ),
    max_size=12,
)


@given(ROUTERS, st.integers(0, 300), st.booleans())
def test_whoever_answers_stands_at_its_hop(habits: list[dict[str, object]], rtt: int, short: bool) -> None:
    routers = [router(i, **habit) for i, habit in enumerate(habits, 1)]
    last = Router(TARGET, rtt=rtt * MS, says=ReplyKind.PORT_UNREACHABLE, short=short)
    done = run(Path(routers, last))
    assert done.addresses == [None if each.silent else each.address for each in [*routers, last]]
    assert trace_from_json(trace_to_json(done.trace)) == done.trace


@given(ROUTERS, st.integers(72, 9000), st.integers(1, 5), st.integers(1, 30))
def test_it_is_polite_whatever_the_path(
    habits: list[dict[str, object]], size: int, tries: int, hops: int
) -> None:
    limits = Limits(max_ttl=hops, tries=tries, wait=SECOND, total=20 * SECOND)
    done = run(Path([router(i, **habit) for i, habit in enumerate(habits, 1)]), limits=limits, size=size)
    assert done.machine.packets_sent <= hops * max(tries, 2)
    for (earlier, packet), (later, _) in pairwise(done.sent):
        assert later - earlier >= max(INTERVAL, packet.size * 8 * 1000)
    assert done.ended_at <= limits.total


HEARD = st.builds(
    Heard,
    st.none() | st.integers(-(2**70), 2**70) | st.integers(0, 40),
    st.builds(
        Reply,
        st.none() | st.sampled_from(["10.0.0.1", "10.0.0.2", TARGET, SOURCE, "2001:db8::1"]),
        st.sampled_from(ReplyKind),
    ),
    st.integers(-(10**18), 10**18),
    st.integers(0, 2**32 - 1) | st.integers(60, 1500),
    st.none() | st.integers(0, 255),
)


@given(st.lists(st.lists(HEARD, max_size=4), max_size=12))
def test_whatever_comes_it_ends_within_bounds(coming: list[list[Heard]]) -> None:
    machine = TraceMachine(LIMITS, size=1500, least_size=72, start=0)
    now = steps = 0
    while (step := machine.next(now)) is not Step.OVER:
        steps += 1
        assert steps < 5000
        if step is Step.SEND:
            machine.sent(now)
        else:
            now = max(now, machine.due)
        for heard in coming.pop() if coming else ():
            machine.heard(heard)
    made = trace_of(machine, whole=machine.whole(now))
    assert trace_from_json(trace_to_json(made)) == made

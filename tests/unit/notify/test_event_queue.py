"""Events wait in order, within bounds, and give way to newer ones."""

from hypothesis import given
from hypothesis import strategies as st

from ipsecping_operator.notify.cloud_event import CheckEvent
from ipsecping_operator.notify.event_queue import (
    KEPT,
    LONGEST_ASKED,
    MOST_BYTES,
    MOST_OF_A_CHECK,
    REST,
    RETRIES,
    EventQueue,
)


def event(name: object, size: int = 100) -> CheckEvent:
    return CheckEvent(id=str(name), type="t", body=b"x" * size)


def never() -> float:
    return 0.0


def test_events_of_a_check_go_one_after_the_other_and_others_go_meanwhile() -> None:
    queue = EventQueue()
    for uid, name in (("a", 1), ("a", 2), ("b", 3)):
        assert queue.put(uid, event(name), namespace="ns", now=0) == 0
    assert queue.next(now=0) == ("a", event(1))
    assert queue.next(now=0) == ("b", event(3))
    assert queue.next(now=0) is None
    queue.over("a")
    assert queue.next(now=0) == ("a", event(2))
    assert len(queue) == 2
    queue.over("a")
    queue.over("b")
    assert (len(queue), queue.next_time()) == (0, None)


def test_an_event_that_failed_is_tried_again_before_what_follows_it() -> None:
    queue = EventQueue()
    queue.put("a", event(1), namespace="ns", now=0)
    queue.put("a", event(2), namespace="ns", now=0)
    queue.next(now=0)
    queue.failed("a", asked=0, now=10, chance=never)
    assert queue.give_up(now=10) == []
    assert queue.next_time() == 11
    assert queue.next(now=10.9) is None
    assert queue.next(now=11) == ("a", event(1))


def test_one_event_that_is_never_taken_holds_no_other_check_up_for_long() -> None:
    queue, now = EventQueue(), 0.0
    queue.put("bad", event("bad"), namespace="ns", now=0)
    for number in range(20):
        queue.put(f"check-{number}", event(number), namespace="ns", now=0)
    taken = 0
    while taken < 20:
        got = queue.next(now=now)
        if got is None:
            now = queue.next_time() or now
        elif got[0] == "bad":
            queue.failed("bad", asked=0, now=now, chance=never)
        else:
            queue.over(got[0])
            taken += 1
    assert now <= RETRIES.first


def test_a_receiver_that_is_away_is_asked_ever_more_seldom_and_what_it_asks_for_is_bounded() -> None:
    queue, now, asked = EventQueue(), 0.0, 0
    for number in range(100):
        queue.put(f"check-{number}", event(number), namespace="ns", now=0)
    while now < 600:
        got = queue.next(now=now)
        if got is None:
            now = queue.next_time() or now
            continue
        asked += 1
        queue.failed(got[0], asked=0, now=now, chance=never)
    assert asked < 10 + 600 / REST.longest
    (uid, _), patience = queue.next(now=now + REST.longest) or ("", None), 86_400.0
    queue.failed(uid, asked=patience, now=now, chance=never)
    assert queue.next(now=now + LONGEST_ASKED - 1) is None
    assert queue.next(now=now + LONGEST_ASKED) is not None


def test_what_was_not_taken_for_hours_is_given_up_and_what_follows_goes_on() -> None:
    queue = EventQueue()
    queue.put("a", event(1), namespace="ns", now=0)
    queue.put("a", event(2), namespace="ns", now=KEPT)
    queue.next(now=0)
    assert queue.give_up(now=KEPT) == [], "it may be taken yet"
    queue.failed("a", asked=0, now=KEPT, chance=never)
    assert queue.give_up(now=KEPT) == ["a"]
    assert queue.next(now=KEPT + 10) == ("a", event(2))


def test_of_many_checks_nothing_older_is_sent_when_the_receiver_is_back() -> None:
    queue, now = EventQueue(), 0.0
    for number in range(2000):
        queue.put(f"c{number}", event(number), namespace="ns", now=0)
    queue.put("late", event("late"), namespace="ns", now=KEPT / 2)
    while now < KEPT:
        now = max(now, queue.next_time() or 0)
        if (got := queue.next(now=now)) is not None:
            queue.failed(got[0], asked=0, now=now, chance=never)
    assert set(queue.give_up(now=now)) == {f"c{number}" for number in range(2000)}
    assert len(queue) == 1


def test_a_check_that_flaps_keeps_the_newest_and_drops_none_of_others() -> None:
    queue = EventQueue()
    queue.put("calm", event("calm"), namespace="ns", now=0)
    dropped = sum(
        queue.put("flaps", event(number), namespace="ns", now=1) for number in range(MOST_OF_A_CHECK + 5)
    )
    assert dropped == 5
    assert queue.next(now=1) == ("calm", event("calm"))
    assert queue.next(now=1) == ("flaps", event(5))


def test_bytes_are_bounded_and_the_oldest_goes_first() -> None:
    queue, size = EventQueue(), MOST_BYTES // 10
    dropped = [
        queue.put(f"check-{number}", event(number, size), namespace="ns", now=number) for number in range(15)
    ]
    assert sum(dropped) == 5
    assert queue.next(now=20) == ("check-5", event(5, size))


def test_checks_that_flap_while_the_receiver_is_away_push_no_event_of_others_out() -> None:
    """Whoever writes checks in one namespace decides nothing about what is told of others."""
    queue, size = EventQueue(), MOST_BYTES // 100
    for number in range(10):
        queue.put(f"calm-{number}", event(number, size), namespace="ns", now=number)
    dropped = 0
    for number in range(200):
        dropped += queue.put(f"flaps-{number % 20}", event(number, size), namespace="ns", now=100 + number)
    assert dropped == 110
    assert len(queue) == 100
    went = [queue.next(now=400) for _ in range(30)]
    assert [each[0] for each in went if each is not None][:10] == [f"calm-{number}" for number in range(10)]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("pntfb")), max_size=120))
def test_whatever_happens_order_is_kept_and_nothing_is_lost_uncounted(steps: list[tuple[str, str]]) -> None:
    queue, now, count = EventQueue(), 0.0, 0
    under_way = dict[str, CheckEvent]()
    over, dropped = dict[str, list[int]](), 0
    for uid, step in steps:
        now += 1
        if step == "p":
            count += 1
            dropped += queue.put(uid, event(count), namespace="ns", now=now)
        elif step == "n" and (got := queue.next(now=now)) is not None:
            assert got[0] not in under_way, "one at a time"
            under_way[got[0]] = got[1]
        elif uid in under_way:
            sent = under_way.pop(uid)
            if step == "t":
                over.setdefault(uid, []).append(int(sent.id))
                queue.over(uid)
            elif step == "f":
                queue.failed(uid, asked=0, now=now, chance=never)
            elif step == "b":
                queue.put_back(uid)
            else:
                under_way[uid] = sent
    assert all(each == sorted(set(each)) for each in over.values())
    assert count == len(queue) + dropped + sum(map(len, over.values()))


def test_many_checks_of_one_namespace_push_no_event_of_another_out_nor_keep_it_waiting() -> None:
    """800 checks that flap once each have the fewest events of all, and the most together."""
    queue, size = EventQueue(), MOST_BYTES // 100
    for number in range(800):
        queue.put(f"many-{number}", event(number, size), namespace="many", now=0)
    dropped = sum(queue.put("few", event(name, size), namespace="few", now=1) for name in range(2))
    for number in range(800, 1600):
        queue.put(f"many-{number}", event(number, size), namespace="many", now=2)
    assert dropped == 2, "of the namespace with the most"
    got = []
    for _ in range(4):
        uid, _event = queue.next(now=3) or ("", None)
        got.append(uid)
        queue.over(uid)
    assert got[1] == got[3] == "few", "namespaces take turns"

"""The session table when it is full: who makes room for whom."""

from itertools import pairwise

from ipsecping.reflector.sessions import SessionId, SessionTable

from .requests import SECOND


def key(peer: str, port: int, ssid: int = 0) -> SessionId:
    return SessionId(peer, port, "10.50.1.10", 862, ssid)


def fill(table: SessionTable, peer: str, count: int, now: int = 0) -> None:
    for number in range(count):
        table.session(key(peer, 1024 + number % 60_000, number // 60_000), now).received += 1


def known(table: SessionTable, peer: str, ports: range, now: int) -> int:
    """How many of these sessions are still the ones that they were."""
    return sum(table.session(key(peer, port), now).received for port in ports)


def test_one_source_with_all_its_ports_and_ssids_pushes_nobody_out() -> None:
    table = SessionTable(max_sessions=1000)
    fill(table, "10.244.0.1", 100)
    fill(table, "10.244.0.2", 3)
    fill(table, "10.244.0.66", 5000, now=SECOND)
    assert len(table) == 1000
    assert table.evicted == 5103 - 1000
    assert known(table, "10.244.0.1", range(1024, 1124), 2 * SECOND) == 100
    assert known(table, "10.244.0.2", range(1024, 1027), 2 * SECOND) == 3


def test_who_comes_when_it_is_full_gets_room_from_who_has_more_than_his_share() -> None:
    table = SessionTable(max_sessions=1000)
    fill(table, "10.244.0.1", 100)
    fill(table, "10.244.0.66", 2000, now=SECOND)
    fill(table, "10.244.0.3", 300, now=SECOND)
    assert len(table) == 1000
    assert known(table, "10.244.0.1", range(1024, 1124), 2 * SECOND) == 100
    assert known(table, "10.244.0.3", range(1024, 1324), 2 * SECOND) == 300


def test_the_addresses_of_an_ipv6_host_have_one_share() -> None:
    table = SessionTable(max_sessions=300)
    fill(table, "2001:db8::1", 100)
    for number in range(1000):
        table.session(key(f"2001:db8:0:1::{number:x}", 5000), SECOND)
    assert known(table, "2001:db8::1", range(1024, 1124), 2 * SECOND) == 100


def test_within_a_source_the_sessions_in_use_stay() -> None:
    table = SessionTable(max_sessions=100)
    fill(table, "10.244.0.1", 100)
    for second in range(1, 500):  # one session goes on, others begin and end
        table.session(key("10.244.0.1", 1024), second * SECOND).received += 1
        table.session(key("10.244.0.1", 30_000 + second), second * SECOND)
    assert table.session(key("10.244.0.1", 1024), 500 * SECOND).received == 500


def test_where_nobody_has_more_than_his_share_the_least_used_goes() -> None:
    table = SessionTable(max_sessions=10)
    for number in range(10):
        table.session(key(f"10.244.0.{number}", 5000), number)
    table.session(key("10.244.0.0", 5000), 20)
    table.session(key("10.244.1.1", 5000), 21)
    assert len(table) == 10
    assert table.session(key("10.244.0.0", 5000), 22).used_at == 22
    assert table.evicted == 1


def test_idle_sessions_are_forgotten_a_few_at_a_time() -> None:
    table = SessionTable(idle_ns=SECOND)
    fill(table, "10.244.0.1", 1000)
    sizes = []
    for number in range(100):
        table.session(key("10.244.0.2", 5000), 3 * SECOND + number)
        sizes.append(len(table))
    assert max(earlier - later for earlier, later in pairwise(sizes)) <= 64
    assert sizes[-1] == 1

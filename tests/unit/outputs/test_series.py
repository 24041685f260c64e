"""What Prometheus gets to see, and what becomes of it over rounds, plans and runs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from ipsecping.contract import (
    Addresses,
    Histogram,
    IkeOptions,
    Invalidity,
    PathMtu,
    Plan,
    ProbeType,
    Refusal,
    RefusedKind,
)
from ipsecping.outputs import textfile
from ipsecping.outputs.earlier import counters_in
from ipsecping.outputs.errors import OutputError
from ipsecping.outputs.figures import Measured
from ipsecping.outputs.series import MOST_ADDRESSES, SeriesBook

from .results import MS, NOON, PROBE, check, invalid, measured

LABELS = {
    "namespace": "network",
    "check": "hq-dc1",
    "tunnel_name": "hq-dc1",
    "path": "primary",
    "probe": "datapath",
    "type": "STAMP",
    "target": "203.0.113.10",
}


def book_of(*rounds: Measured) -> SeriesBook:
    book = SeriesBook()
    for each in rounds:
        book.add(*each)
    return book


def samples(book: SeriesBook) -> dict[str, float]:
    """Values by name; buckets by name and bound. For books of one series."""
    text = book.exposition().decode()
    return {
        sample.name + sample.labels.get("le", ""): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_round_gives_all_metrics_with_their_labels() -> None:
    book = book_of(measured(path_mtu=PathMtu(forward=1438, reverse=None, too_big=True)))
    said = samples(book)
    assert said["ipsecping_packets_sent_total"] == 10
    assert said["ipsecping_packets_received_total"] == 9
    assert said["ipsecping_loss_ratio"] == 0.1
    assert said["ipsecping_jitter_seconds"] == 0.0005
    assert said["ipsecping_path_mtu_bytes"] == 1438
    assert said["ipsecping_last_result_timestamp_seconds"] == NOON / 1e9 + 1.5
    assert said["ipsecping_last_result_invalid"] == 0
    assert said["ipsecping_rtt_seconds_bucket0.01"] == 0
    assert said["ipsecping_rtt_seconds_bucket0.015"] == said["ipsecping_rtt_seconds_count"] == 9
    assert said["ipsecping_rtt_seconds_sum"] == pytest.approx(0.108)
    families = {f.name: f for f in text_string_to_metric_families(book.exposition().decode())}
    assert families["ipsecping_packets_sent"].samples[0].labels == LABELS
    assert families["ipsecping_path_info"].samples[0].labels == {
        name: LABELS[name] for name in ("namespace", "check", "tunnel_name", "path", "target")
    } | {"remote_ip": "203.0.113.10"}


def test_the_address_of_a_gateway_is_not_told_as_that_of_the_target() -> None:
    options = IkeOptions(gateway="198.51.100.2")
    ike = replace(PROBE, name="ike", type=ProbeType.IKE, port=None, size=0, options=options)
    both = check(probes=(PROBE, ike))
    asked = measured(both, probe="ike", type=ProbeType.IKE, remote_ip="198.51.100.2")
    book = book_of(measured(both), asked)
    families = {f.name: f for f in text_string_to_metric_families(book.exposition().decode())}
    (path,) = families["ipsecping_path_info"].samples
    assert path.labels["remote_ip"] == "203.0.113.10"


def test_answers_refused_are_counted_by_reason_and_go_on_from_the_run_before() -> None:
    short, other = RefusedKind(Refusal.TOO_SHORT, 20), RefusedKind(Refusal.OTHER_SOURCE, source="10.0.0.9")
    first = book_of(measured(refused={short: 2}), measured(refused={short: 1, other: 3}), invalid())
    text = first.exposition().decode()
    counts = {
        sample.labels["reason"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "ipsecping_answers_refused_total"
    }
    assert counts == {"OtherSource": 3, "TooShort": 3}
    again = book_of(measured(refused={other: 1}))
    again.go_on_from(counters_in(text).items())
    ((_, going_on),) = counters_in(again.exposition().decode()).items()
    assert going_on.refused == (("OtherSource", 4), ("TooShort", 3))
    assert "ipsecping_answers_refused_total{" not in book_of(measured()).exposition().decode()


def test_counters_grow_and_gauges_are_of_the_newest_round() -> None:
    said = samples(book_of(measured(), measured(received=10, losses={}, rtt=Histogram.of([MS] * 10))))
    assert said["ipsecping_packets_sent_total"] == 20
    assert said["ipsecping_rtt_seconds_count"] == 19
    assert said["ipsecping_loss_ratio"] == 0


def test_an_invalid_round_counts_no_packet_and_takes_the_figures_away_but_not_the_series() -> None:
    said = samples(book_of(measured(), invalid()))
    assert said["ipsecping_packets_sent_total"] == 10
    assert said["ipsecping_last_result_invalid"] == 1
    assert "ipsecping_loss_ratio" not in said


def test_what_leaves_the_plan_leaves_the_series_also_when_its_last_round_ends_later() -> None:
    book, gone = book_of(measured(), measured(check(path="backup"))), check(path="backup")
    book.retain(Plan(checks=(check(),)))
    book.add(*measured(gone))
    assert b"backup" not in book.exposition()
    assert samples(book)["ipsecping_packets_sent_total"] == 10


def test_counters_go_on_from_the_file_of_the_run_before(tmp_path: Path) -> None:
    file = tmp_path / "ipsecping.prom"
    for _ in range(3):
        book = book_of(measured())
        book.go_on_from(textfile.read_counters(file).items())
        textfile.write(file, book.exposition())
    said = samples(book)
    assert said["ipsecping_packets_sent_total"] == 30
    assert said["ipsecping_rtt_seconds_bucket0.015"] == 27
    assert said["ipsecping_rtt_seconds_sum"] == pytest.approx(0.324)
    assert [entry.name for entry in tmp_path.iterdir()] == ["ipsecping.prom"]
    assert file.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("text", ["not { metrics", "ipsecping_packets_sent_total{", "", "a 1\nb nan\n"])
def test_a_file_that_is_not_ours_starts_the_counters_at_zero(tmp_path: Path, text: str) -> None:
    file = tmp_path / "ipsecping.prom"
    file.write_text(text)
    assert textfile.read_counters(file) == {}


def test_buckets_of_another_release_are_not_mixed_with_ours() -> None:
    text = book_of(measured()).exposition().decode().replace('le="0.0005"', 'le="0.0007"')
    (counters,) = counters_in(text).values()
    assert counters.sent == 10
    assert sum(counters.buckets) == 0


def test_a_name_that_the_collector_would_pass_over_is_refused() -> None:
    with pytest.raises(OutputError, match=r"\*\.prom"):
        textfile.check_name(Path("/var/lib/ipsecping.txt"))


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"absent/a\.prom: No such file or directory"):
        textfile.write(tmp_path / "absent" / "a.prom", b"")


def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "a.prom").mkdir()
    with pytest.raises(OutputError, match=r"a\.prom: Is a directory"):
        textfile.write(tmp_path / "a.prom", b"")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.prom"]


@given(st.lists(st.lists(st.integers(0, 10**10), max_size=20), max_size=5))
def test_what_is_written_is_read_back(rounds: list[list[int]]) -> None:
    book = book_of(*(measured(received=10, losses={}, rtt=Histogram.of(times)) for times in rounds))
    again = SeriesBook()
    for series in rounds[:1]:
        again.add(*replace_result(measured(), series))
    again.go_on_from(counters_in(book.exposition().decode()).items())
    if rounds:
        assert samples(again)["ipsecping_packets_sent_total"] == 10 * len(rounds)
        assert samples(again)["ipsecping_rtt_seconds_count"] == sum(map(len, rounds))


def replace_result(each: Measured, times: list[int]) -> Measured:
    """A round that was sent nothing, so that only what was read back counts."""
    return Measured(each.check, replace(each.result, sent=0, received=0, rtt=Histogram()))


class Parsed(Collector):
    """What prometheus_client reads in a text."""

    def __init__(self, text: str) -> None:
        self._families = list(text_string_to_metric_families(text))

    def collect(self) -> list[Metric]:
        return self._families


@given(
    st.lists(st.text().filter(str.isprintable) | st.sampled_from(['"', "\\", "a\nb", "a,b={}"]), max_size=4),
    st.integers(0, 10**9),
    st.booleans(),
)
def test_the_text_is_what_prometheus_client_writes_of_what_it_reads_there(
    names: list[str], packets: int, lost: bool
) -> None:
    book = SeriesBook()
    for name in names:
        each = check(name=name, tunnel_name=name)
        rtt = Histogram.of([] if lost else [MS, 70 * MS, 9000 * MS])
        book.add(*measured(each, sent=packets, received=0 if lost else packets, rtt=rtt))
    text = book.exposition().decode()
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Parsed(text))
    assert generate_latest(registry).decode() == text
    assert len(set(text.splitlines())) == text.count("\n")


def test_a_text_under_way_is_of_the_moment_it_was_begun() -> None:
    """Packets sent and received would be of different rounds otherwise, which would look like loss."""
    book = book_of(measured(), measured(check(path="backup")))
    before, under_way = book.exposition().decode(), book.lines()
    first = next(under_way) + next(under_way)
    book.add(*measured())
    book.retain(Plan(checks=(check(),)))
    book.add(*measured(check(path="third")))
    assert first + "".join(under_way) == before
    assert samples(book)["ipsecping_packets_sent_total"] == 20


def test_each_address_has_series_of_its_own_and_one_that_has_gone_is_told_no_more() -> None:
    many = check(target="many.example", addresses=Addresses.ALL)

    def to(address: str | None, *, minutes: int = 0, **changed: Any) -> Measured:
        told = None if address is None else 2
        at = NOON + minutes * 60 * 10**9
        return measured(many, remote_ip=address, addresses=told, started_at=at, **changed)

    book = SeriesBook()
    # First the name had no address.
    book.add(*to(None, invalid=Invalidity.NO_SUCH_NAME))
    for minutes in (0, 1):
        for address in ("10.0.0.1", "10.0.0.2"):
            book.add(*to(address, minutes=minutes))
    text = book.exposition().decode()
    sent = [line for line in text.splitlines() if line.startswith("ipsecping_packets_sent_total{")]
    assert [(line.partition('remote_ip="')[2].partition('"')[0], line[-4:]) for line in sent] == [
        ("10.0.0.1", "20.0"),
        ("10.0.0.2", "20.0"),
    ]
    assert text.count("ipsecping_path_info{") == 2
    for minutes in range(2, 18):
        book.add(*to("10.0.0.2", minutes=minutes))
    assert "10.0.0.1" not in book.exposition().decode()


def test_addresses_of_a_slow_check_stay_from_round_to_round() -> None:
    slow = check(target="many.example", addresses=Addresses.ALL, interval_ms=3_600_000)
    book = SeriesBook()
    for hour in range(3):
        for address in ("10.0.0.1", "10.0.0.2"):
            at = NOON + hour * 3600 * 10**9
            book.add(*measured(slow, remote_ip=address, addresses=2, started_at=at))
    sent = [line for line in book.exposition().decode().splitlines() if "packets_sent_total{" in line]
    assert [line[-4:] for line in sent] == ["30.0", "30.0"]


def test_addresses_that_change_all_the_time_do_not_pile_up() -> None:
    many = check(target="many.example", addresses=Addresses.ALL)
    book = SeriesBook()
    for number in range(3 * MOST_ADDRESSES):
        book.add(*measured(many, remote_ip=f"10.0.{number % 250}.{number // 250}", addresses=1))
    assert book.exposition().decode().count("ipsecping_packets_sent_total{") == MOST_ADDRESSES


def test_counters_of_each_address_go_on_from_the_run_before() -> None:
    many = check(target="many.example", addresses=Addresses.ALL)
    books = [SeriesBook(), SeriesBook()]
    for book in books:
        for address in ("10.0.0.1", "10.0.0.2"):
            book.add(*measured(many, remote_ip=address, addresses=2))
    books[1].go_on_from(counters_in(books[0].exposition().decode()).items())
    sent = [line for line in books[1].exposition().decode().splitlines() if "packets_sent_total{" in line]
    assert [line[-4:] for line in sent] == ["20.0", "20.0"]

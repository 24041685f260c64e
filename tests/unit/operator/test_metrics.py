"""What Prometheus scrapes."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from ipsecping.contract import Marking, PathMtu, ProbeType, Refusal, RefusedKind, StampOptions
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.metrics.exposition import PIECE, Family, pieces
from ipsecping_operator.metrics.health import STUCK_SECONDS, Health, Phase

from .assessments import assessed, at, seen, take
from .builders import NOON, SECOND, UID, check, plan, probe, result
from .scraping import scraped, value

LABELS = {
    "namespace": "network",
    "check": "hq",
    "tunnel_name": "hq-dc1",
    "path": "default",
    "probe": "ping",
    "type": "ICMP",
    "target": "203.0.113.10",
}
CHECK = {key: LABELS[key] for key in ("namespace", "check", "tunnel_name")}


def test_a_measured_check_exports_counters_figures_limits_and_conditions() -> None:
    state = seen()
    take(state, *(at(30 * n, received=9, rtt_ms=12, remote_ip="203.0.113.10") for n in range(4)))
    assessed(state, at=100)
    samples = scraped(state)
    assert value(samples, "ipsecping_packets_sent_total", **LABELS) == 40
    assert value(samples, "ipsecping_packets_received_total", **LABELS) == 36
    assert value(samples, "ipsecping_loss_ratio", **LABELS) == 0.1
    assert value(samples, "ipsecping_rtt_seconds_count", **LABELS) == 36
    assert round(value(samples, "ipsecping_rtt_seconds_sum", **LABELS), 6) == 0.432
    assert value(samples, "ipsecping_rtt_seconds_bucket", **LABELS, le="0.01") == 0
    assert value(samples, "ipsecping_rtt_seconds_bucket", **LABELS, le="0.015") == 36
    assert value(samples, "ipsecping_rtt_seconds_bucket", **LABELS, le="+Inf") == 36
    last = value(samples, "ipsecping_last_result_timestamp_seconds", **LABELS)
    assert last == NOON / SECOND + 92
    assert value(samples, "ipsecping_check_condition", **CHECK, type="Healthy", status="False") == 1
    assert value(samples, "ipsecping_check_condition", **CHECK, type="Healthy", status="True") == 0
    assert value(samples, "ipsecping_threshold", **CHECK, kind="loss_ratio") == 0.01
    assert value(samples, "ipsecping_outages_total", **CHECK) == 1
    assert value(samples, "ipsecping_outage_seconds_total", **CHECK) == 100
    assert (
        value(
            samples,
            "ipsecping_path_info",
            **CHECK,
            path="default",
            target="203.0.113.10",
            remote_ip="203.0.113.10",
        )
        == 1
    )


def test_answers_refused_are_counted_by_reason_where_there_are_any() -> None:
    state = seen()
    short, other = RefusedKind(Refusal.TOO_SHORT, 20), RefusedKind(Refusal.OTHER_SOURCE, source="10.0.0.9")
    take(
        state, at(0, received=9, refused={short: 2}), at(30, received=9, refused={short: 1, other: 3}), at(60)
    )
    assessed(state, at=70)
    samples = scraped(state)
    counts = {
        reason: value(samples, "ipsecping_answers_refused_total", **LABELS, reason=reason)
        for reason in ("TooShort", "OtherSource")
    }
    assert counts == {"TooShort": 3, "OtherSource": 3}
    assert sum(name == "ipsecping_answers_refused_total" for name, _ in samples) == 2


def test_dscp_ecn_and_hops_are_exported_as_most_packets_had_them() -> None:
    asks = StampOptions(ask_dscp=True, ask_hops=True)
    measured = plan(probe("ping", type=ProbeType.STAMP, port=862, size=52, options=asks))
    state = seen(of=check(measured))
    arrived = {"markings": {Marking(0, 3): 6, Marking(46, 0): 4}, "hops": {2: 3, 5: 7}}
    take(state, at(0, of=measured, **arrived))
    assessed(state, at=10)
    samples, labels = scraped(state), LABELS | {"type": "STAMP"}
    names = ("dscp", "ecn", "hops")
    assert [value(samples, f"ipsecping_{name}_seen", **labels) for name in names] == [0, 3, 5]


def test_a_check_that_is_down_keeps_its_series_and_a_reply_resets_nothing() -> None:
    state = seen()
    take(state, at(0), *(at(30 * n, received=0) for n in range(1, 5)))
    assessed(state, at=130)
    down = scraped(state)
    assert value(down, "ipsecping_packets_sent_total", **LABELS) == 50
    assert value(down, "ipsecping_packets_received_total", **LABELS) == 10
    take(state, at(150))
    assessed(state, at=155)
    up = scraped(state)
    assert value(up, "ipsecping_packets_sent_total", **LABELS) == 60
    assert value(up, "ipsecping_packets_received_total", **LABELS) == 20


def test_outage_time_is_counted_on_when_it_ends() -> None:
    state = seen()
    take(state, *(at(30 * n, received=0) for n in range(3)))
    assessed(state, at=70)
    during = value(scraped(state, now=NOON + 100 * SECOND), "ipsecping_outage_seconds_total", **CHECK)
    take(state, *(at(30 * n) for n in range(13, 20)))
    assessed(state, at=600)
    after = value(scraped(state, now=NOON + 5000 * SECOND), "ipsecping_outage_seconds_total", **CHECK)
    assert during == 100
    assert after == 600


def test_a_check_that_has_gone_or_was_never_valid_has_no_series() -> None:
    never = CheckState(UID)
    assert scraped(never) == {}
    assert scraped() == {}


def test_a_check_without_results_claims_no_figures() -> None:
    state = seen()
    assessed(state, at=1)
    names = {name for name, _ in scraped(state)}
    assert not {"ipsecping_loss_ratio", "ipsecping_rtt_seconds_count", "ipsecping_jitter_seconds"} & names
    assert "ipsecping_check_condition" in names


def test_health_notices_a_stuck_loop_and_a_deaf_watch() -> None:
    health = Health(ticked=100.0)
    assert health.problem(100.0 + STUCK_SECONDS) is None
    assert "not turned for 31 s" in str(health.problem(131.0))
    health.tick(131.0)
    health.unseen = {"Pod": ["network/hq-1", "network/hq-2"], "CronJob": ["network/hq"]}
    assert health.problem(131.0) == (
        "deaf watches: CronJob (not shown: network/hq); Pod (not shown: network/hq-1)"
    )


def test_an_operator_that_waits_is_alive_and_ready_only_when_nothing_is_missing() -> None:
    health = Health(ticked=100.0)
    health.wait(Phase.STARTING, "the CustomResourceDefinition is not installed")
    assert health.problem(100.0) is None
    assert health.unready(100.0) == "waiting: the CustomResourceDefinition is not installed"
    health.wait(Phase.STANDBY, "Lease a/b is held by c")
    assert health.unready(100.0) is None
    assert health.state == "ok, standby: Lease a/b is held by c"
    health.phase = Phase.LEADING
    assert (health.unready(100.0), health.state) == (None, "ok")
    assert health.unready(131.0) == "the event loop has not turned for 31 s"


def test_path_mtu_certificate_and_their_limits_are_exported_where_they_are_measured() -> None:
    both = plan(
        probe("web", type=ProbeType.TCP, port=443, size=0),
        probe("mtu", type=ProbeType.PATH_MTU, port=862, size=0, count=1),
    )
    state = seen(of=check(both, path_mtu=1400, jitter_ms=20))
    take(
        state,
        result(of=both, probe_name="web", certificate_expiry=NOON // SECOND + 3600),
        result(of=both, probe_name="mtu", sent=1, path_mtu=PathMtu(forward=1438, reverse=1320, too_big=True)),
    )
    assessed(state, at=5)
    samples = scraped(state)
    web, mtu = LABELS | {"probe": "web", "type": "TCP"}, LABELS | {"probe": "mtu", "type": "PathMTU"}
    assert value(samples, "ipsecping_path_mtu_bytes", **mtu) == 1320
    expiry = value(samples, "ipsecping_certificate_expiry_timestamp_seconds", **web)
    assert expiry == NOON // SECOND + 3600
    assert value(samples, "ipsecping_threshold", **CHECK, kind="path_mtu_bytes") == 1400
    assert value(samples, "ipsecping_threshold", **CHECK, kind="jitter_seconds") == 0.02
    assert ("ipsecping_path_mtu_bytes", frozenset(web.items())) not in samples


def test_limits_of_a_probe_are_exported_beside_those_of_the_check() -> None:
    own = {"ping": {"rtt_ns": {"p50": 180_000_000, "p99": 40_000_000}, "down_after": 5}}
    state = seen(of=check(rtt_ms={"p50": 12, "p99": 40}, own=own))
    take(state, at(0))
    assessed(state, at=5)
    samples = scraped(state)
    assert value(samples, "ipsecping_threshold", **CHECK, kind="rtt_p50_seconds") == 0.012
    of_probes = {
        (dict(labels)["probe"], dict(labels)["kind"]): number
        for (name, labels), number in samples.items()
        if name == "ipsecping_probe_threshold"
    }
    assert of_probes == {("ping", "rtt_p50_seconds"): 0.18, ("ping", "down_after_rounds"): 5}


def test_what_is_written_piece_by_piece_is_what_prometheus_client_writes_in_one_go() -> None:
    registry = CollectorRegistry()
    Counter("empty", "No samples.", ("a",), registry=registry)
    gauge = Gauge("many", "More than one piece, exactly two.", ("a",), registry=registry)
    for number in range(2 * PIECE):
        gauge.labels(f'"{number}"\n').set(number)
    Gauge("one", "A sample\nwith a line break in its help.", registry=registry).set(1)
    written = list(pieces(registry))
    assert b"".join(written) == generate_latest(registry)
    assert len(written) == 4


def test_samples_are_made_while_they_are_written() -> None:
    made = 0

    def samples() -> Iterator[Sample]:
        nonlocal made
        for made in range(1, 10 * PIECE + 1):
            yield Sample("lazy", {"number": str(made)}, made)

    class Lazy(Collector):
        def collect(self) -> Iterator[Metric]:
            yield Family("lazy", "Made when asked for.", "gauge", samples())

    text = pieces(Lazy())
    next(text)
    assert made == PIECE
    assert b"".join(text).count(b"\n") == 9 * PIECE

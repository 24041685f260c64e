"""What the rules for alerts go by."""

from dataclasses import replace

from ipsecping.contract import ProbeType
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.compile.compiled import DAY, Alerting

from .assessments import assessed, at, seen, take
from .builders import NOON, SECOND, check, plan, probe, result
from .scraping import Samples, scraped, value

CHECK = {"namespace": "network", "check": "hq", "tunnel_name": "hq-dc1"}
PATH = {**CHECK, "path": "default", "target": "203.0.113.10"}
PROBE = {**PATH, "probe": "ping", "type": "ICMP"}


def series(samples: Samples, name: str) -> list[dict[str, str]]:
    return [dict(labels) for found, labels in samples if found == name]


def measured(alerting: Alerting, *, remote_ip: str | None = "203.0.113.10") -> CheckState:
    state = seen(of=replace(check(), alerting=alerting, gateway="198.51.100.2"))
    take(state, at(0, remote_ip=remote_ip))
    assessed(state, at=10)
    return state


def test_alerts_are_routed_by_the_labels_of_the_check() -> None:
    samples = scraped(measured(Alerting(severity="Warning", labels={"team": "wan", "site": "Köln 1"})))
    (labels,) = series(samples, "ipsecping_alerting_info")
    own = {"remote_ip": "203.0.113.10", "gateway": "198.51.100.2", "severity": "warning"}
    assert labels == {**PATH, **own, "team": "wan", "site": "Köln 1"}


def test_a_label_of_the_check_never_takes_the_place_of_one_of_ours() -> None:
    samples = scraped(measured(Alerting(labels={"namespace": "other", "severity": "x", "remote_ip": "x"})))
    (labels,) = series(samples, "ipsecping_alerting_info")
    assert (labels["namespace"], labels["severity"]) == ("network", "critical")
    assert labels["remote_ip"] == "203.0.113.10"


def test_a_check_without_alerts_has_none_to_route_and_is_exported_as_ever() -> None:
    samples = scraped(measured(Alerting(enabled=False)))
    assert series(samples, "ipsecping_alerting_info") == []
    assert value(samples, "ipsecping_loss_ratio", **PROBE) == 0


def test_a_target_that_was_never_resolved_is_routed_without_an_address() -> None:
    state = seen(of=check(plan(target="db.dc1")))
    assessed(state, at=1)
    samples = scraped(state)
    (labels,) = series(samples, "ipsecping_alerting_info")
    assert (labels["remote_ip"], labels["gateway"]) == ("", "")
    (finding,) = series(samples, "ipsecping_probe_finding")
    named = {**PROBE, "target": "db.dc1"}
    assert finding == {**named, "expect": "Reachable", "status": "Unknown", "reason": "NoResults"}


def test_a_restarted_operator_routes_by_the_address_that_it_knows_before_there_is_a_result() -> None:
    """Another label would end the alert that fires, and begin it anew."""
    of = check(plan(target="db.dc1"))
    before = seen(of=of)
    take(before, result(of=of.paths[0].plan, remote_ip="203.0.113.7"))
    status = dict(assessed(before, at=10).status)
    for state, address in ((seen(status=status, of=of), "203.0.113.7"), (seen(), "203.0.113.10")):
        assessed(state, at=20)
        (labels,) = series(scraped(state), "ipsecping_alerting_info")
        assert labels["remote_ip"] == address


def test_nodes_that_were_given_other_addresses_of_a_name_do_not_change_the_label_in_turn() -> None:
    """An alert whose labels change with each result never lasts for long enough to fire."""
    of = check(plan(target="db.dc1"), every_node=True)
    state = seen(of=of)
    routed = set()
    for number in range(6):
        node = f"node-{number % 2}"
        lost = result(
            of=of.paths[0].plan,
            at=NOON + number * 30 * SECOND,
            remote_ip=f"203.0.113.{number % 2 + 1}",
            received=0,
        )
        end = lost.started_at + lost.duration
        assert state.measured.accept(lost, start=lost.started_at, now=end, node=node) is None
        assessed(state, at=number * 30 + 5)
        (labels,) = series(scraped(state), "ipsecping_alerting_info")
        routed.add(labels["remote_ip"])
    assert routed == {"203.0.113.1", "2 addresses"}


def test_findings_and_reasons_say_what_the_status_says() -> None:
    state = seen()
    take(state, *(at(30 * n, received=0) for n in range(4)))
    assessed(state, at=100)
    samples = scraped(state)
    down = {"status": "False", "reason": "Down"}
    assert series(samples, "ipsecping_probe_finding") == [{**PROBE, "expect": "Reachable", **down}]
    healthy = [each for each in series(samples, "ipsecping_check_reason") if each["type"] == "Healthy"]
    assert healthy == [{**CHECK, "type": "Healthy", **down}]
    take(state, *(at(30 * n) for n in range(14, 20)))
    assessed(state, at=600)
    (finding,) = series(scraped(state), "ipsecping_probe_finding")
    assert (finding["status"], finding["reason"]) == ("True", "WithinThresholds")


def test_a_probe_is_silent_that_is_not_down_only_by_a_limit_of_its_own() -> None:
    for own, rounds, silent in ((9, 2, False), (9, 9, False), (3, 3, False), (9, 3, True)):
        state = seen(of=check(own={"ping": {"down_after": own}}))
        take(state, *(at(30 * n, received=0) for n in range(rounds)))
        assessed(state, at=30 * rounds)
        assert series(scraped(state), "ipsecping_probe_silent") == ([PROBE] if silent else [])
    take(state, at(30 * rounds))
    assessed(state, at=30 * rounds + 5)
    assert series(scraped(state), "ipsecping_probe_silent") == []


def test_percentiles_are_those_that_the_limits_are_held_against() -> None:
    state = seen()
    take(state, at(0, rtt_ms=[10] * 8 + [50, 90]))
    assessed(state, at=10)
    samples = scraped(state)
    found = {
        name: value(samples, "ipsecping_rtt_percentile_seconds", **PROBE, percentile=name)
        for name in ("p50", "p90", "p99")
    }
    for name, expected in {"p50": 0.01, "p90": 0.05, "p99": 0.09}.items():
        assert abs(found[name] / expected - 1) < 0.005


def test_a_check_that_is_down_has_no_percentiles() -> None:
    state = seen()
    take(state, *(at(30 * n, received=0) for n in range(4)))
    assessed(state, at=100)
    assert series(scraped(state), "ipsecping_rtt_percentile_seconds") == []


def test_how_long_a_certificate_has_to_last_is_exported_of_the_probes_that_ask_for_it() -> None:
    web, ping = probe("web", type=ProbeType.TCP, port=443, size=0), probe("ping")
    both = plan(web, ping)
    state = seen(of=check(both, certificate_days={"web": 14}))
    take(state, result(of=both, probe_name="web", certificate_expiry=NOON // SECOND + 3600), result(of=both))
    assessed(state, at=5)
    samples = scraped(state)
    required = {"ipsecping_certificate_required_seconds": 14 * DAY / SECOND}
    assert {
        name: found
        for (name, _), found in samples.items()
        if name == "ipsecping_certificate_required_seconds"
    } == required
    (labels,) = series(samples, "ipsecping_certificate_required_seconds")
    assert labels["probe"] == "web"

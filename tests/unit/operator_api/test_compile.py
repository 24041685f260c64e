"""Compiling: defaults are filled in, and what the schema cannot know is refused by its field."""

from decimal import Decimal
from typing import Any

import pytest

from ipsecping.contract import METHODS, PlannedProbe, ProbeType
from ipsecping.wire import echo, stamp
from ipsecping_operator.compile import CompiledCheck, Cron, Interval, InvalidSpec, compile_check
from ipsecping_operator.compile.compiled import Alerting
from ipsecping_operator.compile.effective import effective_spec

METADATA = {"uid": "7d6e", "namespace": "network", "name": "hq-dc1", "generation": 3}


def compiled(**spec: Any) -> CompiledCheck:
    return compile_check({"metadata": METADATA, "spec": {"target": "203.0.113.10"} | spec})


def refusal(**spec: Any) -> InvalidSpec:
    with pytest.raises(InvalidSpec) as caught:
        compiled(**spec)
    return caught.value


def test_the_smallest_check_pings_every_30_seconds() -> None:
    check = compiled()
    assert check.schedule == Interval(interval_ms=30_000)
    assert not check.suspend
    (path,) = check.paths
    assert (path.plan.path, path.plan.target, path.plan.interval_ms) == ("default", "203.0.113.10", 30_000)
    assert path.plan.probes == (
        PlannedProbe(name="ping", type=ProbeType.ICMP, count=10, spacing_ms=500, timeout_ms=2000, size=56),
    )
    assert check.thresholds.window_ms == 300_000
    assert check.thresholds.loss_percent == Decimal(1)
    assert check.thresholds.down_after == 3
    assert not check.thresholds.rtt_ns


@pytest.mark.parametrize(
    ("schedule", "count", "spacing_ms"),
    [
        ({}, 10, 500),
        ({"interval": "5s"}, 10, 250),
        ({"interval": "1s"}, 10, 100),
        ({"interval": "1h"}, 1000, 500),
        ({"interval": "1m"}, 200, 150),
        ({"cron": "* * * * *"}, 100, 150),
    ],
)
def test_icmp_is_as_slow_as_fits_into_half_the_interval_up_to_two_packets_a_second(
    schedule: dict[str, str], count: int, spacing_ms: int
) -> None:
    probes = [
        {"name": "a", "count": count, "icmp": {}},
        {"name": "b", "count": count, "udpEcho": {"port": 7}},
    ]
    (path,) = compiled(schedule=schedule or None, probes=probes).paths
    assert [probe.spacing_ms for probe in path.plan.probes] == [spacing_ms, 100]


def test_the_plan_names_the_check_it_is_for() -> None:
    plan = compiled().paths[0].plan
    assert (plan.uid, plan.namespace, plan.name, plan.generation) == ("7d6e", "network", "hq-dc1", 3)


def test_the_tunnel_is_named_as_the_check_unless_it_has_a_name() -> None:
    assert compiled().tunnel_name == "hq-dc1"
    assert compiled(tunnel={}).tunnel_name == "hq-dc1"
    assert compiled(tunnel={"name": "backup"}).paths[0].plan.tunnel_name == "backup"


def test_ports_and_sizes_default_by_type() -> None:
    probes = [{"name": "s", "stamp": {}}, {"name": "e", "udpEcho": {"port": 7}}, {"name": "i", "icmp": {}}]
    planned = compiled(probes=probes).paths[0].plan.probes
    assert [(p.type, p.port, p.size) for p in planned] == [
        (ProbeType.STAMP, 862, 44),
        (ProbeType.UDP_ECHO, 7, 56),
        (ProbeType.ICMP, None, 56),
    ]


def test_defaults_fit_into_the_shortest_interval() -> None:
    assert compiled(schedule={"interval": "1s"}).paths[0].plan.probes[0].count == 10


@pytest.mark.parametrize(("written", "limit"), [(0, "0"), (1, "1"), ("2.5", "2.5"), ("100", "100")])
def test_a_loss_limit_is_kept_exactly(written: int | str, limit: str) -> None:
    assert compiled(thresholds={"lossPercent": written}).thresholds.loss_percent == Decimal(limit)


def test_latency_limits_keep_fractions_of_a_millisecond() -> None:
    check = compiled(thresholds={"rtt": {"p50": "0.25ms", "p99": "1s"}})
    assert dict(check.thresholds.rtt_ns) == {"p50": 250_000, "p99": 10**9}


def test_placement_takes_the_form_of_the_pod_spec() -> None:
    placement = {
        "nodeSelector": {"role": "edge"},
        "tolerations": [
            {"key": "edge", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}
        ],
    }
    made = compiled(placement=placement).paths[0].placement
    assert dict(made.node_selector) == placement["nodeSelector"]
    assert [dict(toleration) for toleration in made.tolerations] == placement["tolerations"]


def test_a_cron_check_has_no_interval() -> None:
    check = compiled(schedule={"cron": "*/5 * * * *", "timeZone": "Europe/Berlin"})
    assert check.schedule == Cron(line="*/5 * * * *", time_zone="Europe/Berlin")
    assert check.paths[0].plan.interval_ms is None


def test_a_macro_becomes_the_line_it_stands_for() -> None:
    assert compiled(schedule={"cron": "@Hourly"}).schedule == Cron(line="0 * * * *", time_zone=None)


@pytest.mark.parametrize("line", ["0 0 30 2 *", "0 0 31 4,6,9,11 *"])
def test_a_line_that_never_fires_is_refused(line: str) -> None:
    error = refusal(schedule={"cron": line})
    assert error.field == "spec.schedule.cron"
    assert "no month has such a day" in error.message


def test_a_range_that_runs_backwards_is_refused() -> None:
    assert (
        str(refusal(schedule={"cron": "0 10-5 * * *"}))
        == "spec.schedule.cron: the range '10-5' runs backwards"
    )


@pytest.mark.parametrize(
    "zone", ["Europe/Berln", "Europe", "Local", "localtime", "posix/Europe/Berlin", "zone.tab"]
)
def test_a_time_zone_that_does_not_exist_is_refused(zone: str) -> None:
    error = refusal(schedule={"cron": "0 0 * * *", "timeZone": zone})
    assert error.field == "spec.schedule.timeZone"


def test_a_round_that_lasts_longer_than_the_line_leaves_is_refused() -> None:
    error = refusal(
        schedule={"cron": "* * * * *"}, probes=[{"name": "a", "count": 60, "spacing": "1s", "icmp": {}}]
    )
    assert error.field == "spec.probes"
    assert "takes up to 61s" in error.message
    assert "fires 60s apart" in error.message


def test_what_the_prober_would_not_read_is_said_to_be_invalid() -> None:
    error = refusal(probes=[{"name": "a", "icmp": {}}, {"name": "app", "http": {"url": "http://[12]/"}}])
    assert error.field == "spec.probes[1].http.url"
    assert "does not appear to be an IPv4 or IPv6 address" in error.message


def test_an_invalid_spec_names_the_first_field_and_the_others() -> None:
    error = refusal(target="10.0.0.300", schedule={"interval": "0s"})
    assert error.field == "spec.target"
    assert error.message.endswith("(and 1 more: spec.schedule.interval)")


def test_an_old_or_foreign_status_does_not_matter() -> None:
    compile_check({"metadata": METADATA, "spec": {"target": "a"}, "status": {"nonsense": 1}})


def test_an_edit_of_thresholds_keeps_the_plan_and_its_results() -> None:
    before, after = compiled(), compiled(thresholds={"lossPercent": 5})
    assert before.paths[0].plan.nonce == after.paths[0].plan.nonce
    assert before.paths[0].plan.nonce != compiled(target="203.0.113.11").paths[0].plan.nonce


def test_the_least_size_is_what_the_prober_needs() -> None:
    assert {kind: method.least_size for kind, method in METHODS.items() if method.sized} == {
        ProbeType.ICMP: echo.BASE_SIZE,
        ProbeType.UDP_ECHO: echo.BASE_SIZE,
        ProbeType.STAMP: stamp.BASE_SIZE,
    }


def test_alerts_are_wanted_unless_said_otherwise_and_what_is_said_is_effective() -> None:
    usual = compiled()
    assert usual.alerting == Alerting(enabled=True, severity="Critical", labels={})
    assert effective_spec(usual)["alerting"] == {"enabled": True, "severity": "Critical"}
    said = {"enabled": False, "severity": "Info", "labels": {"team": "wan"}}
    check = compiled(alerting=said)
    assert check.alerting == Alerting(enabled=False, severity="Info", labels={"team": "wan"})
    assert effective_spec(check)["alerting"] == said
    assert compiled(**effective_spec(check)) == check


@pytest.mark.parametrize("name", ["srv_01.corp.example", "files_1.ad_hq.example.", "my_host"])
def test_hosts_may_be_called_as_windows_domains_call_them(name: str) -> None:
    plain = name.rstrip(".")
    probes = [
        {"name": "a", "tcp": {"port": 443, "tls": {"serverName": plain}}},
        {"name": "b", "http": {"url": f"https://{plain}/"}},
        {"name": "c", "ike": {}},
    ]
    check = compiled(target=name, tunnel={"gateway": name}, probes=probes)
    assert check.paths[0].plan.target == name

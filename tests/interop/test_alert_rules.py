"""manifests/monitoring/rules.yaml, held by promtool against what is scraped: what fires, and when."""

import subprocess
from pathlib import Path

import pytest
import yaml

from ipsecping_operator.api.conditions import HealthyReason

from .alert_scenarios import (
    CHECK,
    DOWN,
    FINE,
    FROM,
    LONG,
    PATH,
    PROBE,
    RULES,
    Scenario,
    fires,
    minutes,
    steady,
    watched,
)

BY_REASON = {
    "UnexpectedlyReachable": "TrafficLeak",
    "SourceMismatch": "TrafficLeak",
    "LossHigh": "LossHigh",
    "FlowLoss": "FlowLoss",
    "LossBurst": "LossBurst",
    "LatencyHigh": "LatencyHigh",
    "JitterHigh": "JitterHigh",
    "PathMTULow": "PathMTULow",
    "HopsMismatch": "PacketsAltered",
    "DSCPMismatch": "PacketsAltered",
    "ProbeFailed": "ProbeFailed",
    "AuditFailed": "AuditFailed",
    "NoResults": "Stale",
    "StaleResults": "Stale",
    "MeasurementInvalid": "MeasurementInvalid",
    "TargetUnresolved": "TargetUnresolved",
    "SourceUnknown": "VerifyUnknown",
    "DSCPUnknown": "VerifyUnknown",
    "HopsUnknown": "VerifyUnknown",
    "Down": "TunnelDown",
}
SILENT = {"WithinThresholds", "Suspended", "InternalError"}
"""All is well, nobody measures, and a fault of the operator, which has an alert of its own."""


def test_promtool_finds_nothing_wrong_with_the_rules(promtool: str) -> None:
    done = subprocess.run([promtool, "check", "rules", str(RULES)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_reason_has_an_alert_or_is_known_to_have_none() -> None:
    assert {*BY_REASON, *SILENT} == {reason.value for reason in HealthyReason}


def test_each_reason_fires_its_alert_and_nothing_else(promtool: str, tmp_path: Path) -> None:
    scenario = Scenario().operator(LONG)
    for reason in HealthyReason:
        check = reason.value.lower()
        said = (minutes(2), FINE), (minutes(17), f"{reason.status.value}/{reason.value}"), (minutes(5), FINE)
        scenario.routed(LONG, check=check).found(*said, check=check)
    fired = [f"{alert} of {reason.lower()}" for reason, alert in BY_REASON.items()]
    fires(promtool, scenario, {1.5: [], 18.5: fired, 20: []}, tmp_path)


def test_an_outage_fires_down_and_nothing_else_though_its_losses_stay_in_the_window(
    promtool: str, tmp_path: Path
) -> None:
    scenario = watched()
    high = "False/LossHigh"
    scenario.found(
        (minutes(10), FINE),
        (minutes(1.5), high),
        (minutes(10), DOWN),
        (minutes(5.5), high),
        (minutes(20), FINE),
    )
    for name in ("packets_sent_total", "packets_received_total"):
        lost = name == "packets_received_total"
        values = f"0+10x{minutes(10)} {f'{10 * minutes(10)}+0x{minutes(11.5)} ' if lost else ''}" + (
            f"{10 * minutes(10)}+10x{minutes(30)}" if lost else f"{10 * minutes(10)}+10x{minutes(41.5)}"
        )
        scenario.add(f"ipsecping_{name}", values, {**PROBE, **FROM})
    expected = {**PATH, "remote_ip": "10.50.1.10", "severity": "critical", "alertname": "IPsecPingTunnelDown"}
    labels = ", ".join(f'{key}="{value}"' for key, value in {**expected, "alertstate": "firing"}.items())
    firing = {"expr": "ALERTS", "eval_time": "15m"}
    firing["exp_samples"] = [{"labels": f"ALERTS{{{labels}}}", "value": 1}]  # type: ignore[assignment]
    fires(
        promtool,
        scenario,
        {11: [], 13: ["TunnelDown"], 21: ["TunnelDown"], 22: [], 26.5: [], 30: [], 40: []},
        tmp_path,
        expressions=[firing],
    )


@pytest.mark.parametrize("begins", ["LossHigh", "FlowLoss", "LossBurst"])
def test_what_an_outage_begins_with_is_no_fault_of_its_own(
    promtool: str, tmp_path: Path, begins: str
) -> None:
    """Of a round every five minutes the third is Down; loss is told once packets are answered again."""
    scenario = watched().found(
        (minutes(5), FINE), (minutes(10), f"False/{begins}"), (minutes(20), DOWN), (minutes(5), FINE)
    )
    received = "ipsecping_packets_received_total"
    scenario.add(received, f"0+1x{minutes(5) - 1} {steady(minutes(5) - 1, minutes(40))}", {**PROBE, **FROM})
    scenario.routed(LONG, check="lossy")
    scenario.found((minutes(5), FINE), (minutes(40), f"False/{begins}"), check="lossy")
    # A round is lost as a whole, then half of each, then another as a whole.
    some = f"{steady(0, minutes(10))} {steady(5, minutes(5))} {steady(10, minutes(10))} {steady(15, 40)}"
    scenario.add(received, some, {**PROBE, "check": "lossy", **FROM})
    lossy, down = f"{begins} of lossy", "TunnelDown of hq"
    fires(promtool, scenario, {9: [], 15: [lossy], 17: [down, lossy], 24: [down, lossy]}, tmp_path)


@pytest.mark.parametrize("scrape", [30, 120])
@pytest.mark.parametrize("answered", [8, 0], ids=["some are lost", "all are lost"])
def test_loss_of_a_check_that_measures_each_hour_does_not_wait_for_the_next_round(
    promtool: str, tmp_path: Path, answered: int, scrape: int
) -> None:
    ticks = 60 * 60 // scrape
    scenario = Scenario(interval=scrape).operator(ticks).routed(ticks)
    scenario.found((ticks // 6, FINE), (ticks // 2, "False/LossHigh"))
    received = f"{steady(10, ticks // 6)} {steady(10 + answered, ticks)}"
    scenario.add("ipsecping_packets_received_total", received, {**PROBE, **FROM})
    fires(promtool, scenario, {24: [], 36: ["LossHigh"]}, tmp_path)


def test_loss_that_outlives_the_outage_is_told(promtool: str, tmp_path: Path) -> None:
    scenario = watched().found((minutes(10), FINE), (minutes(5), DOWN), (minutes(30), "False/LossHigh"))
    fires(promtool, scenario, {14: ["TunnelDown"], 20: [], 30: ["LossHigh"]}, tmp_path)


def test_one_path_of_two(promtool: str, tmp_path: Path) -> None:
    scenario = watched("a", "b").found((LONG, FINE), path="a")
    scenario.found((minutes(5), FINE), (minutes(20), DOWN), (minutes(20), FINE), path="b")
    fires(promtool, scenario, {20: ["PathDown"], 30: []}, tmp_path)


def test_both_paths(promtool: str, tmp_path: Path) -> None:
    scenario = watched("a", "b").found((minutes(5), FINE), (minutes(20), DOWN), path="a")
    scenario.found((minutes(5), FINE), (minutes(20), DOWN), path="b")
    fires(promtool, scenario, {20: ["TunnelDown", "TunnelDown"]}, tmp_path)


def test_one_probe_of_two_is_no_dead_tunnel(promtool: str, tmp_path: Path) -> None:
    scenario = watched().found((LONG, FINE)).found((minutes(30), DOWN), probe="echo", kind="UDPEcho")
    fires(promtool, scenario, {20: ["ProbeDown"]}, tmp_path)


def test_a_probe_with_more_patience_than_the_others_holds_up_no_alert(promtool: str, tmp_path: Path) -> None:
    scenario = watched().found((minutes(5), FINE), (minutes(40), DOWN))
    lossy = (minutes(10), FINE), (minutes(20), "False/LossHigh"), (minutes(15), DOWN)
    scenario.found(*lossy, probe="app", kind="HTTP")
    silent = f"{'_ ' * minutes(10)}{steady(1, minutes(20))} stale"
    scenario.add("ipsecping_probe_silent", silent, {**PROBE, "probe": "app", "type": "HTTP", **FROM})
    alone = (minutes(10), FINE), (minutes(35), "False/LossHigh")
    scenario.routed(LONG, check="alone").found(*alone, check="alone")
    other = {**PROBE, "check": "alone", **FROM}
    scenario.add("ipsecping_probe_silent", steady(1, minutes(45)), other)
    down, lossy_alone = "TunnelDown of hq", "LossHigh of alone"
    fires(promtool, scenario, {8: [], 14: [down], 25: [down, lossy_alone], 40: [down, lossy_alone]}, tmp_path)


def test_the_loss_that_an_outage_has_left_of_a_probe_with_more_patience_is_no_second_fault(
    promtool: str, tmp_path: Path
) -> None:
    scenario = watched().found((minutes(10), DOWN), (minutes(40), FINE))
    scenario.found((minutes(15), "False/LossHigh"), (minutes(35), FINE), probe="app", kind="HTTP")
    silent = {**PROBE, "probe": "app", "type": "HTTP", **FROM}
    scenario.add("ipsecping_probe_silent", f"{steady(1, minutes(10))} stale", silent)
    fires(promtool, scenario, {9: ["TunnelDown"], 12: [], 15: [], 20: []}, tmp_path)


def test_an_ike_daemon_that_answers_is_no_living_tunnel(promtool: str, tmp_path: Path) -> None:
    scenario = watched().found((LONG, FINE), probe="ike", kind="IKE").found((LONG, DOWN))
    fires(promtool, scenario, {20: ["TunnelDown"]}, tmp_path)


@pytest.mark.parametrize(
    ("ike", "tunnels", "fired"),
    [
        ((DOWN,), (DOWN,), ["GatewayDown", "TunnelDown"]),
        ((), (DOWN, DOWN), ["GatewayDown", "TunnelDown", "TunnelDown"]),
        ((), (DOWN,), ["TunnelDown"]),
        ((DOWN,), (FINE,), ["ProbeDown"]),
        ((DOWN, DOWN), (FINE, DOWN), ["ProbeDown", "TunnelDown"]),
        ((DOWN, DOWN), (), ["GatewayDown", "ProbeDown", "ProbeDown"]),
    ],
    ids=[
        "daemon and tunnel",
        "two tunnels",
        "one tunnel",
        "a filter",
        "one of two tunnels",
        "only asked by ike",
    ],
)
def test_a_gateway_is_down_when_nothing_of_it_works(
    promtool: str, tmp_path: Path, ike: tuple[str, ...], tunnels: tuple[str, ...], fired: list[str]
) -> None:
    scenario = Scenario().operator(LONG)
    for number in range(max(len(ike), len(tunnels))):
        scenario.routed(LONG, check=f"hq{number}", gateway="198.51.100.7")
    for number, finding in enumerate(ike):
        scenario.found((LONG, finding), check=f"hq{number}", probe="ike", kind="IKE")
    for number, finding in enumerate(tunnels):
        scenario.found((LONG, finding), check=f"hq{number}")
    fires(promtool, scenario, {30: fired}, tmp_path)


@pytest.mark.parametrize(
    ("severity", "down", "slow"),
    [("critical", "critical", "warning"), ("warning", "warning", "warning"), ("info", "info", "info")],
)
def test_a_check_says_how_grave_its_alerts_are_and_where_they_go(
    promtool: str, tmp_path: Path, severity: str, down: str, slow: str
) -> None:
    scenario = Scenario().operator(LONG)
    for path in ("a", "b"):
        scenario.routed(LONG, path=path, severity=severity, team="wan")
        scenario.found((minutes(15), DOWN), (minutes(15), "False/LatencyHigh"), path=path)
    graveness = {
        "expr": 'count by (alertname, severity, team) (ALERTS{alertstate="firing"})',
        "eval_time": "10m",
        "exp_samples": [
            {"labels": f'{{alertname="IPsecPingTunnelDown", severity="{down}", team="wan"}}', "value": 2}
        ],
    }
    later = {
        **graveness,
        "eval_time": "25m",
        "exp_samples": [
            {"labels": f'{{alertname="IPsecPingLatencyHigh", severity="{slow}", team="wan"}}', "value": 2}
        ],
    }
    fires(promtool, scenario, {}, tmp_path, expressions=[graveness, later])


def test_no_alert_where_the_check_wants_none(promtool: str, tmp_path: Path) -> None:
    scenario = Scenario().operator(LONG).routed(minutes(10)).found((minutes(30), DOWN))
    fires(promtool, scenario, {9: ["TunnelDown"], 11: []}, tmp_path)


def test_a_certificate_that_ends_too_soon_is_not_told_as_a_failed_probe_as_well(
    promtool: str, tmp_path: Path
) -> None:
    day = 86_400
    scenario = watched().found((minutes(10), FINE), (minutes(20), "False/ProbeFailed"))
    scenario.add(
        "ipsecping_certificate_expiry_timestamp_seconds", steady(14 * day + 600, LONG), {**PROBE, **FROM}
    )
    scenario.add("ipsecping_certificate_required_seconds", steady(14 * day, LONG), {**PROBE, **FROM})
    fires(promtool, scenario, {9: [], 20: ["CertificateExpiring"]}, tmp_path)


def test_a_tunnel_that_comes_and_goes_is_flapping(promtool: str, tmp_path: Path) -> None:
    scenario = watched().found((LONG, FINE))
    often = " ".join(f"{count}x9" for count in range(5))
    scenario.add("ipsecping_outages_total", f"{steady(0, 20)} {often} 4x{LONG}", {**CHECK, **FROM})
    fires(promtool, scenario, {24: [], 35: ["Flapping"]}, tmp_path)


def test_outages_that_follow_on_each_other_are_flapping_though_they_are_one_to_the_operator(
    promtool: str, tmp_path: Path
) -> None:
    lasts = minutes(3)
    scenario = watched().found((minutes(10), FINE), *[(lasts, DOWN), (lasts, "False/LossHigh")] * 6)
    fires(promtool, scenario, {12: ["TunnelDown"], 14.5: [], 33: ["Flapping"]}, tmp_path)


def test_a_check_that_is_not_set_up(promtool: str, tmp_path: Path) -> None:
    scenario = watched().found((LONG, FINE))
    labels = {**CHECK, "type": "Ready", "status": "False", "reason": "KeyMissing", **FROM}
    scenario.add("ipsecping_check_reason", f"{'_ ' * 20}{steady(1, 40)} stale", labels)
    fires(promtool, scenario, {15: [], 25: ["CheckNotReady"], 40: []}, tmp_path)


def test_what_gets_worse_within_its_limits_is_degradation_and_nothing_else(
    promtool: str, tmp_path: Path
) -> None:
    """A third slower, slowly; lossy for the first time; and slower without days to compare with."""
    day, hour = 288, 12
    ticks, young = int(3.6 * day), 2 * day
    scenario = Scenario(interval=300).operator(ticks)
    for check in ("slow", "lossy"):
        scenario.routed(ticks, check=check).found((ticks, FINE), check=check)
    scenario.routed(ticks - young, check="young", before=young)
    scenario.found((ticks - young, FINE), check="young", before=young)
    slow, lossy, new = ({**PROBE, "check": check, **FROM} for check in ("slow", "lossy", "young"))
    rise = 6 * hour
    slope = f"0.02x{ticks - 2 * rise} 0.02+{0.006 / rise}x{rise} {steady(0.026, rise)}"
    scenario.add("ipsecping_rtt_percentile_seconds", slope, {**slow, "percentile": "p50"})
    step = "_ " * young + f"{steady(0.02, ticks - young - rise)} {steady(0.03, rise)}"
    scenario.add("ipsecping_rtt_percentile_seconds", step, {**new, "percentile": "p50"})
    scenario.add("ipsecping_packets_sent_total", f"0+1000x{ticks}", lossy)
    before = 1000 * (ticks - rise)
    received = f"0+1000x{ticks - rise} {before}+995x{rise}"
    scenario.add("ipsecping_packets_received_total", received, lossy)
    end = 3.6 * 24 * 60 - 10
    fires(
        promtool,
        scenario,
        {3 * 24 * 60: [], end: ["LatencyDegraded of slow", "LossDegraded of lossy"]},
        tmp_path,
    )


def test_each_sample_of_the_last_hour_counts_once_while_an_operator_takes_over(
    promtool: str, tmp_path: Path
) -> None:
    """Fifty minutes of 20 ms and ten of 26 ms are 21 ms, and not 23."""
    other = {**FROM, "instance": "10.0.0.2:9090", "pod": "operator-b"}
    scenario = Scenario().operator(LONG)
    name, p50 = "ipsecping_rtt_percentile_seconds", {**PROBE, "percentile": "p50"}
    scenario.add(name, f"{steady(0.02, minutes(50))} stale", {**p50, **FROM})
    scenario.add(name, "_ " * minutes(50) + steady(0.026, minutes(10)), {**p50, **other})
    of = {key: PROBE[key] for key in ("namespace", "check", "path", "probe", "type", "target")}
    written = ", ".join(f'{key}="{value}"' for key, value in of.items())
    mean = {"expr": "round(ipsecping:rtt_p50_seconds:avg1h, 0.0001)", "eval_time": "59m30s"}
    mean["exp_samples"] = [{"labels": f"{{{written}}}", "value": 0.021}]  # type: ignore[assignment]
    fires(promtool, scenario, {}, tmp_path, expressions=[mean])


def test_an_alert_says_what_was_measured_and_the_limit_of_the_check(promtool: str, tmp_path: Path) -> None:
    scenario = watched().found((minutes(30), "False/LossHigh"))
    scenario.add("ipsecping_loss_ratio", steady(0.034, LONG), {**PROBE, **FROM})
    scenario.add("ipsecping_threshold", steady(0.01, LONG), {**CHECK, "kind": "loss_ratio", **FROM})
    cause = {"cause": "UnderlayLoss", "direction": "Forward", "confidence": "OneOf"}
    scenario.add("ipsecping_diagnosis_info", steady(1, LONG), {**CHECK, **cause, **FROM})
    fires(
        promtool,
        scenario,
        {},
        tmp_path,
        alert_rule_test=[
            {
                "alertname": "IPsecPingLossHigh",
                "eval_time": "20m",
                "exp_alerts": [
                    {
                        "exp_labels": {**PATH, "remote_ip": "10.50.1.10", "severity": "warning"},
                        "exp_annotations": {
                            "summary": "hq-dc1: loss above the limit on hq/default to db.dc1 (10.50.1.10)",
                            "description": "Loss over the window: ping 3.4%, limit 1%. "
                            "Probes: ping (LossHigh). Diagnosis: UnderlayLoss (direction Forward, OneOf); "
                            "next step: kubectl -n network describe itc hq.",
                            "runbook_url": "docs/runbooks/IPsecPingLossHigh.md",
                        },
                    }
                ],
            }
        ],
    )


def test_an_alert_says_the_limit_of_a_probe_that_has_its_own(promtool: str, tmp_path: Path) -> None:
    scenario = watched().found((minutes(30), "False/LatencyHigh"), probe="app", kind="HTTP")
    for probe, kind, seconds in (("ping", "ICMP", 0.012), ("app", "HTTP", 0.2)):
        of = {**PROBE, "probe": probe, "type": kind, "percentile": "p50", **FROM}
        scenario.add("ipsecping_rtt_percentile_seconds", steady(seconds, LONG), of)
    limit = {**CHECK, "kind": "rtt_p50_seconds", **FROM}
    scenario.add("ipsecping_threshold", steady(0.04, LONG), limit)
    for probe, kind, seconds in (("app", "rtt_p50_seconds", 0.18), ("app", "rtt_p99_seconds", 0.6)):
        own = {**CHECK, "probe": probe, "kind": kind, **FROM}
        scenario.add("ipsecping_probe_threshold", steady(seconds, LONG), own)
    other = {**CHECK, "check": "other", "probe": "app", "kind": "rtt_p50_seconds", **FROM}
    scenario.add("ipsecping_probe_threshold", steady(9, LONG), other)
    annotations = {
        "summary": "hq-dc1: round-trip time above the limit on hq/default to db.dc1 (10.50.1.10)",
        "description": "Over the window, p50: app 200ms ping 12ms, limit 40ms, limit of app 180ms; p90:; "
        "p99:, limit of app 600ms. Probes: app (LatencyHigh).",
        "runbook_url": "docs/runbooks/IPsecPingLatencyHigh.md",
    }
    labels = {**PATH, "remote_ip": "10.50.1.10", "severity": "warning"}
    alert = {"exp_labels": labels, "exp_annotations": annotations}
    asked = {"alertname": "IPsecPingLatencyHigh", "eval_time": "20m", "exp_alerts": [alert]}
    fires(promtool, scenario, {}, tmp_path, alert_rule_test=[asked])


def test_each_alert_of_the_file_is_held_by_a_test_here() -> None:
    alerts = {
        rule["alert"].removeprefix("IPsecPing")
        for group in yaml.safe_load(RULES.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    text = "".join(file.read_text() for file in Path(__file__).parent.glob("test_alert_rules*.py"))
    assert [name for name in sorted(alerts) if f'"{name}' not in text] == []

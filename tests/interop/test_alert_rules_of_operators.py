"""Operators that are replaced, stand beside others or fail: rules.yaml, held by promtool."""

from pathlib import Path

import pytest

from .alert_scenarios import (
    DOWN,
    FINE,
    FROM,
    LONG,
    PATH,
    PROBE,
    Scenario,
    fires,
    minutes,
    steady,
    watched,
)


def test_an_operator_that_takes_over_as_an_outage_begins_makes_no_loss_of_it_and_ends_none(
    promtool: str, tmp_path: Path
) -> None:
    """It counts anew: fewer packets than before are no answer, and what was answered before was."""
    received, high, half = "ipsecping_packets_received_total", "False/LossHigh", minutes(7)
    scenario = watched().found((minutes(5), FINE), (minutes(10), high), (minutes(20), DOWN))
    counted = {
        "hq": (steady(500, half), steady(0, LONG)),
        "lossy": (steady(500, half), f"{steady(0, minutes(2))} {steady(5, LONG)}"),
        "long": (f"{steady(490, minutes(1))} {steady(500, minutes(6))}", steady(0, LONG)),
    }
    for check, (before, after) in counted.items():
        labels = {**PROBE, "check": check, **FROM}
        scenario.add(received, f"{before} stale", labels)
        scenario.add(received, f"{'_ ' * (half + 2)}{after}", {**labels, "pod": "operator-b"})
    for check, fine in (("lossy", 5), ("long", 0)):
        scenario.routed(LONG, check=check)
        scenario.found(*([(minutes(fine), FINE)] if fine else []), (minutes(30), high), check=check)
    long, lossy, down = "LossHigh of long", "LossHigh of lossy", "TunnelDown of hq"
    fires(
        promtool,
        scenario,
        {6.5: [long], 7.5: [long], 9: [long], 13: [long], 15.5: [long, lossy], 17: [long, lossy, down]},
        tmp_path,
    )


def test_what_an_operator_that_takes_over_reads_again_is_no_answer(promtool: str, tmp_path: Path) -> None:
    """It counts the rounds that agents hold anew, while it is scraped."""
    half, other = minutes(7), {**FROM, "instance": "10.0.0.2:9090", "pod": "operator-b"}
    scenario = Scenario().operator(half)
    scenario.add("ipsecping_operator_leader", f"{'_ ' * half}{steady(1, LONG)}", other)
    found = {
        "hq": ((minutes(5), FINE), (minutes(12), "False/LossHigh"), (minutes(20), DOWN)),
        "lossy": ((minutes(5), FINE), (LONG, "False/LossHigh")),
    }
    later = {"hq": steady(400, LONG), "lossy": f"{steady(400, minutes(3))} {steady(405, LONG)}"}
    for check, said in found.items():
        labels = {**PROBE, "check": check}
        scenario.routed(LONG, check=check).found(*said, check=check)
        scenario.add("ipsecping_packets_received_total", f"{steady(5000, half)} stale", {**labels, **FROM})
        scenario.add(
            "ipsecping_packets_received_total", f"{'_ ' * half}100 {later[check]}", {**labels, **other}
        )
    lossy, down = "LossHigh of lossy", "TunnelDown of hq"
    fires(promtool, scenario, {15: [], 17: [lossy], 18.5: [lossy, down]}, tmp_path)


def test_an_operator_that_is_replaced_ends_no_alert_and_begins_none(promtool: str, tmp_path: Path) -> None:
    other = {**FROM, "instance": "10.0.0.2:9090", "pod": "operator-b"}
    back = minutes(13)
    scenario = Scenario().operator(minutes(10)).routed(minutes(10)).found((minutes(10), DOWN))
    scenario.add("ipsecping_operator_leader", "_ " * back + steady(1, LONG), other)
    scenario.routed(LONG, before=back, scrape=other).found((LONG, DOWN), before=back, scrape=other)
    since = {"expr": 'ALERTS_FOR_STATE{alertname="IPsecPingTunnelDown"} == bool 0', "eval_time": "30m"}
    labels = {**PATH, "remote_ip": "10.50.1.10", "severity": "critical", "alertname": "IPsecPingTunnelDown"}
    written = ", ".join(f'{key}="{value}"' for key, value in labels.items())
    since["exp_samples"] = [{"labels": f"{{{written}}}", "value": 1}]  # type: ignore[assignment]
    down = ["TunnelDown"]
    fires(
        promtool,
        scenario,
        {9: down, 11: down, 12.5: down, 13.5: down, 30: down},
        tmp_path,
        expressions=[since],
    )


def test_an_operator_that_is_replaced_beside_one_of_other_namespaces_ends_no_alert(
    promtool: str, tmp_path: Path
) -> None:
    other = {"job": "elsewhere", "instance": "10.0.0.2:9090", "pod": "operator-b"}
    scenario = Scenario().operator(LONG).routed(LONG, check="lab").found((LONG, FINE), check="lab")
    scenario.operator(minutes(10), other)
    scenario.routed(minutes(10), scrape=other).found((minutes(10), DOWN), scrape=other)
    fires(promtool, scenario, {9: ["TunnelDown"], 11: ["TunnelDown"], 14: ["TunnelDown"], 16: []}, tmp_path)


def test_operators_of_two_releases_in_one_job_are_told_apart_by_their_leases(
    promtool: str, tmp_path: Path
) -> None:
    ours = {**FROM, "lease": "network/ipsecping-operator"}
    other = {"job": FROM["job"], "instance": "10.0.0.2:9090", "pod": "operator-b"}
    theirs = {**other, "lease": "shop/ipsecping-operator"}
    scenario = Scenario().operator(LONG, ours).routed(LONG, check="lab").found((LONG, FINE), check="lab")
    scenario.add("ipsecping_operator_leader", f"{steady(1, minutes(10))} {steady(0, LONG)}", theirs)
    scenario.routed(minutes(10), scrape=other).found((minutes(10), DOWN), scrape=other)
    # What was known of its tunnels goes on for a while, and then that it does not work.
    down = ["TunnelDown"]
    fires(promtool, scenario, {9: down, 11: down, 14: down, 16: ["OperatorDown"]}, tmp_path)


def test_a_check_without_alerts_has_none_at_once_beside_another_release(
    promtool: str, tmp_path: Path
) -> None:
    ours = {**FROM, "lease": "network/ipsecping-operator"}
    scenario = Scenario().operator(LONG, ours).routed(minutes(10)).found((minutes(30), DOWN))
    scenario.operator(LONG, {**FROM, "instance": "10.0.0.2:9090", "lease": "shop/ipsecping-operator"})
    fires(promtool, scenario, {9: ["TunnelDown"], 11: []}, tmp_path)


def test_an_operator_that_stays_away_is_what_is_told_in_the_end(promtool: str, tmp_path: Path) -> None:
    scenario = Scenario().operator(minutes(10)).routed(minutes(10)).found((minutes(10), DOWN))
    fires(promtool, scenario, {14: ["TunnelDown"], 16: ["OperatorDown"], 60: ["OperatorDown"]}, tmp_path)


def test_operators_of_which_none_leads(promtool: str, tmp_path: Path) -> None:
    scenario = Scenario().add("ipsecping_operator_leader", steady(0, LONG))
    fires(promtool, scenario, {4: [], 6: ["OperatorDown"]}, tmp_path)


@pytest.mark.parametrize(
    ("metric", "labels", "values", "fired"),
    [
        ("faults_total", {"where": "judge"}, f"{steady(0, 20)} 1x20", "OperatorFault"),
        ("faulty_checks", {}, f"{steady(0, 20)} 1x20", "OperatorFault"),
        ("overdue_checks", {}, f"{steady(0, 20)} 3x20", "OperatorBehind"),
        ("unwritten_checks", {}, f"{steady(0, 20)} 3x20", "OperatorBehind"),
        ("watch_unseen_objects", {"kind": "Pod"}, f"{steady(0, 20)} 3x20", "OperatorBehind"),
        ("agents_unreadable", {}, f"{steady(0, 20)} 2x30", "AgentsUnreadable"),
        ("results_total", {"outcome": "OffSchedule"}, f"{steady(0, 20)} 5x20", "ResultsRefused"),
    ],
)
def test_what_the_operator_tells_of_itself(
    promtool: str, tmp_path: Path, metric: str, labels: dict[str, str], values: str, fired: str
) -> None:
    scenario = Scenario().operator(LONG).add(f"ipsecping_operator_{metric}", values, {**labels, **FROM})
    at = 21 if fired == "AgentsUnreadable" else 16
    fires(promtool, scenario, {9: [], at: [fired]}, tmp_path)

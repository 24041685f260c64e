"""Windows of maintenance and manifests/monitoring/rules.yaml, held by promtool."""

from pathlib import Path

from ipsecping_operator.api.conditions import HealthyReason

from .alert_scenarios import CHECK, DOWN, FINE, FROM, LONG, Scenario, fires, minutes, steady, watched


def under_maintenance(scenario: Scenario, *said: tuple[int, int], check: str = "hq") -> Scenario:
    """Let windows be open (1) or not (0), one after the other: for how many scrapes."""
    values = " ".join(steady(value, ticks) for ticks, value in said)
    return scenario.add("ipsecping_check_maintenance", values, {**CHECK, "check": check, **FROM})


def test_no_alert_is_raised_about_a_check_while_a_window_of_it_is_open(promtool: str, tmp_path: Path) -> None:
    """What fires when it opens ends then; what is still wrong when it closes fires after its time."""
    scenario = watched()
    scenario.routed(LONG, check="branch", gateway="192.0.2.1")
    scenario.found((minutes(5), FINE), (minutes(40), DOWN), (minutes(10), FINE))
    scenario.found((minutes(5), FINE), (minutes(40), DOWN), (minutes(10), FINE), check="branch")
    under_maintenance(scenario, (minutes(10), 0), (minutes(20), 1), (minutes(30), 0))
    expected: dict[float, list[str]] = {
        9: ["TunnelDown of branch", "TunnelDown of hq"],
        12: ["TunnelDown of branch"],
        29: ["TunnelDown of branch"],
        32: ["TunnelDown of branch", "TunnelDown of hq"],
        46: [],
    }
    fires(promtool, scenario, expected, tmp_path)


def test_each_reason_is_silent_while_a_window_is_open(promtool: str, tmp_path: Path) -> None:
    scenario = Scenario().operator(LONG)
    for reason in HealthyReason:
        check = reason.value.lower()
        said = (minutes(2), FINE), (minutes(50), f"{reason.status.value}/{reason.value}")
        scenario.routed(LONG, check=check).found(*said, check=check)
        under_maintenance(scenario, (LONG, 1), check=check)
    fires(promtool, scenario, {20: [], 50: []}, tmp_path)


def test_a_tunnel_that_came_and_went_in_a_window_does_not_flap_afterwards(
    promtool: str, tmp_path: Path
) -> None:
    turns = [(minutes(1), each) for _ in range(6) for each in (DOWN, FINE)]
    scenario = watched()
    scenario.found((minutes(5), FINE), *turns, (minutes(40), FINE))
    under_maintenance(scenario, (minutes(4), 0), (minutes(15), 1), (minutes(40), 0))
    fires(promtool, scenario, {18: [], 20: [], 30: []}, tmp_path)


def test_a_window_is_known_while_another_operator_takes_over(promtool: str, tmp_path: Path) -> None:
    scenario = Scenario().operator(minutes(10))
    scenario.routed(minutes(10)).found((minutes(1), FINE), (minutes(9), DOWN))
    scenario.add("ipsecping_check_maintenance", f"{steady(1, minutes(10))} stale", {**CHECK, **FROM})
    scenario.add("up", steady(0, LONG), FROM)
    fires(promtool, scenario, {9: [], 11: [], 14: []}, tmp_path)

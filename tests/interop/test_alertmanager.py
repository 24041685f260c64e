"""manifests/monitoring/alertmanager, held by amtool and by a real one: what is routed, what is silenced."""

import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ipsecping_operator.notify import alert_kinds

from ..peers import debian, monitoring
from ..peers.services import awaited

EXAMPLES = Path(__file__).parents[2] / "manifests" / "monitoring" / "alertmanager"
SERVICES = ("email", "opsgenie", "pagerduty", "slack")
PATH = {"namespace": "network", "check": "hq", "path": "default", "gateway": "198.51.100.7"}
OTHER = {**PATH, "check": "branch"}
ELSEWHERE = {**OTHER, "gateway": "192.0.2.1"}


@pytest.fixture(scope="module")
def amtool() -> str:
    """Path of amtool."""
    return debian.installed("amtool", "prometheus-alertmanager")


def test_the_examples_are_for_what_the_article_of_the_trade_asks_for() -> None:
    assert sorted(each.stem for each in EXAMPLES.glob("*.yaml")) == sorted(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_amtool_finds_nothing_wrong_and_routes_our_alerts_to_it(amtool: str, service: str) -> None:
    file = str(EXAMPLES / f"{service}.yaml")
    checked = subprocess.run([amtool, "check-config", file], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for alert, receiver in (("IPsecPingTunnelDown", service), ("SomebodyElses", "nobody")):
        words = [amtool, "config", "routes", "test", f"--config.file={file}", f"alertname={alert}"]
        routed = subprocess.run(words, capture_output=True, text=True)
        assert routed.stdout.strip() == receiver, routed.stderr


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An Alertmanager with our inhibitions, which sends nothing."""
    example = yaml.safe_load((EXAMPLES / "slack.yaml").read_text())
    config = {
        "route": {"receiver": "nobody"},
        "receivers": [{"name": "nobody"}],
        "inhibit_rules": example["inhibit_rules"],
    }
    with monitoring.alertmanager(config, tmp_path_factory.mktemp("alertmanager")) as url:
        yield url


def silenced(url: str, *alerts: dict[str, str], cluster: str) -> set[tuple[str, str]]:
    """Name and check of those that Alertmanager inhibits; each test has a cluster of its own.

    What inhibits is taken in some time after it was posted, one after the other: a pair of another cluster
    that is posted last shows that all before it have been.
    """
    witness = [
        alert("TunnelDown", PATH),
        alert("GatewayDown", {key: PATH[key] for key in ("namespace", "gateway")}),
    ]
    posted = [{"labels": {**labels, "cluster": cluster}} for labels in alerts]
    posted += [{"labels": {**labels, "cluster": f"{cluster}-witness"}} for labels in witness]
    body = json.dumps(posted).encode()
    request = urllib.request.Request(
        f"{url}/api/v2/alerts", data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10):
        pass

    def inhibited(cluster: str) -> set[tuple[str, str]]:
        with urllib.request.urlopen(f"{url}/api/v2/alerts", timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)
        return {
            (each["labels"]["alertname"].removeprefix("IPsecPing"), each["labels"].get("check", ""))
            for each in found
            if each["labels"]["cluster"] == cluster and each["status"]["inhibitedBy"]
        }

    awaited(lambda: inhibited(f"{cluster}-witness"))
    return inhibited(cluster)


def alert(name: str, labels: dict[str, str]) -> dict[str, str]:
    return {"alertname": f"IPsecPing{name}", **labels}


def test_a_dead_gateway_silences_its_tunnels_and_neither_a_leak_nor_what_lasts_longer(running: str) -> None:
    gateway = {key: PATH[key] for key in ("namespace", "gateway")}
    assert silenced(
        running,
        alert("GatewayDown", gateway),
        alert("TunnelDown", PATH),
        alert("LossHigh", OTHER),
        alert("TrafficLeak", OTHER),
        alert("Flapping", OTHER),
        alert("TunnelDown", ELSEWHERE),
        alert("TunnelDown", {**PATH, "namespace": "shop"}),
        cluster="gateway",
    ) == {("TunnelDown", "hq"), ("LossHigh", "branch")}


def test_what_the_operator_tells_first_is_what_inhibits_others() -> None:
    rules = yaml.safe_load((EXAMPLES / "slack.yaml").read_text())["inhibit_rules"]
    kinds = [each for each in vars(alert_kinds).values() if isinstance(each, alert_kinds.AlertKind)]
    for rule in rules:
        sources, targets = (
            {each.inhibits for each in kinds if matches(each.alertname, *rule[f"{side}_matchers"])}
            for side in ("source", "target")
        )
        assert min(sources) > max(targets)


def matches(name: str, matcher: str) -> bool:
    operator, _, value = matcher.removeprefix("alertname ").partition(" ")
    return name == value if operator == "=" else re.fullmatch(value.strip('"'), name) is not None


def test_a_dead_path_silences_its_latency_and_that_of_no_other(running: str) -> None:
    assert silenced(
        running,
        alert("PathDown", PATH),
        alert("LatencyHigh", PATH),
        alert("LatencyHigh", {**PATH, "path": "backup"}),
        alert("Flapping", PATH),
        alert("JitterHigh", OTHER),
        cluster="path",
    ) == {("LatencyHigh", "hq")}


def test_an_operator_that_is_down_silences_nothing(running: str) -> None:
    """Its own checks fire nothing without it; another release in the cluster has other checks."""
    operator = {"namespace": "ipsecping-system"}
    assert not silenced(
        running,
        alert("OperatorDown", operator),
        alert("Stale", PATH),
        alert("LossHigh", OTHER),
        cluster="operator",
    )

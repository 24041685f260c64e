"""Every query of the dashboards, asked of a real Prometheus that scrapes a real operator."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from ...dashboards import FILES, queries
from ...peers import debian
from ...peers.processes import running
from ...ports import free_port
from .cluster import Cluster
from .hasty import DOWN, hasty_rules
from .processes import OperatorProcess, eventually
from .reflectors import Reflector, spec

ABSENT = {
    "Maintenance": "the check has no windows",
    "Alerts": "none is pending",
    "Alerts that fire": "none does",
    "Diagnosis": "nothing is broken",
    "RTT p50 beside the week": "it takes three days of history",
    "Loss beside the week": "the same",
    "Path MTU": "no probe of type pathMTU",
    "Hops": "verify asks for none",
    "Longest loss": "nothing was lost",
    "Dead flows": "no probe has several flows",
    "Refused answers": "none was",
    "Certificate": "no probe with TLS",
    "Loss by node and address": "no probe is measured by either",
    "RTT p50 by node and address": "the same",
}
"""Panels some of whose queries have no series of a check with one STAMP probe, and why."""


class Prometheus:
    """A running one."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, expr: str) -> list[dict[str, Any]]:
        """The series of a query now; fails the test when Prometheus refuses it."""
        words = urllib.parse.urlencode({"query": expr})
        try:
            with urllib.request.urlopen(f"{self._url}/api/v1/query?{words}", timeout=30) as answer:
                said = json.load(answer)
        except urllib.error.HTTPError as error:
            pytest.fail(f"{expr}: {error.read().decode()}")
        assert said["status"] == "success"
        found: list[dict[str, Any]] = said["data"]["result"]
        return found

    def ready(self) -> bool:
        """It answers."""
        try:
            with urllib.request.urlopen(f"{self._url}/-/ready", timeout=5):
                return True
        except OSError:
            return False


@pytest.fixture
def prometheus(operator: OperatorProcess, tmp_path: Path) -> Iterator[Prometheus]:
    """One that scrapes the operator every second."""
    program = debian.program("prometheus", "prometheus")
    target = operator.metrics.removeprefix("http://").removesuffix("/metrics")
    job = {
        "job_name": "operator",
        "scrape_interval": "1s",
        "honor_labels": True,
        "static_configs": [{"targets": [target]}],
    }
    config = tmp_path / "prometheus.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "global": {"evaluation_interval": "1s"},
                "scrape_configs": [job],
                "rule_files": [str(hasty_rules(tmp_path))],
            }
        )
    )
    port = free_port()
    words = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running(words, log=tmp_path / "prometheus.log"):
        made = Prometheus(f"http://127.0.0.1:{port}")
        eventually(made.ready, what="Prometheus ready")
        yield made


def filled(expr: str, namespace: str) -> str:
    """A query as Grafana sends it, with everything chosen."""
    values = {
        "$__rate_interval": "1m",
        "$__range": "1m",
        "$__interval": "1s",
        "$namespace": namespace,
        "$check": "hq",
        "$tunnel": ".*",
        "$path": ".*",
        "$probe": ".*",
    }
    for name, value in values.items():
        expr = expr.replace(name, value)
    assert "$" not in expr, expr
    return expr


def empty(prometheus: Prometheus, namespace: str) -> list[tuple[str, str, str]]:
    """Dashboard, panel and text of queries that give nothing and should; none may be refused."""
    return [
        (path.stem, title, target["expr"])
        for path in FILES
        for title, target in queries(path)
        if not prometheus.ask(filled(target["expr"], namespace)) and title not in ABSENT
    ]


def fired(prometheus: Prometheus, expr: str) -> bool:
    """Whether the alert is what a query gives."""
    return [each["metric"]["alertname"] for each in prometheus.ask(expr)] == [DOWN]


def test_every_query_gives_what_it_should_and_counts_follow_the_check(
    cluster: Cluster, reflector: Reflector, prometheus: Prometheus
) -> None:
    wanted = spec(reflector.port, downAfter=1, rtt={"p99": "1s"}, jitter="1s", burst="1s")
    own = {"rtt": {"p99": "2s"}, "lossPercent": 50, "jitter": "2s", "burst": "2s"}
    wanted["probes"][0]["thresholds"] = own
    cluster.measured({**wanted, "tunnel": {"name": "HQ to DC1"}})
    namespace = cluster.kubectl.namespace
    # The rates need scrapes from before and after a round.
    deadline = time.monotonic() + 60
    while (without := empty(prometheus, namespace)) and time.monotonic() < deadline:
        time.sleep(1)
    assert without == []

    (fleet,) = (path for path in FILES if path.stem == "fleet")
    counts = {
        title: filled(target["expr"], namespace)
        for title, target in queries(fleet)
        if title in ("Checks", "Healthy", "Unhealthy", "Unknown")
    }

    def shown() -> dict[str, list[str]]:
        return {title: [each["value"][1] for each in prometheus.ask(expr)] for title, expr in counts.items()}

    well = {"Checks": ["1"], "Healthy": ["1"], "Unhealthy": ["0"], "Unknown": ["0"]}
    eventually(lambda: shown() == well, what="a check that is healthy")
    reflector.stop_if_running()
    eventually(lambda: shown() == well | {"Healthy": ["0"], "Unhealthy": ["1"]}, what="a check that is not")
    for panel in ("Alerts", "Alerts that fire"):
        (query,) = (target["expr"] for path in FILES for title, target in queries(path) if title == panel)
        eventually(partial(fired, prometheus, filled(query, namespace)), what=f"the alert in {panel}")
    cluster.check({**spec(reflector.port), "suspend": True})
    eventually(
        lambda: shown() == well | {"Healthy": ["0"], "Unknown": ["1"]}, what="a check that nobody knows of"
    )

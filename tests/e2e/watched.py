"""The lab watched as docs/alerts.md says: Prometheus and Alertmanager in its network, and who is told."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from ipsecping_lab.host.namespaces import entered_network
from ipsecping_lab.layout import Layout

from ..docs.documents import block
from ..peers import monitoring
from .bench import operator_pods

MONITORING = Path(__file__).parents[2] / "manifests" / "monitoring"
OFTEN = "2s"
"""Between two scrapes, and two evaluations of the rules."""


class Watched:
    """What the lab's Prometheus knows, and what Alertmanager has told."""

    def __init__(self, told: monitoring.Receiver, prometheus: str) -> None:
        self._told = told
        self._prometheus = prometheus

    def query(self, expr: str) -> list[dict[str, str]]:
        """The labels of the series that a query finds at present."""
        with entered_network(Layout.from_environment().netns):
            return monitoring.query(self._prometheus, expr)

    def alerts(self, namespace: str) -> list[monitoring.Alert]:
        """What was told of the checks of a namespace, and of no check, as it came."""
        return [each for each in self._told.alerts if each["labels"].get("namespace", namespace) == namespace]

    def told(self, namespace: str) -> list[tuple[str, str]]:
        """Name and status of each."""
        return [(each["labels"]["alertname"], each["status"]) for each in self.alerts(namespace)]


@contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    """The lab is watched while the body runs. Raises PeerMissing and NotListening."""
    told = monitoring.Receiver()
    with ExitStack() as stack:
        # What is bound or started while the thread is in the lab's network stays there.
        with entered_network(Layout.from_environment().netns):
            receiver = stack.enter_context(told.listening())
            alertmanager = stack.enter_context(monitoring.alertmanager(_telling(receiver), folder))
            prometheus = stack.enter_context(monitoring.prometheus(_scraping(alertmanager), folder))
        yield Watched(told, prometheus)


def _telling(receiver: str) -> dict[str, Any]:
    """An example's configuration as it is, but that a webhook is told in place of a channel."""
    config: dict[str, Any] = yaml.safe_load((MONITORING / "alertmanager" / "slack.yaml").read_text())
    webhook = {"url": receiver, "send_resolved": True}
    config["receivers"] = [{"name": "nobody"}, {"name": "slack", "webhook_configs": [webhook]}]
    return config


def _scraping(alertmanager: str) -> dict[str, Any]:
    """The documented configuration, with the rules as they are."""
    config: dict[str, Any] = yaml.safe_load(block("alerts.md", "yaml", behind="Any other Prometheus"))
    config["rule_files"] = [str(MONITORING / "rules.yaml")]
    config["global"] = {"scrape_interval": OFTEN, "evaluation_interval": OFTEN}
    (job,) = config["scrape_configs"]
    # Debian builds Prometheus without discovery in Kubernetes: the pods are named, as it would find them.
    del job["kubernetes_sd_configs"], job["relabel_configs"]
    job["static_configs"] = [{"targets": [f"{pod['status']['podIP']}:9090" for pod in operator_pods()]}]
    target = {"targets": [alertmanager.removeprefix("http://")]}
    config["alerting"] = {"alertmanagers": [{"static_configs": [target]}]}
    return config

"""From a fault to a receiver: the operator's own metrics, a real Prometheus, a real Alertmanager."""

from pathlib import Path

import pytest

from ...peers import monitoring
from .cluster import Cluster
from .hasty import DOWN, hasty_alertmanager, hasty_rules
from .processes import OperatorProcess, eventually
from .reflectors import Reflector, spec


@pytest.mark.long
def test_a_fault_reaches_a_person_and_so_does_its_end(
    operator: OperatorProcess, cluster: Cluster, reflector: Reflector, tmp_path: Path
) -> None:
    told = monitoring.Receiver()
    cluster.measured(
        {
            **spec(reflector.port),
            "tunnel": {"name": "hq-dc1"},
            "alerting": {"severity": "Warning", "labels": {"team": "wan"}},
        }
    )
    scraped = operator.metrics.removeprefix("http://").removesuffix("/metrics")
    with (
        told.listening() as receiver,
        monitoring.alertmanager(hasty_alertmanager(receiver), tmp_path) as alertmanager,
        monitoring.prometheus(
            {
                "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                "rule_files": [str(hasty_rules(tmp_path))],
                "scrape_configs": [
                    {
                        "job_name": "ipsecping",
                        "honor_labels": True,
                        "static_configs": [{"targets": [scraped]}],
                    }
                ],
                "alerting": {
                    "alertmanagers": [
                        {"static_configs": [{"targets": [alertmanager.removeprefix("http://")]}]}
                    ]
                },
            },
            tmp_path,
        ) as prometheus,
    ):
        healthy = 'ipsecping:probe_finding{reason="WithinThresholds"}'
        eventually(lambda: monitoring.query(prometheus, healthy), what="the operator is scraped and judged")
        reflector.stop_if_running()
        eventually(lambda: (DOWN, "firing") in told.told, what="an alert at the receiver")
        reflector.launch()
        eventually(lambda: (DOWN, "resolved") in told.told, what="its end at the receiver")
        cluster.says("Healthy", "True", "WithinThresholds")
        assert {name for name, _ in told.told} == {DOWN}, "nothing else is said"
    alert = told.alerts[0]
    assert alert["labels"] == {
        "alertname": DOWN,
        "namespace": cluster.kubectl.namespace,
        "check": "hq",
        "tunnel_name": "hq-dc1",
        "path": "default",
        "target": "127.0.0.1",
        "remote_ip": "127.0.0.1",
        "severity": "warning",
        "team": "wan",
    }
    assert (
        alert["annotations"]["summary"] == "hq-dc1: the tunnel is down on hq/default to 127.0.0.1 (127.0.0.1)"
    )
    assert alert["annotations"]["description"] == (
        "No answer in 3 rounds in succession, on any path (Down). Probes: datapath (Down)."
    )
    outages = cluster.status()["outages"]
    assert [each["reason"] for each in outages] == ["Down"], "the alert says what the status says"

"""From a fault in a real tunnel to a receiver: the operator's own pod, rules and examples as delivered.

That a slow rise of 30 % fires degradation and nothing else takes days of history: a Prometheus that is given
a week holds that (tests/interop/test_degradation.py).
"""

import time
from pathlib import Path

import pytest

from ipsecping_lab.workbench import lab, wait_for

from .bench import FAR_A, SHORT_WINDOW, STAMP, Bench
from .watched import watched

DOWN = "IPsecPingTunnelDown"
WAIT = 60
"""Seconds that the alert waits (`for` of the rule)."""
IN_TIME = WAIT + 30
GROUP_INTERVAL = 30
"""Seconds after which the example of Alertmanager's configuration tells what has changed."""

pytestmark = pytest.mark.usefixtures("tunnel")
"""Faults are done to the lab's own tunnels alone."""


def test_an_outage_is_told_in_time_with_its_labels_and_so_is_its_end(bench: Bench, tmp_path: Path) -> None:
    here = f'namespace="{bench.namespace}"'
    bench.declare(
        "hq",
        target=FAR_A,
        tunnel={"name": "hq-dc1"},
        schedule={"interval": "2s"},
        probes=[STAMP],
        thresholds=SHORT_WINDOW,
        alerting={"labels": {"team": "wan"}},
    )
    bench.wait_for_reason("hq", "WithinThresholds")
    with watched(tmp_path) as seen:
        well = f'ipsecping:probe_finding{{{here}, reason="WithinThresholds"}}'
        wait_for("the operator's pod is found and scraped", lambda: seen.query(well), seconds=60)
        lab("fault", "set", "esp-drop", "a")
        broken = time.monotonic()
        told = wait_for(
            "the alert at the receiver",
            lambda: seen.alerts(bench.namespace),
            seconds=broken + IN_TIME - time.monotonic(),
        )
        assert told[0]["status"] == "firing"
        assert told[0]["labels"] == {
            "alertname": DOWN,
            "namespace": bench.namespace,
            "check": "hq",
            "tunnel_name": "hq-dc1",
            "path": "default",
            "target": FAR_A,
            "remote_ip": FAR_A,
            "severity": "critical",
            "team": "wan",
        }
        summary = f"hq-dc1: the tunnel is down on hq/default to {FAR_A} ({FAR_A})"
        assert told[0]["annotations"]["summary"] == summary
        assert "(Down). Probes: datapath (Down)." in told[0]["annotations"]["description"]
        lab("fault", "clear")
        bench.wait_for_reason("hq", "WithinThresholds")
        wait_for(
            "its end at the receiver",
            lambda: (DOWN, "resolved") in seen.told(bench.namespace),
            seconds=GROUP_INTERVAL + 30,
        )
        assert {name for name, _ in seen.told(bench.namespace)} == {DOWN}, "an outage is told as that alone"
        assert seen.query(f'ALERTS{{{here}, alertstate="firing"}}') == []

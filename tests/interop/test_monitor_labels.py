"""What a real Prometheus makes of the labels of checks, where it overrides honorLabels of monitors."""

import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from ..peers import monitoring

MONITOR = Path(__file__).parents[2] / "manifests" / "monitoring" / "podmonitor.yaml"
EXPOSED = b"""\
ipsecping_check_maintenance{namespace="network",check="hq"} 0
ipsecping_check_maintenance{namespace="shop",check="hq"} 1
ipsecping_operator_leader{lease="ipsecping-system/ipsecping-operator"} 1
"""


class Metrics(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(EXPOSED)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def as_prometheus_has_it(relabelings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", key): value for key, value in each.items()}
        for each in relabelings
    ]


def test_checks_of_one_name_stay_apart_where_honor_labels_is_overridden(tmp_path: Path) -> None:
    (endpoint,) = yaml.safe_load(MONITOR.read_text())["spec"]["podMetricsEndpoints"]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Metrics)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    scraped = {
        "job_name": "operator",
        "honor_labels": False,
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "metric_relabel_configs": as_prometheus_has_it(endpoint.get("metricRelabelings", [])),
        "static_configs": [
            {
                "targets": [f"127.0.0.1:{server.server_port}"],
                "labels": {"namespace": "ipsecping-system", "pod": "operator-a"},
            }
        ],
    }
    try:
        with monitoring.prometheus({"scrape_configs": [scraped]}, tmp_path) as url:

            def found(name: str) -> list[dict[str, str]]:
                return monitoring.query(url, name)

            deadline = time.monotonic() + 60
            while len(checks := found("ipsecping_check_maintenance")) < 2 and time.monotonic() < deadline:
                time.sleep(0.2)
            assert {each["namespace"] for each in checks} == {"network", "shop"}
            assert not any("exported_namespace" in each for each in checks)
            (leader,) = found("ipsecping_operator_leader")
            assert leader["namespace"] == "ipsecping-system"
    finally:
        server.shutdown()
        server.server_close()

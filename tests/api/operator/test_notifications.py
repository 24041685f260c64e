"""From a fault to Alertmanager and to a webhook by the operator itself: no Prometheus is there."""

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ipsecping_lab.apiserver import ApiServer
from ipsecping_operator.kube.transport import FIELD_MANAGER

from ...docs.documents import DOCS
from ...peers import monitoring
from ..api_client import path_of
from .cluster import Cluster
from .hasty import DOWN, hasty_alertmanager
from .processes import eventually, operator_process
from .reflectors import Reflector, spec

KEY = base64.b64encode(b"a key that nobody else knows....").decode()


def documented() -> Callable[..., bool]:
    """The receiver's check of a signature, as docs/notifications.md has it."""
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "notifications.md").read_text(), re.DOTALL)
    made: dict[str, Any] = {}
    exec(code, made)
    verified: Callable[..., bool] = made["verified"]
    return verified


@contextmanager
def webhook(came: list[tuple[Mapping[str, str], bytes]]) -> Iterator[str]:
    """A receiver that is away for the first event that it gets."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            came.append(({name.lower(): value for name, value in self.headers.items()}, content))
            self.send_response(503 if len(came) == 1 else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.long
def test_a_fault_is_told_over_restarts_and_what_heals_while_the_operator_is_away_is_resolved(
    server: ApiServer, cluster: Cluster, reflector: Reflector, tmp_path: Path
) -> None:
    told, came = monitoring.Receiver(), list[tuple[Mapping[str, str], bytes]]()
    keys = tmp_path / "keys"
    keys.write_text(f"{KEY}\n")
    with (
        told.listening() as receiver,
        monitoring.alertmanager(hasty_alertmanager(receiver), tmp_path) as alertmanager,
        webhook(came) as hook,
    ):
        operator = operator_process(
            server.kubeconfig,
            tmp_path,
            f"--namespaces={cluster.kubectl.namespace}",
            cluster.key_secret(),
            f"--alertmanagers={alertmanager}",
            "--alertmanager-repeat=10s",
            "--alertmanager-labels=cluster=prod",
            "--runbook-url=https://git.example.com/runbooks",
            f"--webhook-url={hook}",
            f"--webhook-keys-file={keys}",
        )
        operator.start()
        try:
            cluster.measured(
                {
                    **spec(reflector.port),
                    "tunnel": {"name": "hq-dc1"},
                    "alerting": {"severity": "Warning", "labels": {"team": "wan"}},
                }
            )
            reflector.stop_if_running()
            cluster.says("Healthy", "False", "Down")
            operator.end()
            assert told.told == [], "it has not lasted for a minute"
            make_older(cluster)
            operator.start()
            eventually(lambda: (DOWN, "firing") in told.told, what="an alert at the receiver")
            delivered = (
                f'ipsecping_operator_notifications_total{{outcome="Delivered",receiver="{alertmanager}"}}'
            )
            # The receiver may be told before Alertmanager's answer has come to the operator.
            eventually(lambda: operator.sample(delivered) >= 1, what="the delivery counted")
            operator.end()
            reflector.launch()
            operator.start()
            eventually(lambda: (DOWN, "resolved") in told.told, what="its end at the receiver")
            cluster.says("Healthy", "True", "WithinThresholds")
            eventually(lambda: types(came)[-1] == "healthy", what="the last event at the webhook")
        finally:
            operator.clear_up()
    assert {name for name, _ in told.told} == {DOWN}, "nothing else is said"
    firing = next(alert for alert in told.alerts if alert["status"] == "firing")
    assert firing["labels"] == {
        "alertname": DOWN,
        "cluster": "prod",
        "namespace": cluster.kubectl.namespace,
        "check": "hq",
        "tunnel_name": "hq-dc1",
        "path": "default",
        "target": "127.0.0.1",
        "remote_ip": "127.0.0.1",
        "severity": "warning",
        "team": "wan",
    }
    said = firing["annotations"]
    assert said["summary"] == "hq-dc1: the tunnel is down on hq/default to 127.0.0.1 (127.0.0.1)"
    assert said["description"].startswith("no answer to the last")
    assert firing["generatorURL"] == said["runbook_url"] == f"https://git.example.com/runbooks/{DOWN}.md"
    check_events(came)


def make_older(cluster: Cluster) -> None:
    """Let the outage have begun an hour ago, by a status in the operator's name: it believes no other."""
    conditions = cluster.status()["conditions"]
    (healthy,) = (each for each in conditions if each["type"] == "Healthy")
    then = datetime.now(UTC) - timedelta(hours=1)
    healthy["lastTransitionTime"] = then.strftime("%Y-%m-%dT%H:%M:%SZ")
    path = path_of("itc", cluster.kubectl.namespace, "hq")
    patch = {"status": {"conditions": conditions}}
    cluster.kubectl.plain.merge(f"{path}/status?fieldManager={FIELD_MANAGER}", patch)


def types(came: list[tuple[Mapping[str, str], bytes]]) -> list[str]:
    return [json.loads(content)["type"].removeprefix("dev.ipsecping.check.") for _, content in came]


def check_events(came: list[tuple[Mapping[str, str], bytes]]) -> None:
    """Each is signed, in order, and told again under its ID where it was not taken."""
    verified = documented()
    for headers, content in came:
        assert headers["content-type"].startswith("application/cloudevents+json")
        assert verified(dict(headers), content, [KEY])
        assert not verified(dict(headers), content + b" ", [KEY])
        assert not verified(dict(headers), content, [KEY], now=int(headers["webhook-timestamp"]) + 301)
    (first, again, *_), events = [headers["webhook-id"] for headers, _ in came], types(came)
    assert first == again, "the receiver was away"
    kinds = [kind for number, kind in enumerate(events[1:]) if kind != events[number]]
    assert kinds[0] in ("healthy", "unhealthy")
    assert kinds[-1] == "healthy"
    assert "unhealthy" in events
    times = [json.loads(content)["time"] for _, content in came]
    assert times == sorted(times)

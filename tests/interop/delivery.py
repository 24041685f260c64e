"""The examples of manifests/monitoring/alertmanager in a real one, and services that take what it sends."""

import json
import ssl
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from ipsecping.contract import Expect, ProbeType
from ipsecping_operator.api.conditions import HealthyReason
from ipsecping_operator.notify.alerts import Alert, Subject, alerts_of
from ipsecping_operator.notify.findings import ProbeFinding
from ipsecping_operator.notify.gateways import PathFacts, gateway_alerts, gateway_routing
from ipsecping_operator.notify.told import Posting, to_json

from ..peers import monitoring, openssl
from ..peers.services import Api, Mailbox

EXAMPLES = Path(__file__).parents[2] / "manifests" / "monitoring" / "alertmanager"
SECRETS = {
    "pagerduty-routing-key": "r" * 32,
    "opsgenie-api-key": "opsgenie-key",
    "smtp-password": "sesame",
}
RUNBOOKS = "https://git.example.com/ipsecping/docs/runbooks"
ROUTING = {
    "namespace": "network",
    "check": "hq",
    "tunnel_name": "hq-dc1",
    "path": "default",
    "target": "203.0.113.10",
    "remote_ip": "203.0.113.10",
    "gateway": "198.51.100.7",
    "severity": "critical",
    "team": "wan",
}
GATHERS = 1
"""Seconds, group_interval."""
SOON = {"group_wait": "2s", "group_interval": f"{GATHERS}s"}
"""In place of the examples' own: nobody waits for a test."""


class Examples:
    """All examples at once: each Alertmanager is told the same."""

    def __init__(self, urls: Sequence[str], services: Mapping[str, Api], mailbox: Mailbox) -> None:
        self.urls = urls
        self.mailbox = mailbox
        self.api = services

    def tell(self, alerts: Sequence[Mapping[str, Any]]) -> None:
        """Post alerts to all of them, as a Prometheus or the operator does."""
        for url in self.urls:
            request = urllib.request.Request(
                f"{url}/api/v2/alerts",
                data=json.dumps(alerts).encode(),
                headers={"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=10):
                pass


@contextmanager
def prometheus(examples: Examples, scraped: str, folder: Path, *, cluster: str) -> Iterator[None]:
    """A Prometheus with our rules that tells all of them; no alert waits (`for`), as nobody does for a test.

    Raises PeerMissing and NotListening.
    """
    rules = yaml.safe_load((EXAMPLES.parent / "rules.yaml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule.pop("for", None)
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    told = [{"targets": [url.removeprefix("http://") for url in examples.urls]}]
    config = {
        "global": {
            "scrape_interval": "1s",
            "evaluation_interval": "1s",
            "external_labels": {"cluster": cluster},
        },
        "rule_files": [str(folder / "rules.yaml")],
        "alerting": {"alertmanagers": [{"static_configs": told}]},
        "scrape_configs": [
            {"job_name": "ipsecping", "honor_labels": True, "static_configs": [{"targets": [scraped]}]}
        ],
    }
    with monitoring.prometheus(config, folder):
        yield


@contextmanager
def running(folder: Path) -> Iterator[Examples]:
    """Every example with its service. Raises PeerMissing and NotListening."""
    services = {name: Api() for name in ("pagerduty", "opsgenie", "slack")}
    certificate, tls = _server(folder)
    mailbox = Mailbox(tls)
    with ExitStack() as stack:
        at = {name: stack.enter_context(api.listening()) for name, api in services.items()}
        port = stack.enter_context(mailbox.listening())
        secrets = {**SECRETS, "slack-webhook-url": f"{at['slack']}/services/T/B/X"}
        for name, content in secrets.items():
            (folder / name).write_text(content)
        placed = {
            "pagerduty": {"url": f"{at['pagerduty']}/v2/enqueue"},
            "opsgenie": {"api_url": f"{at['opsgenie']}/"},
            "slack": {},
            "email": {"smarthost": f"localhost:{port}"},
        }
        urls = []
        for name, elsewhere in placed.items():
            (folder / f"of-{name}").mkdir()
            config = _placed(name, elsewhere, folder)
            urls.append(
                stack.enter_context(
                    monitoring.alertmanager(config, folder / f"of-{name}", trusted=certificate)
                )
            )
        yield Examples(urls, services, mailbox)


def _placed(name: str, elsewhere: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """The example as it is, but for where the service and its secret are, and for how long it gathers."""
    written = (EXAMPLES / f"{name}.yaml").read_text()
    config: dict[str, Any] = yaml.safe_load(written.replace("/etc/alertmanager/secrets", str(folder)))
    (route,) = config["route"]["routes"]
    route.update(SOON)
    ((service,),) = (each[f"{name}_configs"] for each in config["receivers"] if each["name"] == name)
    service.update(elsewhere)
    return config


def _server(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate of localhost, and a context with it."""
    certificate, key = folder / "mail.pem", folder / "mail.key"
    openssl.openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"),
        *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
        *("-keyout", key, "-out", certificate),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return certificate, context


def by_the_operator(
    *routings: Mapping[str, str],
    cluster: str,
    reason: HealthyReason = HealthyReason.DOWN,
    message: str = "no answer to the last 30 packets",
    resolved: bool = False,
    seconds: int = 120,
) -> list[dict[str, Any]]:
    """What the operator itself posts of checks, each with one probe that is found so, for so long."""
    found = (_subject({**ROUTING, **routing}, reason, message) for routing in routings)
    alerts = (alert for subject in found for alert in alerts_of(subject))
    return _told(alerts, cluster=cluster, resolved=resolved, seconds=seconds)


def of_the_gateway(*checks: str, cluster: str, gateway: str = ROUTING["gateway"]) -> list[dict[str, Any]]:
    """What the operator posts of a gateway where all these checks are down."""
    routing = gateway_routing({**ROUTING, "gateway": gateway})
    facts = (PathFacts(check=check, routing=routing, down=True, ike_down=None) for check in checks)
    return _told(gateway_alerts(facts), cluster=cluster, resolved=False, seconds=120)


def _told(alerts: Iterable[Alert], *, cluster: str, resolved: bool, seconds: int) -> list[dict[str, Any]]:
    now = time.time_ns()
    began, ended = now - seconds * 10**9, now if resolved else None
    postings = [Posting(labels=each.labels, alert=each, began=began, ended=ended) for each in alerts]
    return to_json(postings, external={"cluster": cluster}, runbooks=RUNBOOKS, repeat=60, wall=now)


def _subject(routing: Mapping[str, str], reason: HealthyReason, message: str) -> Subject:
    found = ProbeFinding(
        path=routing["path"],
        probe="ping",
        type=ProbeType.ICMP,
        expect=Expect.REACHABLE,
        reason=reason,
        message=message,
    )
    return Subject(
        routing={routing["path"]: routing},
        found=(found,),
        ready=None,
        healthy=None,
        lately_down=frozenset(),
        undecided=frozenset(),
        outages=1,
        diagnosis="",
    )

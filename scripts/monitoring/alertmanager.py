"""Examples of Alertmanager's configuration: how alerts reach a person, and which of them stay silent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import messages
from .written import as_yaml

_TUNNEL = "IPsecPing.+"
_OF_A_PATH = (
    "ProbeDown|LossHigh|FlowLoss|LossBurst|LatencyHigh|JitterHigh|PathMTULow|PacketsAltered|ProbeFailed|Stale|"
    "MeasurementInvalid|TargetUnresolved|VerifyUnknown|LatencyDegraded|LossDegraded"
)
INHIBITIONS: tuple[dict[str, Any], ...] = (
    # Alertmanager tells nobody of an end that comes while an alert is inhibited, so little is. An operator
    # that is down inhibits nothing: of its own checks nothing fires without it, and others have their own.
    {
        # A dead gateway silences its tunnels. What leaks beside them is never silenced.
        "source_matchers": ["alertname = IPsecPingGatewayDown"],
        "target_matchers": [f'alertname =~ "IPsecPing(TunnelDown|PathDown|{_OF_A_PATH})"'],
        "equal": ["cluster", "namespace", "gateway"],
    },
    {
        # A dead path silences what else is said of it.
        "source_matchers": ['alertname =~ "IPsecPing(TunnelDown|PathDown)"'],
        "target_matchers": [f'alertname =~ "IPsecPing({_OF_A_PATH})"'],
        "equal": ["cluster", "namespace", "check", "path"],
    },
)
_SECRETS = "/etc/alertmanager/secrets"
_TUNNEL_NAME = "{{ or .CommonLabels.tunnel_name .CommonLabels.gateway }}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Who carries alerts to a person, and what they are put together by."""

    group_by: tuple[str, ...]
    config: Mapping[str, Any]


_EACH_CHECK = ("alertname", "cluster", "namespace", "check", "gateway", "lease")
"""What is acknowledged is of one check, gateway or operator: another that fails meanwhile is an incident of
its own."""
_EACH_NAMESPACE = ("alertname", "cluster", "namespace", "severity")
"""What is read goes together: of fifty tunnels that are down there is one message."""
SERVICES: Mapping[str, Service] = {
    "pagerduty": Service(
        group_by=_EACH_CHECK,
        config={
            "routing_key_file": f"{_SECRETS}/pagerduty-routing-key",
            "send_resolved": True,
            "client": "IPsecPing",
            "severity": '{{ if eq .CommonLabels.severity "info" "warning" }}{{ .CommonLabels.severity }}'
            "{{ else }}critical{{ end }}",
            "description": messages.subject(),
            "class": "{{ .CommonLabels.alertname }}",
            "component": _TUNNEL_NAME,
            "group": "{{ .CommonLabels.gateway }}",
            "links": [{"href": messages.RUNBOOK, "text": "Runbook"}],
            "details": {
                "firing": messages.firing(messages.OF_A_CHECK),
                "resolved": messages.resolved(messages.OF_A_CHECK),
            },
        },
    ),
    "opsgenie": Service(
        group_by=_EACH_CHECK,
        config={
            "api_key_file": f"{_SECRETS}/opsgenie-api-key",
            "send_resolved": True,
            "message": messages.subject(),
            "description": messages.text(messages.OF_A_CHECK),
            "priority": '{{ if eq .CommonLabels.severity "info" }}P5'
            '{{ else if eq .CommonLabels.severity "warning" }}P3{{ else }}P1{{ end }}',
            # A tag has 50 characters at most, and ends at a comma.
            "tags": "{{ .CommonLabels.alertname }},"
            '{{ or .CommonLabels.tunnel_name .CommonLabels.gateway | reReplaceAll "," " " | printf "%.50s" '
            "}}",
        },
    ),
    "email": Service(
        group_by=_EACH_NAMESPACE,
        config={
            "to": "network-team@example.com",
            "from": "alertmanager@example.com",
            "smarthost": "smtp.example.com:587",
            "auth_username": "alertmanager@example.com",
            "auth_password_file": f"{_SECRETS}/smtp-password",
            "send_resolved": True,
            "headers": {"Subject": messages.subject(messages.for_header)},
            "text": messages.text(messages.OF_A_NAMESPACE),
            "html": messages.html(messages.OF_A_NAMESPACE),
        },
    ),
    "slack": Service(
        group_by=_EACH_NAMESPACE,
        config={
            "api_url_file": f"{_SECRETS}/slack-webhook-url",
            "channel": "#network",
            "send_resolved": True,
            "color": "{{ if not .Alerts.Firing }}good"
            '{{ else if eq .CommonLabels.severity "info" "warning" }}warning{{ else }}danger{{ end }}',
            "title": messages.subject(messages.for_slack),
            # What a phone shows. Alertmanager's own has the labels as they are.
            "fallback": messages.subject(messages.for_slack),
            "text": messages.text(messages.OF_A_NAMESPACE, messages.for_slack),
            # The text is none of Slack's markup: a star in a name is a star.
            "mrkdwn_in": ["pretext"],
        },
    ),
}


def alertmanager_yaml(name: str) -> str:
    """Return an example of Alertmanager's configuration; `name` is a key of SERVICES."""
    service = SERVICES[name]
    route = {
        "receiver": "nobody",
        "routes": [
            {
                "matchers": [f'alertname =~ "{_TUNNEL}"'],
                "receiver": name,
                "group_by": list(service.group_by),
                "group_wait": "10s",
                "group_interval": "30s",
                "repeat_interval": "4h",
            }
        ],
    }
    receivers = [{"name": "nobody"}, {"name": name, f"{name}_configs": [dict(service.config)]}]
    config = {"route": route, "inhibit_rules": list(INHIBITIONS), "receivers": receivers}
    return as_yaml(config)

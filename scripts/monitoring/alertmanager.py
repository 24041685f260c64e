"""Examples of Alertmanager's configuration: how alerts reach a person, and which of them stay silent."""

from typing import Any

from .written import as_yaml

_TUNNEL = "IPsecPing.+"
_LEAK = "IPsecPingTrafficLeak"
_OF_A_PATH = (
    "ProbeDown|LossHigh|FlowLoss|LossBurst|LatencyHigh|JitterHigh|PathMTULow|PacketsAltered|ProbeFailed|Stale|"
    "MeasurementInvalid|TargetUnresolved|VerifyUnknown|LatencyDegraded|LossDegraded"
)
INHIBITIONS: tuple[dict[str, Any], ...] = (
    {
        # A dead gateway silences its tunnels. What leaks beside them is never silenced.
        "source_matchers": ["alertname = IPsecPingGatewayDown"],
        "target_matchers": [f'alertname =~ "IPsecPing(TunnelDown|PathDown|Flapping|{_OF_A_PATH})"'],
        "equal": ["cluster", "namespace", "gateway"],
    },
    {
        # A dead path silences what else is said of it.
        "source_matchers": ['alertname =~ "IPsecPing(TunnelDown|PathDown)"'],
        "target_matchers": [f'alertname =~ "IPsecPing({_OF_A_PATH})"'],
        "equal": ["cluster", "namespace", "check", "path"],
    },
    {
        # Without an operator nothing is known of any tunnel: what was last known is not worth a second page.
        "source_matchers": ["alertname = IPsecPingOperatorDown"],
        "target_matchers": [f'alertname =~ "IPsecPing({_OF_A_PATH}|CheckNotReady|AgentsUnreadable)"'],
        "equal": ["cluster"],
    },
)
_SUBJECT = "{{ .CommonLabels.severity }}: {{ (index .Alerts 0).Annotations.summary }}"
_TEXT = (
    "{{ range .Alerts }}{{ .Status }}: {{ .Annotations.summary }}\n{{ .Annotations.description }}\n"
    "{{ .Annotations.runbook_url }}\n{{ end }}"
)


def _for_slack(text: str) -> str:
    """The template with what Slack would take for a link or a call to the whole channel, as text.

    Names of tunnels are free text of whoever may write a check.
    """
    plain = ' | reReplaceAll "&" "&amp;" | reReplaceAll "<" "&lt;" | reReplaceAll ">" "&gt;" }}'
    for name in ("summary", "description"):
        text = text.replace(f".Annotations.{name} }}}}", f".Annotations.{name}{plain}")
    return text


_SECRETS = "/etc/alertmanager/secrets"
RECEIVERS: dict[str, dict[str, Any]] = {
    "pagerduty": {
        "pagerduty_configs": [
            {
                "routing_key_file": f"{_SECRETS}/pagerduty-routing-key",
                "severity": '{{ if eq .CommonLabels.severity "info" }}info'
                '{{ else if eq .CommonLabels.severity "warning" }}warning{{ else }}critical{{ end }}',
                "description": _SUBJECT,
                "class": "{{ .CommonLabels.alertname }}",
                "component": "{{ .CommonLabels.tunnel_name }}",
                "group": "{{ .CommonLabels.gateway }}",
                "details": {"alerts": _TEXT},
            }
        ]
    },
    "opsgenie": {
        "opsgenie_configs": [
            {
                "api_key_file": f"{_SECRETS}/opsgenie-api-key",
                "message": _SUBJECT,
                "description": _TEXT,
                "priority": '{{ if eq .CommonLabels.severity "critical" }}P1'
                '{{ else if eq .CommonLabels.severity "warning" }}P3{{ else }}P5{{ end }}',
                "tags": "{{ .CommonLabels.alertname }},{{ .CommonLabels.tunnel_name }}",
            }
        ]
    },
    "email": {
        "email_configs": [
            {
                "to": "network-team@example.com",
                "from": "alertmanager@example.com",
                "smarthost": "smtp.example.com:587",
                "auth_username": "alertmanager@example.com",
                "auth_password_file": f"{_SECRETS}/smtp-password",
                "send_resolved": True,
                "headers": {"Subject": _SUBJECT},
                "text": _TEXT,
                "html": "",
            }
        ]
    },
    "slack": {
        "slack_configs": [
            {
                "api_url_file": f"{_SECRETS}/slack-webhook-url",
                "channel": "#network",
                "send_resolved": True,
                "color": '{{ if eq .Status "resolved" }}good'
                '{{ else if eq .CommonLabels.severity "critical" }}danger{{ else }}warning{{ end }}',
                "title": _for_slack(_SUBJECT),
                "text": _for_slack(_TEXT),
            }
        ]
    },
}


def alertmanager_yaml(service: str) -> str:
    """Return an example of Alertmanager's configuration; `service` is a key of RECEIVERS."""
    route = {
        "receiver": "nobody",
        "routes": [
            {
                "matchers": [f'alertname =~ "{_TUNNEL}"'],
                "receiver": service,
                # One notification a check; its paths and probes are lines of it.
                "group_by": ["alertname", "cluster", "namespace", "check"],
                "group_wait": "10s",
                "group_interval": "1m",
                "repeat_interval": "4h",
            }
        ],
    }
    receivers = [{"name": "nobody"}, {"name": service, **RECEIVERS[service]}]
    config = {"route": route, "inhibit_rules": list(INHIBITIONS), "receivers": receivers}
    return as_yaml(config)

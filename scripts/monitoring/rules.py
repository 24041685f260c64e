"""The file of rules."""

from typing import Any

from .alert import WORST, Alert
from .operators import operator_alerts
from .recordings import history, state
from .tunnels import tunnel_alerts
from .written import as_yaml


def rules_yaml() -> str:
    """Return the file, as Prometheus loads it."""
    tunnels = [*state(), *(each.rule() for each in tunnel_alerts())]
    content: dict[str, Any] = {
        "groups": [
            {"name": "ipsecping-tunnels", "rules": tunnels},
            {"name": "ipsecping-history", "interval": "1m", "rules": list(history())},
            {"name": "ipsecping-operator", "rules": [each.rule() for each in operator_alerts()]},
        ]
    }
    return as_yaml(content)


def alert_table() -> str:
    """Return the table of the documents: every alert with the page that explains it."""
    rows = ["| Alert | Severity | Fires after |", "|---|---|---|"]
    rows += [
        f"| [{each.name}](runbooks/{each.name}.md) | {_severity(each)} | {each.wait} |"
        for each in (*tunnel_alerts(), *operator_alerts())
    ]
    return "\n".join(rows) + "\n"


def _severity(alert: Alert) -> str:
    if alert.severity == WORST:
        return "the check's (default: critical)"
    return alert.severity if alert.severity == "critical" else "warning"

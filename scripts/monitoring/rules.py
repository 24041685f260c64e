"""The file of rules."""

from typing import Any

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

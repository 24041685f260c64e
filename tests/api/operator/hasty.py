"""The rules and an example of Alertmanager's configuration, for tests that cannot wait a minute."""

from pathlib import Path
from typing import Any

import yaml

from ...yaml_text import from_yaml

MONITORING = Path(__file__).parents[3] / "manifests" / "monitoring"
DOWN = "IPsecPingTunnelDown"


def hasty_rules(folder: Path) -> Path:
    """The rules, but for how long a tunnel has to be down: seconds instead of a minute."""
    rules = from_yaml((MONITORING / "rules.yaml").read_text())
    (down,) = (rule for group in rules["groups"] for rule in group["rules"] if rule.get("alert") == DOWN)
    down["for"] = "1s"
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump(rules))
    return file


def hasty_alertmanager(receiver: str) -> dict[str, Any]:
    """An example's configuration, which tells the receiver in place of a service, and waits for nothing."""
    config: dict[str, Any] = from_yaml((MONITORING / "alertmanager" / "slack.yaml").read_text())
    (route,) = config["route"]["routes"]
    route |= {"receiver": "test", "group_wait": "0s", "group_interval": "1s"}
    config["receivers"] = [
        {"name": "nobody"},
        {"name": "test", "webhook_configs": [{"url": receiver, "send_resolved": True}]},
    ]
    return config

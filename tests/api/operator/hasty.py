"""The rules that are delivered, for tests that cannot wait a minute."""

from pathlib import Path

import yaml

MONITORING = Path(__file__).parents[3] / "manifests" / "monitoring"
DOWN = "IPsecPingTunnelDown"


def hasty_rules(folder: Path) -> Path:
    """The rules, but for how long a tunnel has to be down: seconds instead of a minute."""
    rules = yaml.safe_load((MONITORING / "rules.yaml").read_text())
    (down,) = (rule for group in rules["groups"] for rule in group["rules"] if rule.get("alert") == DOWN)
    down["for"] = "1s"
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump(rules))
    return file

"""What is generated of the chart's files/dashboards/: dashboards for Grafana, in its classic schema."""

import json
from typing import Any

from .fleet import fleet
from .tunnel import tunnel

DASHBOARDS = {"fleet": fleet, "tunnel": tunnel}


def dashboard_json(name: str) -> str:
    """Return a dashboard as Grafana imports it."""
    made: dict[str, Any] = DASHBOARDS[name]()
    return json.dumps(made, indent=2) + "\n"

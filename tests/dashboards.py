"""The chart's dashboards, as their tests read them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILES = sorted((Path(__file__).parents[1] / "charts" / "ipsecping" / "files" / "dashboards").glob("*.json"))
Panel = dict[str, Any]


def dashboard(path: Path) -> dict[str, Any]:
    """One of them."""
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def panels(path: Path) -> list[Panel]:
    """Its panels, without the titles of rows."""
    return [panel for panel in dashboard(path)["panels"] if panel["type"] != "row"]


def queries(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each query with the title of its panel."""
    for panel in panels(path):
        for target in panel["targets"]:
            yield panel["title"], target

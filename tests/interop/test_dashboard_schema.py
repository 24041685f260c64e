"""Dashboards against the types that Grafana publishes of them, by TypeScript's compiler."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from ..dashboards import FILES, dashboard
from ..peers import npm, typescript

PINNED = ("@grafana/schema@13.2.3", typescript.COMPILER)
KINDS = {
    "heatmap": "Heatmap",
    "stat": "Stat",
    "state-timeline": "StateTimeline",
    "table": "Table",
    "timeseries": "TimeSeries",
}
"""Panel types, as files of the package call them."""
UNTYPED = {"stat"}
"""Types whose panels have no field options of their own."""
HEAD = """\
import type { Dashboard } from '@grafana/schema';
// What is an enumeration in TypeScript is its plain value in JSON.
type Json<T> = T extends string ? `${T}`
  : T extends number ? (`${T}` extends `${infer N extends number}` ? N : never)
  : T extends object ? { [K in keyof T]: Json<T[K]> }
  : T;
"""


@pytest.fixture(scope="session")
def grafana() -> Path:
    """A folder with Grafana's types and the compiler."""
    return npm.packages("grafana-schema", *PINNED)


def source(of: dict[str, Any]) -> str:
    """TypeScript that is right where the dashboard, and the options of each of its panels, are."""
    folder = "@grafana/schema/dist/esm/raw/composable"
    lines = [HEAD]
    for name in KINDS.values():
        path = f"{folder}/{name.lower()}/panelcfg/x/{name}PanelCfg_types.gen"
        lines.append(f"import type * as {name} from '{path}';")
    lines.append(f"({json.dumps(of)}) satisfies Json<Dashboard>;")
    for panel in of["panels"]:
        if panel["type"] == "row":
            continue
        kind = KINDS[panel["type"]]
        lines.append(f"({json.dumps(panel['options'])}) satisfies Json<{kind}.Options>;")
        custom = panel["fieldConfig"]["defaults"].get("custom")
        if custom is not None:
            assert panel["type"] not in UNTYPED
            lines.append(f"({json.dumps(custom)}) satisfies Json<{kind}.FieldConfig>;")
    return "\n".join(lines) + "\n"


def test_grafana_s_types_have_every_field_and_value(grafana: Path, tmp_path: Path) -> None:
    good = {path.stem: dashboard(path) for path in FILES}
    wrong = {name: copy.deepcopy(good["fleet"]) for name in ("field", "value", "option", "place")}
    wrong["field"]["refrsh"] = "1m"
    wrong["value"]["graphTooltip"] = 7
    wrong["option"]["panels"][0]["options"]["colorMode"] = "loud"
    wrong["place"]["panels"][0]["gridPos"]["w"] = "wide"
    sources = {name: source(each) for name, each in (good | wrong).items()}
    found = typescript.wrong(grafana, sources, tmp_path)
    assert typescript.refused(found) == {*wrong}, found[:3000]

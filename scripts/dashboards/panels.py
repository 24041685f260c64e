"""Panels of a dashboard, and where they stand."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Panel = dict[str, Any]
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24
SCHEMA_VERSION = 41
TAG = "ipsecping"
RED, GREEN, GREY, YELLOW = "red", "green", "#8e8e8e", "yellow"
STATES = [
    {
        "type": "value",
        "options": {
            "1": {"text": "Healthy", "color": GREEN, "index": 0},
            "0": {"text": "Unhealthy", "color": RED, "index": 1},
            "-1": {"text": "Unknown", "color": GREY, "index": 2},
            "2": {"text": "In maintenance", "color": "blue", "index": 3},
        },
    }
]
"""Of a query that is 1, 0 or -1; 2 while a window of maintenance is open."""
ALERTING = [
    {
        "type": "value",
        "options": {
            "1": {"text": "Pending", "color": YELLOW, "index": 0},
            "2": {"text": "Firing", "color": RED, "index": 1},
        },
    }
]
"""Of a query that is 1 or 2."""
LIMIT = "limit"
"""What the legend of a limit begins with."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel."""

    expr: str
    legend: str = ""
    format: str = "time_series"
    instant: bool = False

    def target(self, number: int) -> Panel:
        """As it stands in a panel."""
        return {
            "refId": chr(ord("A") + number),
            "datasource": DATASOURCE,
            "expr": self.expr,
            "legendFormat": self.legend or "__auto",
            "format": self.format,
            "instant": self.instant,
            "range": not self.instant,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How values are shown."""

    unit: str
    text: str = ""
    """What the panel says of itself."""
    least: float | None = 0
    most: float | None = None
    decimals: int | None = None
    steps: Sequence[tuple[float | None, str]] = ((None, GREEN),)
    mappings: Sequence[Panel] = field(default=())

    def defaults(self, custom: Panel | None = None) -> Panel:
        """`fieldConfig.defaults`."""
        made: Panel = {
            "unit": self.unit,
            "thresholds": {
                "mode": "absolute",
                "steps": [{"value": value, "color": color} for value, color in self.steps],
            },
            "mappings": list(self.mappings),
        }
        given = {"min": self.least, "max": self.most, "decimals": self.decimals, "custom": custom}
        return made | {name: value for name, value in given.items() if value is not None}


def stat(title: str, query: Query, look: Look, *, background: bool = False) -> Panel:
    """One number."""
    options = {
        "colorMode": "background" if background else "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "textMode": "auto",
        "orientation": "auto",
        "wideLayout": True,
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    return _panel("stat", title, [query], look.text, look.defaults(), options)


def timeseries(title: str, queries: Sequence[Query], look: Look) -> Panel:
    """Lines over time; those of limits are dashed."""
    custom = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 0, "showPoints": "auto", "spanNulls": False}
    dashed = {
        "matcher": {"id": "byRegexp", "options": f"{LIMIT}.*"},
        "properties": [
            {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [10, 10]}},
            {"id": "color", "value": {"mode": "fixed", "fixedColor": RED}},
        ],
    }
    options = {
        "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    defaults = look.defaults(custom) | {"color": {"mode": "palette-classic"}}
    return _panel("timeseries", title, queries, look.text, defaults, options, [dashed])


def states(title: str, query: Query, text: str, mappings: Sequence[Panel] = STATES) -> Panel:
    """Which state each series was in."""
    look = Look(unit="none", least=None, mappings=mappings)
    options = {
        "rowHeight": 0.85,
        "showValue": "never",
        "mergeValues": True,
        "alignValue": "left",
        "legend": {"showLegend": False, "displayMode": "list", "placement": "bottom", "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    defaults = look.defaults({"fillOpacity": 80, "lineWidth": 0}) | {"color": {"mode": "thresholds"}}
    return _panel("state-timeline", title, [query], text, defaults, options)


def heatmap(title: str, query: Query, look: Look) -> Panel:
    """A histogram over time."""
    options = {
        "calculate": False,
        "color": {
            "mode": "scheme", "scheme": "Blues", "fill": "blue", "scale": "exponential", "exponent": 0.5,
            "steps": 64, "reverse": False,
        },
        "cellGap": 0,
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": False},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"mode": "single", "yHistogram": True, "showColorScale": False},
        "yAxis": {"unit": look.unit, "axisPlacement": "left", "reverse": False},
    }  # fmt: skip
    return _panel("heatmap", title, [query], look.text, {"unit": "short"}, options)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: the query that fills it, and its look."""

    title: str
    query: str
    look: Look
    colored: bool = False


def table(
    title: str,
    labels: Sequence[tuple[str, str]],
    columns: Sequence[Column],
    text: str,
    link: Panel | None = None,
) -> Panel:
    """One row for each set of labels (name, title), one column for each query."""
    queries = [Query(each.query, format="table", instant=True) for each in columns]
    values = {f"Value #{chr(ord('A') + number)}": each for number, each in enumerate(columns)}
    if len(columns) == 1:
        values = {"Value": columns[0]}
    renamed = dict(labels) | {name: each.title for name, each in values.items()}
    organize = {
        "excludeByName": {"Time": True},
        "indexByName": {name: number for number, name in enumerate(renamed)},
        "renameByName": renamed,
    }
    overrides = [_column(each) for each in columns]
    if link is not None:
        overrides.append(
            {
                "matcher": {"id": "byName", "options": labels[0][1]},
                "properties": [{"id": "links", "value": [link]}],
            }
        )
    options = {"showHeader": True, "frameIndex": 0, "cellHeight": "sm", "enablePagination": False}
    defaults = {
        "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False, "filterable": True}
    }
    made = _panel("table", title, queries, text, defaults, options, overrides)
    made["transformations"] = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": organize},
    ]
    return made


def _column(of: Column) -> Panel:
    properties = [
        {"id": name, "value": value}
        for name, value in of.look.defaults().items()
        if name in ("unit", "decimals", "thresholds", "mappings") and value not in (None, [])
    ]
    if of.colored:
        properties.append({"id": "custom.cellOptions", "value": {"type": "color-text"}})
    return {"matcher": {"id": "byName", "options": of.title}, "properties": properties}


def _panel(
    kind: str,
    title: str,
    queries: Sequence[Query],
    text: str,
    defaults: Panel,
    options: Panel,
    overrides: Sequence[Panel] = (),
) -> Panel:
    return {
        "type": kind,
        "title": title,
        "description": text,
        "datasource": DATASOURCE,
        "targets": [query.target(number) for number, query in enumerate(queries)],
        "fieldConfig": {"defaults": defaults, "overrides": list(overrides)},
        "options": options,
    }


Row = tuple[str, int, Sequence[Panel]]
"""Title (empty: none), height, and panels that share the width."""


def placed(rows: Sequence[Row]) -> list[Panel]:
    """The panels of all rows with their places and numbers."""
    found = list(_placed(rows))
    for number, panel in enumerate(found, 1):
        panel["id"] = number
    return found


def _placed(rows: Sequence[Row]) -> Iterator[Panel]:
    top = 0
    for title, height, panels in rows:
        if title:
            yield {
                "type": "row", "title": title, "collapsed": False, "panels": [],
                "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1},
            }  # fmt: skip
            top += 1
        width = WIDTH // len(panels)
        for number, panel in enumerate(panels):
            yield {"gridPos": {"x": number * width, "y": top, "w": width, "h": height}, **panel}
        top += height


def variable(name: str, label: str, metric: str, *, several: bool) -> Panel:
    """A choice among the values of a label of a metric."""
    made: Panel = {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": DATASOURCE,
        "query": {"query": f"label_values({metric})", "refId": "StandardVariableQuery"},
        "refresh": 2,
        "sort": 1,
        "multi": several,
        "includeAll": several,
    }
    if several:
        made |= {"allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]}}
    return made


def dashboard(name: str, title: str, text: str, variables: Sequence[Panel], rows: Sequence[Row]) -> Panel:
    """The whole."""
    source = {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus"}
    return {
        "uid": f"ipsecping-{name}",
        "title": title,
        "description": text,
        "tags": [TAG],
        "schemaVersion": SCHEMA_VERSION,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [source, *variables]},
        "links": [
            {
                "type": "dashboards", "tags": [TAG], "title": "IPsecPing", "icon": "external link",
                "tooltip": "", "asDropdown": False, "includeVars": False, "keepTime": True,
                "targetBlank": False,
            }
        ],
        "panels": placed(rows),
    }  # fmt: skip

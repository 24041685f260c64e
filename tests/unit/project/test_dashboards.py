"""Dashboards ask for metrics and labels that the operator exports, and their panels stand side by side."""

import re
from itertools import combinations
from pathlib import Path

import pytest

from ipsecping_operator.metrics.families import families
from ipsecping_operator.metrics.operator import OperatorMetrics

from ...dashboards import FILES, dashboard, panels, queries
from ...yaml_text import from_yaml

_METRIC = re.compile(r"\b(ipsecping[_:][a-z0-9_:]+|ALERTS(?:_FOR_STATE)?)\b(?:\{([^}]*)\})?")
_BY = re.compile(r"\bby \(([^)]*)\)")
_LEGEND = re.compile(r"\{\{(\w+)\}\}")
RULES = Path(__file__).parents[3] / "manifests" / "monitoring" / "rules.yaml"
SUFFIXES = ("_total", "_bucket")
WIDTH = 24


def of_checks() -> dict[str, set[str]]:
    """The labels of each metric of checks, by the name without what its kind appends."""
    return {each.name: {*each.labels, "le"} for each in families()}


def recorded() -> set[str]:
    """What the rules make of the metrics."""
    groups = from_yaml(RULES.read_text())["groups"]
    names = {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}
    return names | {"ALERTS", "ALERTS_FOR_STATE"}


def bare(name: str) -> str:
    return next((name.removesuffix(each) for each in SUFFIXES if name.endswith(each)), name)


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def test_there_is_one_of_the_fleet_and_one_of_a_tunnel() -> None:
    assert [each.stem for each in FILES] == ["fleet", "tunnel"]
    assert {dashboard(each)["uid"] for each in FILES} == {"ipsecping-fleet", "ipsecping-tunnel"}


def test_each_query_names_metrics_and_labels_that_there_are(path: Path) -> None:
    known = of_checks()
    # What the rules record and Prometheus says of alerts has labels that no metric declares.
    elsewhere = {each.name for each in OperatorMetrics().registry.collect()} | recorded()
    for title, target in queries(path):
        expr = target["expr"]
        named = [(bare(name), chosen) for name, chosen in _METRIC.findall(expr)]
        assert named, (title, expr)
        for name, chosen in named:
            if name in elsewhere:
                continue
            labels = known[name]
            assert set(re.findall(r"(\w+)=~?\"", chosen)) <= labels, (title, name)
            for by in _BY.findall(expr):
                assert {label.strip() for label in by.split(",")} <= labels, (title, name)


def test_legends_show_labels_that_the_query_keeps(path: Path) -> None:
    for title, target in queries(path):
        shown = set(_LEGEND.findall(target["legendFormat"]))
        outer = _BY.findall(target["expr"])
        kept = {label.strip() for by in outer for label in by.split(",")}
        assert shown <= kept, (title, target["legendFormat"])


def test_panels_have_titles_of_their_own_and_do_not_overlap(path: Path) -> None:
    titles = [panel["title"] for panel in dashboard(path)["panels"]]
    assert sorted(titles) == sorted(set(titles))
    places = [panel["gridPos"] for panel in dashboard(path)["panels"]]
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    assert max(place["x"] + place["w"] for place in places) == WIDTH
    assert all(panel["description"] or panel["type"] == "stat" for panel in panels(path))


def test_every_variable_of_a_query_is_defined(path: Path) -> None:
    names = {each["name"] for each in dashboard(path)["templating"]["list"]}
    for title, target in queries(path):
        used = set(re.findall(r"\$(\w+)", target["expr"]))
        assert {each for each in used if not each.startswith("__")} <= names, title

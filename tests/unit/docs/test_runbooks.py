"""Every alert has a page that says what to do, and no page is about an alert that is no more."""

import re
import shlex
from typing import Any

import pytest
import yaml

from ipsecping.cli.main import parser

from ...docs.documents import DOCS, ROOT

RULES = yaml.safe_load((ROOT / "manifests" / "monitoring" / "rules.yaml").read_text())
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"] if "alert" in rule}
RUNBOOKS = DOCS / "runbooks"
HEADINGS = ["Meaning", "What to look at", "Next step"]
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)#]+)(?:#([^)]+))?\)")


def test_pages_and_alerts_are_the_same() -> None:
    assert {page.stem for page in RUNBOOKS.glob("*")} == {*ALERTS}


@pytest.mark.parametrize("alert", ALERTS)
def test_a_page_says_what_it_means_what_to_look_at_and_what_to_do(alert: str) -> None:
    text = (RUNBOOKS / f"{alert}.md").read_text()
    assert text.startswith(f"# {alert}\n")
    assert re.findall("^## (.*)$", text, re.MULTILINE) == HEADINGS
    assert all(len(part.strip()) > 40 for part in text.split("\n## ")[1:])
    rule = ALERTS[alert]
    assert f"| {severity(rule)} | {rule['for']} |" in text
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{alert}.md"


@pytest.mark.parametrize("alert", ALERTS)
def test_what_a_page_refers_to_is_there(alert: str) -> None:
    for file, anchor in _LINK.findall((RUNBOOKS / f"{alert}.md").read_text()):
        named = RUNBOOKS / file
        assert named.exists(), file
        headings = re.findall("^#+ (.*)$", named.read_text(), re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
        assert not anchor or anchor in anchors, f"{file}#{anchor}"


@pytest.mark.parametrize("alert", ALERTS)
def test_what_a_page_says_to_type_can_be_typed_as_it_is(alert: str) -> None:
    spans = _SPAN.findall((RUNBOOKS / f"{alert}.md").read_text())
    for words in (shlex.split(span) for span in spans if "ipsecping " in span and "reflect" not in span):
        # Whoever is on call has no prober at hand, but the check's pod.
        if "ipsecping" in words:
            assert words[:6] == ["kubectl", "-n", "NAMESPACE", "exec", "POD", "--"]
            parser(words[7:8]).parse_args(words[7:])


@pytest.mark.parametrize(
    "alert", [name for name, rule in ALERTS.items() if "diagnosis_info" in str(rule["annotations"])]
)
def test_the_page_of_an_alert_that_names_a_cause_says_where_the_diagnosis_is(alert: str) -> None:
    text = (RUNBOOKS / f"{alert}.md").read_text()
    assert "`status.diagnosis" in text
    assert "ipsecping.dev/diagnose=$(date +%s)" in text


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_in_a_line_what_is_wrong_where(alert: str) -> None:
    said = ALERTS[alert]["annotations"]
    assert len(said["summary"].partition("{{ with")[0]) < 160
    assert "\n" not in said["summary"] + said["description"]
    if "ipsecping:alerting_info\n* on" in ALERTS[alert]["expr"]:
        assert said["summary"].startswith("{{ $labels.tunnel_name }}: ")


def test_the_chart_has_the_same_rules() -> None:
    text = (ROOT / "charts" / "ipsecping" / "files" / "rules.yaml").read_text()
    rule = yaml.safe_load((ROOT / "manifests" / "monitoring" / "prometheusrule.yaml").read_text())
    assert yaml.safe_load(text) == RULES == rule["spec"]


def severity(rule: dict[str, Any]) -> str:
    said = str(rule["labels"]["severity"])
    if said == "{{ $labels.severity }}":
        return "the check's (default: critical)"
    return "critical" if said == "critical" else "warning"

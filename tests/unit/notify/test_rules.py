"""What the operator tells by itself and what the rules for Prometheus tell are one and the same alert."""

from pathlib import Path

import pytest

from ipsecping_operator.notify import alert_kinds as kinds
from ipsecping_operator.notify.alert_kinds import AlertKind

from ...yaml_text import from_yaml

RULES = Path(__file__).parents[3] / "manifests" / "monitoring" / "rules.yaml"
ALERTS = {
    rule["alert"]: rule
    for group in from_yaml(RULES.read_text())["groups"]
    for rule in group["rules"]
    if "alert" in rule
}
KINDS = [each for each in vars(kinds).values() if isinstance(each, AlertKind)]
NEED_A_HISTORY = {"IPsecPingLatencyDegraded", "IPsecPingLossDegraded"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_an_alert_has_a_rule_that_waits_as_long_and_is_as_grave(kind: AlertKind) -> None:
    rule = ALERTS[kind.alertname]
    assert rule["for"] == kind.wait
    worst = rule["labels"]["severity"] in ("critical", "{{ $labels.severity }}")
    assert worst == kind.worst
    assert (
        kind.name == "Flapping" or kind.summary.removeprefix("the gateway ") in rule["annotations"]["summary"]
    )


def test_what_the_operator_does_not_tell_takes_a_history_or_is_about_the_operator() -> None:
    about_checks = {name for name in ALERTS if "Operator" not in name}
    others = about_checks - {kind.alertname for kind in KINDS} - NEED_A_HISTORY
    assert others == {"IPsecPingAgentsUnreadable", "IPsecPingResultsRefused"}

"""What Argo CD says of a check and does to it, for each reason that a condition can have."""

from typing import Any

import pytest

from ipsecping_operator.api.conditions import (
    ConditionType,
    HealthyReason,
    MaintenanceReason,
    ReadyReason,
    Reason,
    StalledReason,
)
from ipsecping_operator.status.conditions import condition

from .. import argocd

NOW = 1_795_000_000_000_000_000
GOOD = (ReadyReason.RECONCILED, HealthyReason.WITHIN_THRESHOLDS)
_TYPES = {
    ReadyReason: ConditionType.READY,
    HealthyReason: ConditionType.HEALTHY,
    MaintenanceReason: ConditionType.MAINTENANCE,
    StalledReason: ConditionType.STALLED,
}


def check(*reasons: Reason, spec: dict[str, Any] | None = None, observed: int = 3) -> argocd.Object:
    """A check whose status has these conditions, and its generation 3."""
    conditions = [
        condition(
            _TYPES[type(reason)],
            reason,
            f"the words of {reason}",
            previous={},
            generation=observed,
            now=NOW,
        ).to_json()
        for reason in reasons
    ]
    return {
        "apiVersion": "ipsecping.dev/v1alpha1",
        "kind": "IPsecTunnelCheck",
        "metadata": {"name": "hq", "namespace": "network", "generation": 3},
        "spec": {"target": "203.0.113.10", "probes": [{"name": "ping", "icmp": {}}]} | (spec or {}),
        "status": {"observedGeneration": observed, "conditions": conditions},
    }


def status(*reasons: Reason) -> str:
    """What Argo CD says of a check with these conditions; it says why in the operator's words."""
    ((said, message),) = argocd.health(check(*reasons))
    assert message in {f"{reason}: the words of {reason}" for reason in reasons}
    return said


def test_a_tunnel_that_is_well_is_healthy() -> None:
    assert status(*GOOD) == "Healthy"


@pytest.mark.parametrize("reason", [each for each in HealthyReason if each is not GOOD[1]])
def test_a_tunnel_that_is_not_well_or_silent_is_degraded(reason: HealthyReason) -> None:
    waits = reason in (HealthyReason.NO_RESULTS, HealthyReason.SUSPENDED)
    assert status(ReadyReason.RECONCILED, reason) == ("Progressing" if waits else "Degraded")


@pytest.mark.parametrize("reason", [each for each in HealthyReason if each is not GOOD[1]])
def test_a_tunnel_under_maintenance_is_suspended_whatever_is_wrong_with_it(reason: HealthyReason) -> None:
    waits = reason in (HealthyReason.NO_RESULTS, HealthyReason.SUSPENDED)
    found = check(ReadyReason.RECONCILED, reason, MaintenanceReason.WINDOW_OPEN)
    ((said, message),) = argocd.health(found)
    assert said == ("Progressing" if waits else "Suspended")
    assert waits or message.endswith("; WindowOpen: the words of WindowOpen")


@pytest.mark.parametrize("closed", [MaintenanceReason.WINDOW_CLOSED, MaintenanceReason.WINDOWS_OVER])
def test_a_window_that_is_not_open_changes_nothing(closed: MaintenanceReason) -> None:
    assert status(*GOOD, MaintenanceReason.WINDOW_OPEN) == "Healthy"
    assert status(*GOOD, closed) == "Healthy"
    assert status(ReadyReason.RECONCILED, HealthyReason.DOWN, closed) == "Degraded"
    assert status(ReadyReason.NOT_PERMITTED, HealthyReason.DOWN, MaintenanceReason.WINDOW_OPEN) == "Degraded"


@pytest.mark.parametrize("reason", [each for each in ReadyReason if each is not GOOD[0]])
def test_a_check_that_does_not_measure_is_never_healthy(reason: ReadyReason) -> None:
    others = {ReadyReason.SUSPENDED: "Suspended", ReadyReason.WORKLOAD_UNAVAILABLE: "Progressing"}
    assert status(reason, HealthyReason.WITHIN_THRESHOLDS) == others.get(reason, "Degraded")


def test_what_only_an_edit_can_help_is_degraded() -> None:
    stalled = (StalledReason.INVALID_SPEC, ReadyReason.INVALID_SPEC, HealthyReason.NO_RESULTS)
    assert status(*stalled) == "Degraded"


def test_an_edit_that_the_operator_has_not_seen_is_progressing() -> None:
    unseen = check(*GOOD, observed=2)
    new = check() | {"status": {"observedGeneration": -1}}
    bare = {key: value for key, value in check().items() if key != "status"}
    empty = check() | {"status": {}}
    assert [said for said, _ in argocd.health(unseen, new, bare, empty)] == ["Progressing"] * 4


@pytest.mark.parametrize("lacking", [(), (ReadyReason.RECONCILED,)])
def test_a_status_without_a_condition_waits_for_it(lacking: tuple[ReadyReason, ...]) -> None:
    ((said, message),) = argocd.health(check(*lacking))
    assert said == "Progressing"
    assert message.startswith("waiting for")


def test_a_condition_without_words_is_told_by_its_reason() -> None:
    found = check(*GOOD)
    del found["status"]["conditions"][1]["message"]
    found["status"]["conditions"][0]["message"] = ""
    assert argocd.health(found) == [("Healthy", "WithinThresholds")]


def test_actions_are_offered_where_they_do_something() -> None:
    measuring = {"run-now", "diagnose", "suspend"}
    assert argocd.offered(check(*GOOD)) == measuring
    assert argocd.offered(check(*GOOD, spec={"suspend": False})) == measuring
    assert argocd.offered(check(ReadyReason.SUSPENDED, spec={"suspend": True})) == {"resume"}


@pytest.mark.parametrize("action", ["run-now", "diagnose"])
@pytest.mark.parametrize("annotations", [None, {"team": "network", "ipsecping.dev/run-now": "1"}])
def test_a_request_is_a_new_value_of_its_annotation(action: str, annotations: dict[str, str] | None) -> None:
    found = check(*GOOD)
    if annotations is not None:
        found["metadata"]["annotations"] = annotations
    patch = argocd.patch_of(action, found)
    value = patch["metadata"]["annotations"].pop(f"ipsecping.dev/{action}")
    assert value.startswith("20")
    assert value.endswith("Z")
    assert patch == {"metadata": {"annotations": {}}}


def test_suspend_and_resume_change_that_field_alone() -> None:
    assert argocd.patch_of("suspend", check(*GOOD)) == {"spec": {"suspend": True}}
    suspended = check(ReadyReason.SUSPENDED, spec={"suspend": True})
    assert argocd.patch_of("resume", suspended) == {"spec": {"suspend": None}}

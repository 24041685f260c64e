"""Fields of a plan that nobody asks for are named: a misspelt option would be passed over in silence."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from ipsecping.agent.plan_file import read_plan
from ipsecping.contract import ContractError, Plan, PlannedCheck, plan_from_json, plan_to_json
from ipsecping.contract.unread import MOST, unread

from .strategies import checks

PROBE: dict[str, Any] = {
    "name": "datapath", "type": "STAMP", "port": 862, "count": 10, "spacingMs": 50, "timeoutMs": 500,
    "size": 72,
}  # fmt: skip


def written(**changes: Any) -> dict[str, Any]:
    check = {
        "uid": "u", "namespace": "n", "name": "c", "generation": 1, "tunnelName": "t", "path": "default",
        "target": "10.50.1.10", "intervalMs": 2000, "probes": [{**PROBE, **changes}],
    }  # fmt: skip
    return {"version": 1, "checks": [check]}


@given(check=checks())
def test_what_a_plan_has_is_asked_for(check: PlannedCheck) -> None:
    assert unread(plan_from_json, plan_to_json(Plan(checks=(check,))), "plan") == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"sourcePrt": 4000}, ["plan.checks[0].probes[0]: 'sourcePrt'"]),
        ({"options": {"askDscp": True}}, ["plan.checks[0].probes[0].options: 'askDscp'"]),
        ({f"more{i}": i for i in range(9)}, [f"plan.checks[0].probes[0]: 'more{i}'" for i in range(MOST)]),
    ],
)
def test_misspelt_fields_are_named_and_the_plan_is_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, changes: dict[str, Any], named: list[str]
) -> None:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(written(**changes)))
    with caplog.at_level(logging.WARNING):
        plan = read_plan(file)
    assert [probe.name for check in plan.checks for probe in check.probes] == ["datapath"]
    passed_over = "is no field that this version knows: it is passed over"
    assert [record.getMessage() for record in caplog.records] == [f"{each} {passed_over}" for each in named]


def test_a_file_without_end_is_no_plan() -> None:
    with pytest.raises(ContractError, match="larger than 67108864 bytes"):
        read_plan(Path("/dev/zero"))

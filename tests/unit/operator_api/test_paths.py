"""Paths: a plan and a workload for each, named so that they never meet, removed with their path."""

from typing import Any

import pytest

from ipsecping_operator.children import ChildRef, ChildSettings, build_children, controller_uid, surplus
from ipsecping_operator.compile import CompiledCheck, compile_check
from ipsecping_operator.compile.effective import effective_spec

UID = "3f0f2f6e-6f4c-4d0c-9f1c-1f2d3c4b5a69"
SETTINGS = ChildSettings(probe_image="registry.example.com/probe:1")
BACKUP = {"name": "backup", "target": "203.0.113.138", "placement": {"nodeSelector": {"uplink": "lte"}}}
PATHS = [{"name": "primary"}, BACKUP]


def check(*, name: str = "hq-dc1", **spec: Any) -> CompiledCheck:
    metadata = {"uid": UID, "namespace": "network", "name": name, "generation": 1}
    return compile_check({"metadata": metadata, "spec": {"target": "203.0.113.10"} | spec})


def test_each_path_has_its_target_and_all_probes() -> None:
    made = check(paths=PATHS, probes=[{"name": "a", "icmp": {}}, {"name": "b", "stamp": {}}])
    assert [(path.plan.path, path.plan.target) for path in made.paths] == [
        ("primary", "203.0.113.10"),
        ("backup", "203.0.113.138"),
    ]
    assert [[probe.name for probe in path.plan.probes] for path in made.paths] == [["a", "b"]] * 2
    assert len({path.plan.nonce for path in made.paths}) == 2


def test_each_path_may_have_a_family_of_its_own() -> None:
    paths = [
        {"name": "a", "family": "IPv4"},
        {"name": "b"},
        {"name": "c", "target": "10.0.0.1", "family": "IPv4"},
    ]
    made = check(target="db.example", family="IPv6", paths=paths)
    assert [path.plan.family for path in made.paths] == ["IPv4", "IPv6", "IPv4"]
    effective = check(**effective_spec(made))
    assert [path.plan for path in effective.paths] == [path.plan for path in made.paths]


def test_a_path_s_placement_replaces_the_common_one_field_by_field() -> None:
    tolerations = [{"key": "edge", "operator": "Exists"}]
    common = {"nodeSelector": {"role": "edge"}, "tolerations": tolerations}
    primary, backup = check(paths=PATHS, placement=common).paths
    assert dict(primary.placement.node_selector) == {"role": "edge"}
    assert dict(backup.placement.node_selector) == {"uplink": "lte"}
    assert [dict(each) for each in backup.placement.tolerations] == tolerations


def test_each_path_has_a_workload_of_its_own() -> None:
    made = build_children(check(paths=PATHS), SETTINGS)
    assert [child["kind"] for child in made] == ["ConfigMap", "Deployment"] * 2
    deployments = [child for child in made if child["kind"] == "Deployment"]
    selectors = [child["spec"]["selector"]["matchLabels"] for child in deployments]
    assert [each["ipsecping.dev/path"] for each in selectors] == ["primary", "backup"]
    assert len({child["metadata"]["name"] for child in deployments}) == 2


def test_an_edit_of_one_path_leaves_the_other_alone() -> None:
    before = build_children(check(paths=PATHS), SETTINGS)
    after = build_children(check(paths=[{"name": "primary"}, {"name": "backup"}]), SETTINGS)
    assert before[1] == after[1]
    assert before[3] != after[3]


@pytest.mark.parametrize("schedule", [{"interval": "10s"}, {"cron": "@hourly"}], ids=["interval", "cron"])
def test_what_a_removed_path_leaves_behind_is_surplus(schedule: dict[str, str]) -> None:
    before = build_children(check(schedule=schedule, paths=PATHS), SETTINGS)
    after = build_children(check(schedule=schedule, paths=PATHS[:1]), SETTINGS)
    names = {child["metadata"]["name"] for child in before} - {child["metadata"]["name"] for child in after}
    gone = surplus({ChildRef.of(each): controller_uid(each) for each in before}, after, owner_uid=UID)
    assert {ref.name for ref in gone} == names
    assert len(gone) == 2


@pytest.mark.parametrize("name", ["a", "a" * 253, "a." * 100 + "a"])
def test_names_of_the_longest_paths_fit_and_never_meet(name: str) -> None:
    paths = [{"name": "p" * 62 + letter} for letter in "abcdefgh"]
    made = build_children(check(name=name, schedule={"cron": "@hourly"}, paths=paths), SETTINGS)
    names = [child["metadata"]["name"] for child in made if child["kind"] == "CronJob"]
    assert len(set(names)) == 8
    assert max(len(each) for each in names) <= 52


def test_the_effective_spec_of_paths_compiles_to_the_same_check() -> None:
    before = check(paths=PATHS, placement={"nodeSelector": {"role": "edge"}})
    metadata = {"uid": UID, "namespace": "network", "name": "hq-dc1", "generation": 1}
    assert compile_check({"metadata": metadata, "spec": effective_spec(before)}) == before


def test_one_path_may_have_any_name() -> None:
    (path,) = check(paths=[{"name": "primary"}]).paths
    assert path.plan.path == "primary"

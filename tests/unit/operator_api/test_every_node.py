"""A path that is measured from every node: a DaemonSet in the place of the Deployment."""

from pathlib import Path
from typing import Any

import yaml

from ipsecping_operator.children import ChildRef, ChildSettings, build_children, controller_uid, surplus
from ipsecping_operator.compile import CompiledCheck, compile_check
from ipsecping_operator.compile.effective import effective_spec

UID = "3f0f2f6e-6f4c-4d0c-9f1c-1f2d3c4b5a69"
SETTINGS = ChildSettings(probe_image="registry.example.com/probe:1")
METADATA = {"uid": UID, "namespace": "network", "name": "mesh", "generation": 1}
EVERYWHERE = {"everyNode": True}


def check(**spec: Any) -> CompiledCheck:
    return compile_check({"metadata": METADATA, "spec": {"target": "203.0.113.10"} | spec})


def made(**spec: Any) -> dict[str, dict[str, Any]]:
    return {child["kind"]: child for child in build_children(check(**spec), SETTINGS)}


def test_every_node_has_an_agent_of_a_daemon_set() -> None:
    daemon_set = made(placement=EVERYWHERE)["DaemonSet"]
    deployment = made()["Deployment"]
    assert "Deployment" not in made(placement=EVERYWHERE)
    assert daemon_set["metadata"] == deployment["metadata"], "named and labelled as any path's workload"
    assert daemon_set["spec"]["template"] == deployment["spec"]["template"]
    assert daemon_set["spec"]["selector"] == deployment["spec"]["selector"]
    assert "replicas" not in daemon_set["spec"]
    # A node that is lost holds up no other one's new agent.
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}}
    assert daemon_set["spec"]["updateStrategy"] == rolling


def test_nodes_are_chosen_as_for_any_pod() -> None:
    tolerations = [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}]
    placement = {"nodeSelector": {"role": "edge"}, "tolerations": tolerations, "hostNetwork": True}
    pod = made(placement=placement | EVERYWHERE)["DaemonSet"]["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"kubernetes.io/os": "linux", "role": "edge"}
    assert pod["tolerations"] == tolerations
    assert pod["hostNetwork"] is True
    ports = {each["name"]: each["containerPort"] for each in pod["containers"][0]["ports"]}
    assert ports["health"] == ports["http"] + 1, "a pair that no other agent has"


def test_a_suspended_one_has_no_workload_and_keeps_its_plan() -> None:
    assert set(made(placement=EVERYWHERE, suspend=True)) == {"ConfigMap"}


def test_paths_may_differ_in_it_and_a_path_may_take_it_back() -> None:
    paths = [{"name": "from-everywhere"}, {"name": "from-one", "placement": {"everyNode": False}}]
    children = build_children(check(placement=EVERYWHERE, paths=paths), SETTINGS)
    assert [each["kind"] for each in children] == ["ConfigMap", "DaemonSet", "ConfigMap", "Deployment"]


def test_an_edit_leaves_the_workload_of_the_other_kind_behind_as_surplus() -> None:
    for before, after in ((made(), made(placement=EVERYWHERE)), (made(placement=EVERYWHERE), made())):
        existing = {ChildRef.of(each): controller_uid(each) for each in before.values()}
        (gone,) = surplus(existing, after.values(), owner_uid=UID)
        assert gone.kind in ("Deployment", "DaemonSet")
        assert gone.kind not in after


def test_the_effective_spec_shows_it_and_compiles_to_the_same() -> None:
    before = check(placement=EVERYWHERE)
    effective = effective_spec(before)
    assert effective["placement"] == EVERYWHERE
    assert compile_check({"metadata": METADATA, "spec": effective}) == before


def test_the_sample_measures_from_every_node() -> None:
    sample = Path(__file__).parents[3] / "manifests/samples/every-node.yaml"
    children = made(**yaml.safe_load(sample.read_text())["spec"])
    assert set(children) == {"ConfigMap", "DaemonSet"}

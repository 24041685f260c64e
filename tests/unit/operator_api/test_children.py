"""Children: names that fit and never collide, pods that may run anywhere, plans that restart nobody."""

import copy
import itertools
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract import StampOptions, plan_from_json
from ipsecping.contract.token import verifier
from ipsecping_operator.children import (
    NONCE_ANNOTATION,
    VERIFIERS_ANNOTATION,
    ChildRef,
    ChildSettings,
    build_children,
    child_name,
    controller_uid,
    surplus,
)
from ipsecping_operator.children.defaults import NO_MESH_ANNOTATIONS, NO_MESH_LABELS
from ipsecping_operator.children.labels import label_value
from ipsecping_operator.children.objects import run_now_job
from ipsecping_operator.compile import CompiledCheck, Cron, compile_check
from ipsecping_operator.observe.kinds import APPLIED
from ipsecping_operator.tokens.keys import TokenKeys

SETTINGS = ChildSettings(probe_image="registry.example.com/probe:1")
CRON = {"cron": "*/5 * * * *"}
UID = "3f0f2f6e-6f4c-4d0c-9f1c-1f2d3c4b5a69"
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
CHECK_NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", fullmatch=True).filter(
    lambda name: not re.search(r"\.[-.]|-\.", name)
)


def check(*, name: str = "hq-dc1", uid: str = UID, generation: int = 1, **spec: Any) -> CompiledCheck:
    metadata = {"uid": uid, "namespace": "network", "name": name, "generation": generation}
    return compile_check({"metadata": metadata, "spec": {"target": "203.0.113.10"} | spec})


def children(**given: Any) -> dict[str, dict[str, Any]]:
    return {child["kind"]: child for child in build_children(check(**given), SETTINGS)}


def pod(workload: dict[str, Any]) -> Any:
    spec = workload["spec"]
    return (spec["jobTemplate"]["spec"] if workload["kind"] == "CronJob" else spec)["template"]


BOTH = pytest.mark.parametrize("schedule", [{"interval": "10s"}, CRON], ids=["interval", "cron"])


def test_an_interval_makes_a_deployment_and_a_cron_line_a_cron_job() -> None:
    assert list(children()) == ["ConfigMap", "Deployment"]
    assert list(children(schedule=CRON)) == ["ConfigMap", "CronJob"]


@BOTH
def test_the_config_map_holds_the_plan_that_the_prober_reads(schedule: dict[str, str]) -> None:
    made = children(schedule=schedule)["ConfigMap"]
    (plan,) = plan_from_json(json.loads(made["data"]["plan.json"])).checks
    assert plan == check(schedule=schedule).paths[0].plan
    assert made["metadata"]["annotations"] == {NONCE_ANNOTATION: plan.nonce}


def test_an_edit_of_the_plan_leaves_the_agent_alone() -> None:
    probes = [{"name": "a", "stamp": {"port": 1862}}, {"name": "b", "icmp": {}}]
    before = children()["Deployment"]
    after = children(generation=9, target="db.dc1.example", probes=probes, schedule={"interval": "5s"})[
        "Deployment"
    ]
    assert before == after


@BOTH
def test_children_belong_to_the_check_and_do_not_block_its_deletion(schedule: dict[str, str]) -> None:
    for child in children(schedule=schedule).values():
        (owner,) = child["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"]) == ("IPsecTunnelCheck", "hq-dc1", UID)
        assert owner["controller"] is True
        assert owner["blockOwnerDeletion"] is False
        assert child["metadata"]["namespace"] == "network"
        assert child["metadata"]["labels"]["ipsecping.dev/check-uid"] == UID


@BOTH
def test_pods_carry_the_labels_of_their_check(schedule: dict[str, str]) -> None:
    made = children(schedule=schedule)
    for kind in made.keys() - {"ConfigMap"}:
        assert made[kind]["metadata"]["labels"].items() <= pod(made[kind])["metadata"]["labels"].items()


def test_the_deployment_selects_its_pods() -> None:
    deployment = children()["Deployment"]
    assert (
        deployment["spec"]["selector"]["matchLabels"].items() <= pod(deployment)["metadata"]["labels"].items()
    )


def test_suspend_stops_the_agent_and_the_cron_job() -> None:
    assert children(suspend=True)["Deployment"]["spec"]["replicas"] == 0
    assert children(suspend=False)["Deployment"]["spec"]["replicas"] == 1
    assert children(suspend=True, schedule=CRON)["CronJob"]["spec"]["suspend"] is True


def test_the_cron_job_reads_the_line_in_the_zone_that_the_operator_counts_in() -> None:
    assert children(schedule=CRON)["CronJob"]["spec"]["timeZone"] == "Etc/UTC"
    zoned = children(schedule=CRON | {"timeZone": "Europe/Berlin"})["CronJob"]
    assert zoned["spec"]["timeZone"] == "Europe/Berlin"


def test_a_round_has_more_time_than_it_can_take() -> None:
    probes = [{"name": "a", "count": 100, "spacing": "2s", "timeout": "10s", "icmp": {}}]
    job = children(schedule={"cron": "@hourly"}, probes=probes)["CronJob"]["spec"]["jobTemplate"]["spec"]
    assert job["activeDeadlineSeconds"] > 99 * 2 + 10
    assert job["backoffLimit"] == 0


@BOTH
def test_pods_are_placed_as_asked(schedule: dict[str, str]) -> None:
    tolerations = [{"key": "edge", "operator": "Exists"}]
    placement = {"nodeSelector": {"role": "edge"}, "tolerations": tolerations}
    *_, workload = build_children(check(schedule=schedule, placement=placement), SETTINGS)
    assert pod(workload)["spec"]["nodeSelector"] == {"kubernetes.io/os": "linux", "role": "edge"}
    assert pod(workload)["spec"]["tolerations"] == tolerations
    *_, anywhere = build_children(check(schedule=schedule), SETTINGS)
    assert pod(anywhere)["spec"]["nodeSelector"] == {"kubernetes.io/os": "linux"}, "of any size and kind"
    assert "tolerations" not in pod(anywhere)["spec"]


@BOTH
def test_a_pod_has_no_credentials_and_no_privileges(schedule: dict[str, str]) -> None:
    *_, workload = build_children(check(schedule=schedule), SETTINGS)
    spec = pod(workload)["spec"]
    (container,) = spec["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


@BOTH
def test_a_pod_takes_all_that_its_placement_asks_for(schedule: dict[str, str]) -> None:
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    term = {"labelSelector": {"matchLabels": {"app": "router"}}, "topologyKey": "kubernetes.io/hostname"}
    placement = {
        "affinity": {"podAffinity": {required: [term]}},
        "priorityClassName": "network-critical",
        "podLabels": {"egress": "tunnel"},
        "podAnnotations": {"k8s.v1.cni.cncf.io/networks": "tunnel"},
        "imagePullSecrets": [{"name": "registry"}],
    }
    *_, workload = build_children(check(schedule=schedule, placement=placement), SETTINGS)
    template = pod(workload)
    for name in ("affinity", "priorityClassName", "imagePullSecrets"):
        assert template["spec"][name] == placement[name]
    annotations, labels = (template["metadata"][name] for name in ("annotations", "labels"))
    assert annotations == {**NO_MESH_ANNOTATIONS, "k8s.v1.cni.cncf.io/networks": "tunnel"}
    assert labels == {**NO_MESH_LABELS, "egress": "tunnel", **workload["metadata"]["labels"]}


@pytest.mark.parametrize(
    ("asked", "made"),
    [
        ({}, {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}}),
        (
            {"limits": {"memory": "16Mi"}},
            {"requests": {"cpu": "10m"}, "limits": {"memory": "16Mi"}},
        ),
        (
            {"requests": {"cpu": 1, "memory": "1Gi"}},
            {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        ),
        (
            {"requests": {"memory": "64M"}},
            {"requests": {"cpu": "10m", "memory": "64M"}, "limits": {"memory": "128Mi"}},
        ),
    ],
)
def test_what_is_asked_of_a_resource_replaces_its_defaults(
    asked: dict[str, Any], made: dict[str, Any]
) -> None:
    deployment = children(placement={"resources": asked})["Deployment"]
    assert pod(deployment)["spec"]["containers"][0]["resources"] == made


HOST = {"hostNetwork": True}


def test_agents_on_the_node_s_own_network_get_a_port_each_and_no_sysctl() -> None:
    deployments = [
        child
        for child in build_children(check(placement=HOST, paths=[{"name": n} for n in "abcdefgh"]), SETTINGS)
        if child["kind"] == "Deployment"
    ]
    ports = set()
    for deployment in deployments:
        spec = pod(deployment)["spec"]
        (container,) = spec["containers"]
        results, health = (port["containerPort"] for port in container["ports"])
        ports |= {results, health}
        assert container["args"][2:] == ["--listen", f":{results}", "--health", f":{health}"]
        assert spec["hostNetwork"] is True
        assert spec["dnsPolicy"] == "ClusterFirstWithHostNet"
        assert "sysctls" not in spec["securityContext"]
    assert len(ports) == 2 * len(deployments) == 16
    assert all(20_000 <= port < 30_000 for port in ports)
    assert "hostNetwork" not in pod(children()["Deployment"])["spec"]


def test_an_agent_listens_where_it_is_told_to() -> None:
    made = build_children(check(placement=HOST), SETTINGS, ports={"default": 20_776})
    (container,) = pod(made[1])["spec"]["containers"]
    assert [port["containerPort"] for port in container["ports"]] == [20_776, 20_777]
    assert container["args"][2:] == ["--listen", ":20776", "--health", ":20777"]


def test_a_plan_names_who_may_read_its_results_and_another_key_restarts_nothing() -> None:
    by_key = {
        key: build_children(
            check(),
            ChildSettings(probe_image="registry.example.com/probe:1", tokens=TokenKeys((key, b"old"))),
        )
        for key in (b"one", b"two")
    }
    (config_map, deployment), (other_map, other_deployment) = by_key[b"one"], by_key[b"two"]
    plan = plan_from_json(json.loads(config_map["data"]["plan.json"]))
    tokens = TokenKeys((b"one", b"old")).tokens(UID, "default")
    assert plan.verifiers == tuple(verifier(token) for token in tokens)
    assert not any(token in json.dumps(config_map) for token in tokens)
    assert deployment == other_deployment, "no agent restarts"
    marks, others = (each["metadata"]["annotations"] for each in (config_map, other_map))
    assert marks[NONCE_ANNOTATION] == others[NONCE_ANNOTATION], "no window begins anew"
    assert marks[VERIFIERS_ANNOTATION] != others[VERIFIERS_ANNOTATION], "and yet the agent is told at once"


AUTH = {"name": "a", "stamp": {"auth": {"secretName": "tunnel-keys", "key": "hq-dc1"}}}


@BOTH
def test_the_named_key_and_nothing_else_of_its_secret_is_mounted(schedule: dict[str, str]) -> None:
    made = check(schedule=schedule, probes=[AUTH, AUTH | {"name": "b"}])
    *_, workload = build_children(made, SETTINGS)
    spec = pod(workload)["spec"]
    mount = next(each for each in spec["containers"][0]["volumeMounts"] if each["name"] == "files")
    volume = next(each for each in spec["volumes"] if each["name"] == "files")
    (source,) = volume["projected"]["sources"]
    assert source["secret"]["name"] == "tunnel-keys"
    (item,) = source["secret"]["items"]
    assert item["key"] == "hq-dc1"
    options = made.paths[0].plan.probes[0].options
    assert isinstance(options, StampOptions)
    assert options.key_file == f"{mount['mountPath']}/{item['path']}"


def test_a_pod_starts_before_its_key_exists() -> None:
    volumes = pod(children(probes=[AUTH])["Deployment"])["spec"]["volumes"]
    assert [each["secret"]["optional"] for each in volumes[1]["projected"]["sources"]] == [True]


def test_a_pod_without_a_key_has_no_room_for_one() -> None:
    assert [each["name"] for each in pod(children()["Deployment"])["spec"]["volumes"]] == ["plan"]


def test_the_group_of_the_pod_may_ping() -> None:
    security = pod(children()["Deployment"])["spec"]["securityContext"]
    group = security["runAsGroup"]
    assert security["sysctls"] == [{"name": "net.ipv4.ping_group_range", "value": f"{group} {group}"}]


@given(CHECK_NAMES)
def test_names_fit_whatever_the_check_is_called(name: str) -> None:
    for schedule in ({"interval": "10s"}, CRON):
        for child in build_children(check(name=name, schedule=schedule), SETTINGS):
            metadata = child["metadata"]
            assert len(metadata["name"]) <= 52
            assert SUBDOMAIN.fullmatch(metadata["name"])
            for value in metadata["labels"].values():
                assert len(value) <= 63
                assert LABEL_VALUE.fullmatch(value)


def test_names_of_different_checks_and_paths_never_meet() -> None:
    names = [
        child_name(check(name=name, uid=f"{incarnation} of {name}"), path)
        for name in ("a", "a-b", "a" * 60, "a" * 61, "a.b")
        for incarnation in (1, 2)
        for path in ("default", "b", "b-default")
    ]
    assert len(set(names)) == len(names)


def test_a_long_label_value_keeps_its_beginning_and_stays_distinct() -> None:
    one, other = label_value("x" * 80), label_value("x" * 81)
    assert one != other
    assert one.startswith("x" * 50)
    assert label_value("short") == "short"


def controllers(manifests: Iterable[Mapping[str, Any]]) -> dict[ChildRef, str | None]:
    return {ChildRef.of(each): controller_uid(each) for each in manifests}


def test_what_the_other_schedule_left_behind_is_surplus() -> None:
    before = build_children(check(), SETTINGS)
    after = build_children(check(schedule=CRON), SETTINGS)
    assert [ref.kind for ref in surplus(controllers(before), after, owner_uid=UID)] == ["Deployment"]
    assert surplus(controllers(after), after, owner_uid=UID) == []


def test_an_object_that_only_carries_our_labels_is_not_surplus() -> None:
    stranger = copy.deepcopy(build_children(check(), SETTINGS)[1])
    del stranger["metadata"]["ownerReferences"]
    assert surplus(controllers([stranger]), [], owner_uid=UID) == []
    others = build_children(check(uid="another"), SETTINGS)
    assert surplus(controllers(others), [], owner_uid=UID) == []


@BOTH
def test_every_kind_of_child_is_announced(schedule: dict[str, str]) -> None:
    for child in build_children(check(schedule=schedule), SETTINGS):
        ref = ChildRef.of(child)
        assert APPLIED[ref.kind].api_version == ref.api_version


def round_(**schedule: Any) -> Any:
    return children(schedule=CRON | schedule)["CronJob"]["spec"]


def test_a_node_that_is_added_on_demand_may_take_as_long_as_the_check_says() -> None:
    usual = round_()["jobTemplate"]["spec"]["activeDeadlineSeconds"]
    patient = round_(startTimeout="10m")["jobTemplate"]["spec"]["activeDeadlineSeconds"]
    assert patient - usual == 8 * 60


def test_as_many_finished_rounds_are_kept_as_the_check_says() -> None:
    for schedule, kept in (({}, 3), ({"history": 1}, 1)):
        spec = round_(**schedule)
        assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (kept, kept)


def delay(uid: str, **schedule: Any) -> int:
    """Milliseconds that the round of a check waits."""
    *_, cron_job = build_children(check(uid=uid, schedule=CRON | schedule), SETTINGS)
    (container,) = pod(cron_job)["spec"]["containers"]
    given = dict(itertools.pairwise(container["args"])).get("--delay", "0ms")
    return int(given.removesuffix("ms"))


def test_rounds_that_fire_together_are_spread_each_by_a_delay_of_its_own() -> None:
    assert delay("a") == 0
    delays = [delay(str(uid), spread="2m") for uid in range(200)]
    assert delays == [delay(str(uid), spread="2m") for uid in range(200)], "always the same"
    assert all(0 <= each < 120_000 for each in delays)
    for third in range(3):
        assert sum(third * 40_000 <= each < (third + 1) * 40_000 for each in delays) > 40
    longer, usual = (round_(**each)["jobTemplate"]["spec"] for each in ({"spread": "2m"}, {}))
    assert longer["activeDeadlineSeconds"] - usual["activeDeadlineSeconds"] == 120


def test_all_paths_of_a_check_wait_for_as_long() -> None:
    paths = [{"name": "primary"}, {"name": "backup"}]
    jobs = [
        each
        for each in build_children(check(schedule=CRON | {"spread": "2m"}, paths=paths), SETTINGS)
        if each["kind"] == "CronJob"
    ]
    first, second = ([container["args"] for container in pod(job)["spec"]["containers"]] for job in jobs)
    assert first == second
    assert "--delay" in first[0]


def test_a_round_that_somebody_asks_for_waits_for_no_other() -> None:
    compiled = check(schedule=CRON | {"spread": "2m"})
    assert isinstance(compiled.schedule, Cron)
    job = run_now_job(
        compiled, compiled.paths[0], compiled.schedule, SETTINGS, owner_uid="c", request_id="r", value="1"
    )
    assert "--delay" not in job["spec"]["template"]["spec"]["containers"][0]["args"]


def test_a_spread_leaves_room_for_the_round() -> None:
    with pytest.raises(ValueError, match=r"spec\.schedule\.spread: a round takes up to 306\.5s"):
        check(schedule=CRON | {"spread": "5m"})


@pytest.mark.parametrize("name", ["VPN-1_primary", "vpn-0a1b.eu", "Tunnel Zürich → DC 1", '"a\\b"'])
def test_a_tunnel_may_be_called_as_on_its_gateway(name: str) -> None:
    compiled = check(tunnel={"name": name})
    assert compiled.tunnel_name == compiled.paths[0].plan.tunnel_name == name

"""What all probe pods are given: merged under each check's placement, in every kind of child."""

import argparse
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ipsecping_operator.children import ChildSettings, build_children
from ipsecping_operator.children.defaults import NO_MESH_ANNOTATIONS, NO_MESH_LABELS
from ipsecping_operator.children.objects import run_now_job
from ipsecping_operator.cli import main
from ipsecping_operator.compile import CompiledCheck, Cron, compile_check
from ipsecping_operator.permission import Permissions
from ipsecping_operator.probe_settings import probe_defaults

INTERVAL, CRON = {"interval": "10s"}, {"cron": "*/5 * * * *"}
BOTH = pytest.mark.parametrize("schedule", [INTERVAL, CRON], ids=["interval", "cron"])
CHECK = """\
apiVersion: ipsecping.dev/v1alpha1
kind: IPsecTunnelCheck
metadata: {name: hq-dc1, namespace: network}
spec: {target: 203.0.113.10}
"""


def check(**spec: Any) -> CompiledCheck:
    metadata = {"uid": "u", "namespace": "network", "name": "hq", "generation": 1}
    return compile_check({"metadata": metadata, "spec": {"target": "203.0.113.10"} | spec})


def template(defaults: str = "", **spec: Any) -> Any:
    settings = ChildSettings(probe_image="probe:1", defaults=probe_defaults(defaults))
    *_, workload = build_children(check(**spec), settings)
    found = workload["spec"]
    return (found["jobTemplate"]["spec"] if workload["kind"] == "CronJob" else found)["template"]


@BOTH
def test_a_pod_has_the_defaults_that_its_check_does_not_speak_of(schedule: dict[str, str]) -> None:
    defaults = """
        nodeSelector: {pool: probes, zone: a}
        tolerations: [{key: dedicated, operator: Exists, effect: NoSchedule}]
        priorityClassName: probes
        imagePullSecrets: [{name: registry}, {name: mirror}]
        runtimeClassName: gvisor
        dnsConfig: {nameservers: [10.0.0.10], options: [{name: ndots, value: "2"}]}
        resources: {requests: {cpu: 50m}, limits: {memory: 256Mi}}
    """
    own = {"key": "edge", "operator": "Exists", "effect": "NoSchedule"}
    placement = {
        "nodeSelector": {"zone": "b"},
        "tolerations": [own],
        "imagePullSecrets": [{"name": "registry"}, {"name": "own"}],
        "resources": {"requests": {"cpu": "20m"}},
    }
    spec = template(defaults, schedule=schedule, placement=placement)["spec"]
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux", "pool": "probes", "zone": "b"}
    assert spec["tolerations"] == [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}, own]
    assert spec["priorityClassName"] == "probes"
    assert [each["name"] for each in spec["imagePullSecrets"]] == ["registry", "mirror", "own"]
    assert spec["runtimeClassName"] == "gvisor"
    assert spec["dnsConfig"] == {
        "nameservers": ["10.0.0.10"],
        "options": [{"name": "ndots", "value": "2"}],
    }
    assert spec["containers"][0]["resources"] == {
        "requests": {"cpu": "20m"},
        "limits": {"memory": "256Mi"},
    }
    chosen = template(defaults, schedule=schedule, placement={"priorityClassName": "own"})["spec"]
    assert chosen["priorityClassName"] == "own"


NEAR = {"labelSelector": {"matchLabels": {"app": "gateway"}}, "topologyKey": "zone"}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


@BOTH
def test_each_kind_of_affinity_is_the_check_s_or_the_default(schedule: dict[str, str]) -> None:
    of_nodes = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "pool", "operator": "Exists"}]}]}
    defaults = {"affinity": {"nodeAffinity": {REQUIRED: of_nodes}, "podAntiAffinity": {REQUIRED: [NEAR]}}}
    placement = {"affinity": {"podAntiAffinity": {REQUIRED: []}, "podAffinity": {REQUIRED: [NEAR]}}}
    spec = template(json.dumps(defaults), schedule=schedule, placement=placement)["spec"]
    assert spec["affinity"] == {
        "nodeAffinity": {REQUIRED: of_nodes},
        "podAffinity": {REQUIRED: [NEAR]},
        "podAntiAffinity": {REQUIRED: []},
    }
    assert template(json.dumps(defaults))["spec"]["affinity"] == defaults["affinity"]
    assert "affinity" not in template()["spec"]


@BOTH
@pytest.mark.parametrize(
    ("defaults", "own_network", "host_network"),
    [
        ("", None, "ClusterFirstWithHostNet"),
        ("{dnsPolicy: Default}", "Default", "Default"),
        ("{dnsPolicy: ClusterFirst}", "ClusterFirst", "ClusterFirstWithHostNet"),
        ("{dnsPolicy: None, dnsConfig: {nameservers: [10.0.0.10]}}", "None", "None"),
    ],
)
def test_names_are_looked_up_as_the_default_says(
    schedule: dict[str, str], defaults: str, own_network: str | None, host_network: str
) -> None:
    assert template(defaults, schedule=schedule)["spec"].get("dnsPolicy") == own_network
    on_host = template(defaults, schedule=schedule, placement={"hostNetwork": True})["spec"]
    assert on_host["dnsPolicy"] == host_network


@BOTH
def test_labels_and_annotations_are_on_every_child_its_jobs_and_its_pods(schedule: dict[str, str]) -> None:
    marks = "{labels: {app.kubernetes.io/part-of: wan, owner: network}, annotations: {cost: '7'}}"
    settings = ChildSettings(probe_image="probe:1", defaults=probe_defaults(marks))
    compiled = check(schedule=schedule)
    made = [*build_children(compiled, settings), template(marks, schedule=schedule)]
    if isinstance(compiled.schedule, Cron):
        made.append(made[1]["spec"]["jobTemplate"])
        made.append(
            run_now_job(
                compiled,
                compiled.paths[0],
                compiled.schedule,
                settings,
                owner_uid="c",
                request_id="r",
                value="1",
            )
        )
    for each in made:
        labels, annotations = each["metadata"]["labels"], each["metadata"]["annotations"]
        assert labels["app.kubernetes.io/part-of"] == "wan"
        assert labels["owner"] == "network"
        assert annotations["cost"] == "7"
    selector = made[1]["spec"].get("selector", {"matchLabels": {}})["matchLabels"]
    assert "owner" not in selector, "an edit of the defaults must not ask for another selector"


@BOTH
def test_no_mesh_is_injected_unless_asked_for(schedule: dict[str, str]) -> None:
    made = template(schedule=schedule)["metadata"]
    assert made["labels"]["sidecar.istio.io/inject"] == "false"
    assert made["labels"]["kuma.io/sidecar-injection"] == "disabled"
    assert made["annotations"]["linkerd.io/inject"] == "disabled"
    assert made["annotations"]["consul.hashicorp.com/connect-inject"] == "false"
    asked = {
        "podLabels": {"kuma.io/sidecar-injection": "enabled"},
        # Istio reads the label first, and the annotation where there is no label.
        "podAnnotations": {"sidecar.istio.io/inject": "true", "linkerd.io/inject": "enabled"},
    }
    made = template(schedule=schedule, placement=asked)["metadata"]
    assert made["labels"]["kuma.io/sidecar-injection"] == "enabled"
    assert "sidecar.istio.io/inject" not in made["labels"]
    assert made["annotations"]["linkerd.io/inject"] == "enabled"
    everywhere = template("{annotations: {linkerd.io/inject: enabled}}", schedule=schedule)["metadata"]
    assert everywhere["annotations"]["linkerd.io/inject"] == "enabled"


@BOTH
def test_where_the_cluster_chooses_the_user_none_is_named(schedule: dict[str, str]) -> None:
    security = template("{fixedUser: false}", schedule=schedule)["spec"]["securityContext"]
    assert security == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
        "sysctls": [{"name": "net.ipv4.ping_group_range", "value": "0 2147483647"}],
    }
    given = "{securityContext: {runAsUser: 1000, runAsGroup: 2000, seLinuxOptions: {level: s0}}}"
    security = template(given, schedule=schedule)["spec"]["securityContext"]
    assert (security["runAsUser"], security["runAsGroup"]) == (1000, 2000)
    assert security["seLinuxOptions"] == {"level": "s0"}
    assert security["sysctls"][0]["value"] == "2000 2000"


def test_a_check_needs_no_permission_for_what_is_given_to_all() -> None:
    assert Permissions().refusal(check()) is None


def test_part_of_is_a_check_s_to_say_and_our_selector_s_keys_are_not() -> None:
    labels = {"app.kubernetes.io/part-of": "wan", "app.kubernetes.io/component": "probe"}
    compiled = check(placement={"podLabels": labels})
    assert Permissions().refusal(compiled) is not None
    allowed = Permissions(pod_labels={"network": ("app.kubernetes.io/*",)})
    assert allowed.refusal(compiled) is None
    for key in ("app.kubernetes.io/name", "app.kubernetes.io/managed-by", "ipsecping.dev/path"):
        with pytest.raises(ValueError, match="are the operator's own"):
            check(placement={"podLabels": {key: "x"}})
        with pytest.raises(argparse.ArgumentTypeError, match=r"probeDefaults\.labels: keys"):
            probe_defaults(f"{{labels: {{{key}: x}}}}")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("[]", "is no object"),
        ("{", "neither YAML nor JSON"),
        ("{labels: {a: b, a: c}}", "the key 'a' appears twice"),
        ("{labels: !!bool maybe}", "a value that cannot be read"),
        ("[" * 2000 + "]" * 2000, "nest"),
        ("{}\n---\n{}", "is no object"),
        ("{nodeselector: {}}", "probeDefaults.nodeselector: unknown field"),
        ("{tolerations: [{effect: NoSchedule}]}", "probeDefaults.tolerations[0].operator: must be Exists"),
        (
            "{resources: {limits: {memory: much}}}",
            "probeDefaults.resources.limits.memory: must be a quantity",
        ),
        ("{resources: {limits: {memory: 0}}}", "probeDefaults.resources.limits.memory: 0 is no limit at all"),
        (
            "{resources: {requests: {cpu: 1}, limits: {cpu: 999m}}}",
            "probeDefaults.resources.requests.cpu: must be at most its limit",
        ),
        ("{securityContext: {runAsUser: 0}}", "probeDefaults.securityContext.runAsUser: must be at least 1"),
        ("{securityContext: {privileged: true}}", "probeDefaults.securityContext.privileged: unknown field"),
        ("{dnsPolicy: None}", "probeDefaults.dnsConfig.nameservers: are needed with dnsPolicy None"),
        ("{dnsPolicy: Cluster}", "probeDefaults.dnsPolicy: must be"),
        ("{affinity: {podAffinity: {required: []}}}", "probeDefaults.affinity.podAffinity.required: unknown"),
        ("{dnsConfig: {nameservers: [dns.example]}}", "probeDefaults.dnsConfig.nameservers: must be IP"),
    ],
)
def test_a_mistake_is_said_with_its_field(given: str, says: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as raised:
        probe_defaults(given)
    assert says in str(raised.value)


def test_render_shows_what_comes_of_the_defaults(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "check.yaml").write_text(CHECK)
    words = [
        "render",
        "-f",
        str(tmp_path / "check.yaml"),
        "--probe-defaults",
        "{nodeSelector: {pool: probes}}",
    ]
    assert main(words) == 0
    made, _, deployment = yaml.safe_load_all(capsys.readouterr().out)
    assert "placement" not in made["spec"], "the check asks for nothing"
    assert deployment["spec"]["template"]["spec"]["nodeSelector"]["pool"] == "probes"


@pytest.mark.parametrize(
    ("name", "keys"),
    [("noMeshLabels", NO_MESH_LABELS), ("noMeshAnnotations", NO_MESH_ANNOTATIONS)],
)
def test_the_chart_s_policy_knows_the_same_opt_out_of_meshes(name: str, keys: dict[str, str]) -> None:
    chart = Path(__file__).parents[3] / "charts/ipsecping/templates/_probe_defaults.tpl"
    defined = re.search(rf'define "ipsecping[.]{name}" -}}}}\n(.*)\n', chart.read_text())
    assert defined is not None
    words = re.findall(r'"([^"]*)"', defined[1])
    assert dict(zip(words[::2], words[1::2], strict=True)) == keys

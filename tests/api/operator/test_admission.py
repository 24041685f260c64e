"""The policies for the operator's account: they let through all that it makes of checks, and no other pod."""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from ipsecping_operator.children import ChildSettings, build_children
from ipsecping_operator.children.objects import run_now_job
from ipsecping_operator.compile import Cron, InvalidSpec, compile_check
from ipsecping_operator.permission import Permissions
from ipsecping_operator.probe_settings import probe_defaults

from ...unit.operator.permission_strategies import OBJECTS, kinds, wishes
from ..chart import objects
from ..kubectl import Kubectl
from .processes import eventually

Object = dict[str, Any]
IMAGE = "localhost/probe:0.1.0"
CHILDREN = ChildSettings(probe_image=IMAGE, image_pull_policy="IfNotPresent")
KINDS_OF_CLUSTER = "clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding"
POLICY = "ValidatingAdmissionPolicy"
UID = "0d9e7a0e-3c3b-4a53-8c7a-6f1f3f0f8f11"


@dataclass
class Account:
    """What the operator's account may do in a namespace, under the policies."""

    kubectl: Kubectl
    user: str

    def created(self, manifests: Iterable[Object]) -> dict[str, str]:
        """By kind and name what was said of each that was refused; those that would be created are absent."""
        listed = list(manifests)
        assert listed
        items = {"apiVersion": "v1", "kind": "List", "items": listed}
        words = ("create", "--dry-run=server", "--output=name", f"--as={self.user}", "-f", "-")
        done = self.kubectl.run(*words, stdin=json.dumps(items))
        # deployment.apps/NAME, job.batch/NAME
        made = {line.partition(".")[0] + "/" + line.rpartition("/")[2] for line in done.stdout.split()}
        refused = {key(each) for each in listed} - made
        return {each: " ".join(said_of(each, done.stderr)) for each in refused}


def key(child: Object) -> str:
    return f"{child['kind'].lower()}/{child['metadata']['name']}"


def said_of(child: str, stderr: str) -> Iterator[str]:
    kind, _, name = child.partition("/")
    return (line for line in stderr.splitlines() if f'"{name}"' in line and kind in line.lower())


@contextmanager
def account(kubectl: Kubectl, operator: Mapping[str, Any], *values: str) -> Iterator[Account]:
    """The chart's rights and policies, in force; `operator` are its values of that name, `values` others."""
    name = f"system-{uuid.uuid4().hex[:8]}"
    system = replace(kubectl, namespace=name)
    system("create", "namespace", name)
    rendered = objects(
        *("--set", "crds.install=false,rbac.aggregate=false,admissionPolicy.enabled=true"),
        *("--set-json", f"operator={json.dumps(operator)}"),
        *(word for value in values for word in ("--set-json", value)),
        namespace=name,
        name=name,
    )
    for each in rendered:
        if each["kind"].startswith(("Cluster", "Role", "Validating", "ServiceAccount")):
            where = replace(system, namespace=each["metadata"].get("namespace", name))
            where("apply", "-f", "-", stdin=json.dumps(each))
    (user,) = (each["metadata"]["name"] for each in rendered if each["kind"] == "ServiceAccount")
    made = Account(kubectl, f"system:serviceaccount:{name}:{user}")
    stray = changed(workloads({})[0], "spec.template.spec.hostPID", True)
    stray_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}}
    as_user = ("create", "--dry-run=server", f"--as={made.user}", "-f", "-")

    def in_force() -> bool:
        said = [kubectl.run(*as_user, stdin=json.dumps(each)).stderr for each in (stray, stray_map)]
        return all(POLICY in each for each in said)

    try:
        eventually(in_force, what="the policies in force")
        yield made
    finally:
        system("delete", KINDS_OF_CLUSTER, "-l", f"app.kubernetes.io/instance={name}")


def checked(spec: Object, namespace: str = "default", name: str = "hq") -> Object:
    metadata = {"uid": UID, "namespace": namespace, "name": name, "generation": 1}
    return {"metadata": metadata, "spec": {"target": "203.0.113.10"} | spec}


def workloads(spec: Object, name: str = "hq", children: ChildSettings = CHILDREN) -> list[Object]:
    """Deployment, CronJob and Job of a check's first path, without a namespace."""
    made: list[Object] = []
    for schedule in ({"interval": "30s"}, {"cron": "0 * * * *", "spread": "5m"}):
        check = compile_check(checked({**spec, "schedule": schedule}, name=name))
        made += [each for each in build_children(check, children) if each["kind"] != "ConfigMap"]
        if isinstance(check.schedule, Cron):
            made.append(
                run_now_job(
                    check,
                    check.paths[0],
                    check.schedule,
                    children,
                    owner_uid=UID,
                    request_id="abcdefgh",
                    value="1",
                )
            )
    for each in made:
        each["metadata"].pop("namespace")
    return made


def changed(workload: Object, path: str, value: Any) -> Object:
    """The workload with something else at the path; `template` there is the pod's, wherever it is."""
    copy = deepcopy(workload)
    *above, last = path.split(".")
    within: Any = copy
    if copy["kind"] == "CronJob" and path.startswith("spec.template"):
        within = copy["spec"]["jobTemplate"]
    for key in above:
        within = within[int(key)] if isinstance(within, list) else within.setdefault(key, {})
    within[int(last) if isinstance(within, list) else last] = value
    return copy


POD = "spec.template.spec"
PROBE = f"{POD}.containers.0"
CONTAINER = {"name": "more", "image": IMAGE}
MOUNTED = [{"name": "plan", "mountPath": "/etc/ipsecping", "readOnly": True}]


def projected(**source: Any) -> list[Object]:
    return [{"name": "files", "projected": {"sources": [source]}}]


# What, where in a workload, what is put there, and a part of what is said.
REFUSED: tuple[tuple[str, str, Any, str], ...] = (
    ("init-container", f"{POD}.initContainers", [CONTAINER], "no fields but"),
    ("second-container", f"{POD}.containers.1", None, "one container"),
    ("other-name", f"{PROBE}.name", "app", "one container"),
    ("other-image", f"{PROBE}.image", "localhost/probe-evil:0.1.0", "probe image"),
    ("command", f"{PROBE}.command", ["/bin/sh"], "one container"),
    ("other-program", f"{PROBE}.args", ["reflector", "--allow", "0.0.0.0/0"], "by the plan"),
    ("other-plan", f"{PROBE}.args", ["run", "/etc/passwd", "--termination-log", "/dev/x"], "by the plan"),
    ("env-from", f"{PROBE}.envFrom", [{"secretRef": {"name": "ipsecping-a"}}], "one container"),
    ("env", f"{PROBE}.env", [{"name": "PYTHONPATH", "value": "/etc/ipsecping"}], "environment"),
    (
        "env-secret",
        f"{PROBE}.env",
        [{"name": "POD_UID", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}],
        "environment",
    ),
    ("lifecycle", f"{PROBE}.lifecycle", {"preStop": {"exec": {"command": ["true"]}}}, "one container"),
    ("tty", f"{PROBE}.tty", True, "one container"),
    (
        "sys-admin",
        f"{PROBE}.securityContext.capabilities",
        {"drop": ["ALL"], "add": ["SYS_ADMIN"]},
        "restricted",
    ),
    ("net-raw", f"{PROBE}.securityContext.capabilities", {"add": ["NET_RAW"]}, "restricted"),
    ("escalation", f"{PROBE}.securityContext.allowPrivilegeEscalation", True, "restricted"),
    ("root-of-container", f"{PROBE}.securityContext.runAsUser", 0, "restricted"),
    ("writable", f"{PROBE}.securityContext.readOnlyRootFilesystem", False, "restricted"),
    ("proc-mount", f"{PROBE}.securityContext.procMount", "Default", "restricted"),
    ("no-security", f"{POD}.securityContext", {}, "restricted"),
    ("root", f"{POD}.securityContext.runAsUser", 0, "restricted"),
    ("perhaps-root", f"{POD}.securityContext.runAsNonRoot", False, "restricted"),
    ("group", f"{POD}.securityContext.supplementalGroups", [0], "restricted"),
    ("unconfined", f"{POD}.securityContext.seccompProfile", {"type": "Unconfined"}, "restricted"),
    (
        "sysctl",
        f"{POD}.securityContext.sysctls",
        [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}],
        "restricted",
    ),
    (
        "wide-ping-group",
        f"{POD}.securityContext.sysctls",
        [{"name": "net.ipv4.ping_group_range", "value": "0 2147483647"}],
        "restricted",
    ),
    ("host-pid", f"{POD}.hostPID", True, "no fields but"),
    ("host-ipc", f"{POD}.hostIPC", True, "no fields but"),
    ("host-users", f"{POD}.hostUsers", True, "no fields but"),
    ("host-aliases", f"{POD}.hostAliases", [{"ip": "203.0.113.1", "hostnames": ["a"]}], "no fields but"),
    ("host-port", f"{PROBE}.ports", [{"containerPort": 80, "hostPort": 80}], "allowHostNetwork"),
    ("token", f"{POD}.automountServiceAccountToken", True, "service account"),
    ("account", f"{POD}.serviceAccountName", "admin", "service account"),
    ("node", f"{POD}.nodeName", "control-plane-0", "no fields but"),
    ("runtime", f"{POD}.runtimeClassName", "kata", "no fields but"),
    ("scheduler", f"{POD}.schedulerName", "mine", "no fields but"),
    ("class", f"{POD}.priorityClassName", "system-node-critical", "priority classes"),
    ("class-of-people", f"{POD}.priorityClassName", "first", "priority classes"),
    ("every-taint", f"{POD}.tolerations", [{"operator": "Exists"}], "tolerations"),
    (
        "control-plane",
        f"{POD}.tolerations",
        [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"}],
        "tolerations",
    ),
    (
        "others-pods",
        f"{POD}.affinity",
        {
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {"topologyKey": "a", "namespaceSelector": {}, "labelSelector": {}}
                ]
            }
        },
        "affinity",
    ),
    ("much-cpu", f"{PROBE}.resources.requests.cpu", "64", "resources"),
    ("much-memory", f"{PROBE}.resources.limits.memory", "513Mi", "resources"),
    ("no-limit", f"{PROBE}.resources", {}, "resources"),
    ("device", f"{PROBE}.resources.limits", {"memory": "64Mi", "example.com/gpu": "1"}, "resources"),
    ("host-path", f"{POD}.volumes.0", {"name": "plan", "hostPath": {"path": "/"}}, "mount"),
    ("secret", f"{POD}.volumes.0", {"name": "plan", "secret": {"secretName": "ipsecping-a"}}, "mount"),
    ("empty", f"{POD}.volumes.0", {"name": "plan", "emptyDir": {}}, "mount"),
    ("others-map", f"{POD}.volumes.0", {"name": "plan", "configMap": {"name": "app"}}, "mount"),
    ("key-of-others", f"{POD}.volumes", projected(secret={"name": "db"}), "mount"),
    ("map-of-others", f"{POD}.volumes", projected(configMap={"name": "db"}), "mount"),
    ("projected-token", f"{POD}.volumes", projected(serviceAccountToken={"path": "token"}), "mount"),
    (
        "over-python",
        f"{PROBE}.volumeMounts",
        [MOUNTED[0] | {"mountPath": "/usr/lib/python3"}],
        "places",
    ),
    ("sub-path", f"{PROBE}.volumeMounts", [MOUNTED[0] | {"subPath": "plan.json"}], "places"),
    (
        "exec-probe",
        f"{PROBE}.livenessProbe",
        {"exec": {"command": ["/bin/sh"]}},
        "kubelet",
    ),
    (
        "probe-of-others",
        f"{PROBE}.readinessProbe",
        {"httpGet": {"host": "169.254.169.254", "path": "/healthz", "port": 80}},
        "kubelet",
    ),
    ("label", "spec.template.metadata.labels.app", "web", "allowPodLabels"),
    (
        "annotation",
        "spec.template.metadata.annotations",
        {"sidecar.istio.io/inject": "true"},
        "allowPodAnnotations",
    ),
    ("finalizer", "spec.template.metadata.finalizers", ["evil.example/stay"], "labels"),
)
# The same of a workload itself.
OF_ONE_KIND: tuple[tuple[str, str, str, Any], ...] = (
    ("Deployment", "many", "spec.replicas", 100),
    ("Deployment", "adopts", "spec.selector.matchExpressions", [{"key": "a", "operator": "DoesNotExist"}]),
    ("CronJob", "many", "spec.jobTemplate.spec.parallelism", 100),
    ("Job", "many", "spec.parallelism", 100),
    ("Job", "long", "spec.completions", 100),
)


def named(workload: Object, name: str) -> Object:
    workload["metadata"]["name"] = f"ipsecping-{name}-of-{workload['kind'].lower()}"
    return workload


def test_no_workload_of_the_operator_is_anything_but_a_checks(kubectl: Kubectl) -> None:
    with account(kubectl, {}) as thief:
        sound = workloads({})
        assert thief.created(sound) == {}, "so nothing below is refused for anything else"
        restarted = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
        rollout = changed(sound[0], "spec.template.metadata.annotations", restarted)
        assert thief.created([rollout]) == {}, (
            "somebody may have restarted it before the operator's next change"
        )
        strays, expected = [], {}
        for workload in sound:
            for name, path, value, word in REFUSED:
                if name == "second-container":
                    stray = deepcopy(workload)
                    inner = stray["spec"].get("jobTemplate", stray)["spec"]["template"]["spec"]
                    inner["containers"].append(CONTAINER)
                else:
                    stray = changed(workload, path, value)
                if "volumes" in path and not path.endswith(".0"):
                    stray = changed(stray, f"{PROBE}.volumeMounts", [])
                strays.append(named(stray, name))
                expected[key(strays[-1])] = word
            for kind, name, path, value in OF_ONE_KIND:
                if kind == workload["kind"]:
                    strays.append(named(changed(workload, path, value), name))
                    expected[key(strays[-1])] = "one pod at a time"
        said = thief.created(strays)
        wrong = {
            each: said.get(each, "was created")
            for each, word in expected.items()
            if POLICY not in (text := said.get(each, "")) or word not in text
        }
        assert not wrong, "\n".join(f"{child}: {text}" for child, text in wrong.items())


MUCH = Permissions(
    priority_classes={"*": ("network", "system-*")},
    tolerations={"*": ("node.kubernetes.io/*", "edge")},
    pod_labels={"*": ("istio.io/*", "app")},
    pod_annotations={"*": ("example.com/*",)},
    secrets={"*": ("tunnel-*",)},
    config_maps={"*": ("database",)},
    host_network=frozenset({"*"}),
    cross_namespace_affinity=frozenset({"*"}),
    cpu={"*": "2"},
    memory={"*": "64Mi"},
)
VALUES = {
    "allowPriorityClasses": MUCH.priority_classes,
    "allowTolerations": MUCH.tolerations,
    "allowPodLabels": MUCH.pod_labels,
    "allowPodAnnotations": MUCH.pod_annotations,
    "allowSecrets": MUCH.secrets,
    "allowConfigMaps": MUCH.config_maps,
    "allowHostNetwork": ["*"],
    "allowCrossNamespaceAffinity": ["*"],
    "maxCPU": {"*": 2},
    "maxMemory": {"*": "64Mi"},
}


def elsewhere(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same for a namespace that is not the tests'."""
    return {
        name: ["elsewhere"] if isinstance(value, list) else {"elsewhere": value["*"]}
        for name, value in values.items()
    }


signed = st.tuples(kinds, OBJECTS).map(lambda both: {"probes": [both[0] | {"name": "p"}]})
wished = st.one_of(wishes.map(lambda wish: {"placement": wish}), signed)


@pytest.mark.parametrize(
    ("permitted", "values"),
    [(Permissions(), elsewhere(VALUES)), (MUCH, VALUES)],
    ids=["permitted elsewhere", "permitted"],
)
def test_the_policies_hold_what_the_settings_permit_and_nothing_else(
    kubectl: Kubectl, permitted: Permissions, values: Mapping[str, Any]
) -> None:
    with account(kubectl, values) as operator:

        @given(specs=st.lists(wished, min_size=60, max_size=60))
        @settings(
            max_examples=2,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        def agree(specs: list[Object]) -> None:
            made: dict[str, Object] = {}
            expected = set[str]()
            for index, spec in enumerate(specs):
                try:
                    listed = workloads(spec, name=f"c{index}")
                    check = permitted.limited(compile_check(checked(spec, name=f"c{index}")))
                except InvalidSpec:
                    continue
                names = {key(each): each for each in listed}
                made |= names
                refusal = permitted.refusal(check)
                if refusal is not None and "spec.target" not in refusal and ".url" not in refusal:
                    expected |= names.keys()
            refused = operator.created(made.values())
            needed = {name: said for name, said in refused.items() if POLICY in said and name not in expected}
            assert needed == {}, "the operator makes these"
            let_through = expected - refused.keys()
            assert {name: made[name]["spec"] for name in let_through} == {}

        agree()


DEFAULTS: Object = {
    "nodeSelector": {"pool": "probes"},
    "tolerations": [
        {"key": "dedicated", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 900}
    ],
    "priorityClassName": "system-cluster-critical",
    "resources": {"requests": {"cpu": "2"}, "limits": {"memory": "1Gi"}},
    "labels": {"example.com/owner": "ours", "app.kubernetes.io/part-of": "wan"},
    "annotations": {"example.com/cost": 'it\'s "7"', "linkerd.io/inject": "enabled"},
    "imagePullSecrets": [{"name": "registry"}],
    "dnsConfig": {"nameservers": ["10.0.0.10"], "options": [{"name": "ndots", "value": "2"}]},
    "securityContext": {"fsGroup": 2000, "seLinuxOptions": {"level": "s0:c1,c2"}},
}


@pytest.mark.parametrize("fixed", [True, False], ids=["fixed-user", "user-of-the-cluster"])
def test_the_policies_let_through_what_all_probe_pods_are_given_and_no_more(
    kubectl: Kubectl, *, fixed: bool
) -> None:
    values = (f"probeDefaults={json.dumps(DEFAULTS)}", f"fixedUser={json.dumps(fixed)}")
    children = replace(CHILDREN, defaults=probe_defaults(json.dumps(DEFAULTS | {"fixedUser": fixed})))
    with account(kubectl, {}, *values) as operator:
        made = workloads({}, children=children)
        assert operator.created(made) == {}
        more = {
            "label": changed(made[0], "spec.template.metadata.labels.app", "web"),
            "of-both": changed(
                changed(made[0], "spec.template.metadata.labels.a", "b"), "metadata.labels.a", "b"
            ),
            "user": changed(made[0], f"{POD}.securityContext.runAsUser", 1),
            "group": changed(made[0], f"{POD}.securityContext.fsGroup", 0),
            "server": changed(made[0], f"{POD}.dnsConfig.nameservers", ["203.0.113.1"]),
            "seconds": changed(made[0], f"{POD}.tolerations.0.tolerationSeconds", 901),
            "class": changed(made[0], f"{POD}.priorityClassName", "system-node-critical"),
            "cpu": changed(made[0], f"{PROBE}.resources.requests.cpu", "2100m"),
        }
        for name, each in more.items():
            each["metadata"]["name"] += f"-{name}"
        assert len(operator.created(more.values())) == len(more)


PODS = {"placed": {"nodeSelector": {"a": "b"}}, "plain": {}}


@pytest.mark.parametrize(
    "given", ["{}", "{fixedUser: false}", json.dumps({"securityContext": {"fsGroup": 7}})]
)
def test_the_pods_meet_the_restricted_pod_security_standard(kubectl: Kubectl, given: str) -> None:
    for mode in ("enforce", "warn"):
        kubectl("label", "namespace", kubectl.namespace, f"pod-security.kubernetes.io/{mode}=restricted")
    children = replace(CHILDREN, defaults=probe_defaults(given))
    for name, placement in PODS.items():
        for workload in workloads({"placement": placement}, children=children):
            spec = workload["spec"].get("jobTemplate", workload)["spec"]
            template = spec["template"]
            body = {"apiVersion": "v1", "kind": "Pod", **template}
            body["metadata"] = {**template["metadata"], "name": name}
            done = kubectl.run("create", "--dry-run=server", "-f", "-", stdin=json.dumps(body))
            assert (done.returncode, done.stderr) == (0, "")

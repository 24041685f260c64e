"""The policies for the operator's account: it starts no pod that is anything but a check's."""

from copy import deepcopy
from typing import Any

from ..kubectl import Kubectl
from .admission import IMAGE, POD, POLICY, PROBE, Object, account, changed, key, workloads

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
    (
        "other-host",
        f"{PROBE}.args",
        ["diagnose", "10.0.0.1", "--request", "ab", "--termination-log", "/dev/termination-log"],
        "by the plan",
    ),
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
    (
        "DaemonSet",
        "adopts",
        "spec.selector.matchExpressions",
        [{"key": "a", "operator": "DoesNotExist"}],
    ),
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

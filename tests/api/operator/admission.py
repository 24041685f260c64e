"""The operator's account under the chart's policies, and what the operator makes of a check."""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from ipsecping_operator.children import ChildSettings, build_children
from ipsecping_operator.children.objects import diagnosis_job, run_now_job
from ipsecping_operator.compile import Cron, compile_check

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
    held = ("Cluster", "Role", "Validating", "ServiceAccount")
    system.apply_all(each for each in rendered if each["kind"].startswith(held))
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
    """Deployment, DaemonSet, CronJob and Jobs of a check's first path, without a namespace."""
    made: list[Object] = []
    everywhere = {"placement": {**spec.get("placement", {}), "everyNode": True}}
    interval, cron = {"interval": "30s"}, {"cron": "0 * * * *", "spread": "5m"}
    for schedule, more in ((interval, {}), (interval, everywhere), (cron, {})):
        check = compile_check(checked({**spec, **more, "schedule": schedule}, name=name))
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
            made.append(
                diagnosis_job(
                    check,
                    check.paths[0],
                    check.schedule,
                    children,
                    owner_uid=UID,
                    request_id="abcdef01",
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

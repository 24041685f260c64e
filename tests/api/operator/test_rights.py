"""The operator with the rights that the chart gives it, and no others: it lacks none, and leaves none unused.

What it asks for is read from the API server's audit log, while one scenario passes all that it does.
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ipsecping_lab.apiserver import ApiServer

from ..accounts import with_token
from ..chart import objects
from .cluster import RUNNING, Cluster
from .processes import OperatorProcess, eventually, operator_process

CRON = {"cron": "0 0 1 1 *"}
PATHS = [{"name": "a"}, {"name": "b"}]
KINDS_OF_CLUSTER = "clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding"

Right = tuple[str, str, str]
"""API group, resource with its subresource, verb."""


@dataclass
class Installed:
    """The chart's objects as applied, and the operator that runs as its service account."""

    operator: OperatorProcess
    granted: set[Right]
    account: str
    api: ApiServer
    kubeconfig: Path
    """Of the operator's account."""

    def refused(self) -> list[str]:
        """What it was not allowed to do."""
        codes = [(each["responseStatus"]["code"], each) for each in self.requests()]
        return [f"{each['verb']} {each['requestURI']}" for code, each in codes if code == 403]

    def requests(self) -> list[dict[str, Any]]:
        """All that the operator has asked the API for."""
        lines = self.api.audit_log.read_text().splitlines()
        return [event for line in lines if (event := json.loads(line))["user"]["username"] == self.account]


HELD = "held by admission policies"


@pytest.fixture(params=["every namespace", "some namespaces", HELD])
def installed(
    request: pytest.FixtureRequest, server: ApiServer, cluster: Cluster, tmp_path: Path
) -> Iterator[Installed]:
    """The operator with a token of the chart's service account."""
    system = f"system-{uuid.uuid4().hex[:8]}"
    kubectl = replace(cluster.kubectl, namespace=system)
    kubectl("create", "namespace", system)
    some = request.param == "some namespaces"
    served = ["--set", f"operator.namespaces={{{cluster.kubectl.namespace}}}"] if some else []
    held = ["--set", "admissionPolicy.enabled=true"] if request.param == HELD else []
    # The name is part of cluster-wide objects, which the tests of a run share.
    rendered = objects(
        *("--set", "crds.install=false,rbac.aggregate=false,operator.allowTargetFrom={*}"),
        *served,
        *held,
        namespace=system,
        name=system,
    )
    access = [each for each in rendered if each["kind"] not in ("Deployment", "Service")]
    assert not some or not [each["kind"] for each in access if each["kind"].startswith("Cluster")]
    kubectl.apply_all(access)
    (account,) = (each["metadata"]["name"] for each in access if each["kind"] == "ServiceAccount")
    (deployment,) = (each for each in rendered if each["kind"] == "Deployment")
    kubeconfig = with_token(server, kubectl("create", "token", account).strip(), tmp_path)
    process = operator_process(
        kubeconfig,
        tmp_path,
        *[
            flag
            for flag in flags_of(deployment)
            if not flag.startswith(("--healthz", "--metrics", "--status"))
        ],
        f"--lease-namespace={system}",
        "--lease-duration=5s",
        "--resync-interval=2s",
    )
    made = Installed(process, rights(access), f"system:serviceaccount:{system}:{account}", server, kubeconfig)
    process.start()
    if held:
        eventually(lambda: policies_work(made, cluster), what="the policies in force")
    yield made
    process.clear_up()
    print("refused:", made.refused())  # noqa: T201 - what a failed scenario lacked
    kubectl("delete", KINDS_OF_CLUSTER, "-l", f"app.kubernetes.io/instance={system}")


def flags_of(deployment: dict[str, Any]) -> list[str]:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    command, *flags = container["args"]
    assert command == "run"
    return [flag.replace("$(POD_NAME)", "operator-0") for flag in flags]


def rights(access: list[dict[str, Any]]) -> set[Right]:
    return {
        (group, resource, verb)
        for each in access
        for rule in each.get("rules", ())
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def exercised(event: dict[str, Any]) -> set[Right]:
    """What a request needed; server-side apply of what was not there (201) needs to create as well."""
    about = event.get("objectRef", {})
    if "resource" not in about:
        return set()  # discovery, open to everybody
    resource = "/".join(about[key] for key in ("resource", "subresource") if key in about)
    verbs = [event["verb"]] + (["create"] if event["responseStatus"]["code"] == 201 else [])
    return {(about.get("apiGroup", ""), resource, verb) for verb in verbs}


@pytest.mark.long
def test_the_operator_needs_every_right_it_is_given_and_no_other(
    installed: Installed, cluster: Cluster
) -> None:
    # An agent's pod: followed, nudged after an edit.
    uid = cluster.check({"schedule": {"interval": "30s"}, "paths": PATHS})
    eventually(lambda: len(cluster.children("deployment")) == 2, what="two Deployments")
    deployment = cluster.children("deployment")[0]
    pod = cluster.pod(deployment, deployment["spec"]["template"], ("apps/v1", "ReplicaSet"))
    cluster.set_status("pod", pod["metadata"]["name"], RUNNING)
    cluster.check({"schedule": {"interval": "10s"}, "paths": PATHS})
    eventually(lambda: nudged(cluster, pod["metadata"]["name"]), what="the pod nudged")
    # From every node, whose pods it knows as well.
    cluster.check({"schedule": {"interval": "10s"}, "placement": {"everyNode": True}})
    daemon_set = cluster.one("daemonset")
    on_node = cluster.node_pod(daemon_set, "w1")
    # One node lacks its pod: why is looked for in events.
    cluster.count_nodes(daemon_set["metadata"]["name"], desired=2, scheduled=1, available=1)
    eventually(lambda: "1 of 2 nodes" in str(cluster.condition("Ready")), what="the node told of")
    eventually(lambda: not cluster.children("deployment"), what="the Deployments removed")
    cluster.check({"schedule": {"interval": "20s"}, "placement": {"everyNode": True}})
    eventually(lambda: nudged(cluster, on_node), what="the pod of a node nudged")
    # Targets that are looked up.
    cluster.endpoints("db", "10.0.0.1")
    found = {"targetFrom": {"service": {"name": "db"}}, "schedule": {"interval": "20s"}}
    cluster.check(found)
    eventually(lambda: "10.0.0.1" in str(cluster.one("configmap")["data"]), what="the target in the plan")
    cluster.endpoints("db", "10.0.0.2")
    eventually(lambda: "10.0.0.2" in str(cluster.one("configmap")["data"]), what="its change in the plan")
    # Another workload, and one path less.
    cluster.check({"schedule": CRON, "paths": PATHS})
    eventually(lambda: len(cluster.children("cronjob")) == 2, what="two CronJobs")
    cluster.check({"schedule": CRON})
    plan, cron_job = cluster.one("configmap"), cluster.one("cronjob")
    eventually(lambda: not cluster.children("daemonset"), what="the DaemonSet removed")
    # A round by the schedule, and one by hand.
    cluster.finish_round(cron_job, plan)
    cluster.says("Healthy", "True", "WithinThresholds")
    cluster.kubectl("annotate", "itc", "hq", "ipsecping.dev/run-now=1")
    eventually(lambda: cluster.status().get("runNow"), what="the extra round started")
    eventually(lambda: cluster.events(), what="events")
    assert installed.operator.end() == 0

    assert installed.refused() == [], "a right is missing"
    used = set[Right]().union(*map(exercised, installed.requests()))
    assert installed.granted - used == set(), "rights that are never used"

    # The chart has the operator log JSON: what is about a check names it.
    lines = [json.loads(line) for line in installed.operator.log.read_text().splitlines()]
    about = [line for line in lines if line["message"].startswith("applying ")]
    named = {(line["namespace"], line["check"], line["uid"]) for line in about}
    # Where it serves every namespace, it also serves what other tests have left.
    assert {name for name in named if name[0] == cluster.kubectl.namespace} == {
        (cluster.kubectl.namespace, "hq", uid)
    }
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)


def nudged(cluster: Cluster, pod: str) -> bool:
    return cluster.annotation(pod, "ipsecping.dev/plan-nonce") is not None


DENIED = "ValidatingAdmissionPolicy"
FOREIGN: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}


def policies_work(installed: Installed, cluster: Cluster) -> bool:
    """A new policy is in force some time after it was stored."""
    kubectl = replace(cluster.kubectl, kubeconfig=installed.kubeconfig)
    done = kubectl.run("create", "--dry-run=server", "-f", "-", stdin=json.dumps(FOREIGN))
    return DENIED in done.stderr


@pytest.mark.parametrize("installed", [HELD], indirect=True)
def test_whoever_takes_over_the_operators_account_gains_nothing_but_checks_children(
    installed: Installed, cluster: Cluster
) -> None:
    mine, thief = cluster.kubectl, replace(cluster.kubectl, kubeconfig=installed.kubeconfig)
    uid = cluster.check({"schedule": {"interval": "30s"}})
    deployment, config_map = cluster.one("deployment"), cluster.one("configmap")
    mine("create", "-f", "-", stdin=json.dumps(FOREIGN))
    own = cluster.pod(deployment, deployment["spec"]["template"], ("apps/v1", "ReplicaSet"))
    other = cluster.make(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "app", "labels": {"app": "theirs"}},
            "spec": own["spec"],
        }
    )

    def denied(*words: str, body: Any = None) -> None:
        """In the end: of several policies one may be in force and another not yet."""

        def refused() -> bool:
            done = thief.run(*words, stdin="" if body is None else json.dumps(body))
            assert done.returncode == 0 or DENIED in done.stderr, done.stderr
            return done.returncode != 0

        eventually(refused, what=f"denied: {words} {body}")

    def changed(of: dict[str, Any], **metadata: Any) -> dict[str, Any]:
        kept = {key: of["metadata"][key] for key in ("namespace", "labels", "ownerReferences")}
        return {
            "apiVersion": of["apiVersion"],
            "kind": of["kind"],
            "metadata": {"name": "ipsecping-stolen"} | kept | metadata,
            **{key: of[key] for key in ("spec", "data") if key in of},
        }

    create = ("create", "--dry-run=server", "-f", "-")
    thief(*create, stdin=json.dumps(changed(deployment)))  # so nothing below is refused for anything else
    (reference,) = deployment["metadata"]["ownerReferences"]
    strays: tuple[dict[str, Any], ...] = (
        {"ownerReferences": []},
        {"ownerReferences": [reference | {"controller": False}]},
        {"ownerReferences": [reference | {"uid": "11111111-2222-3333-4444-555555555555"}]},
        {"ownerReferences": [reference | {"kind": "CronJob", "apiVersion": "batch/v1"}]},
        {"ownerReferences": [reference | {"apiVersion": "evil.example/v1"}]},
        {"labels": {}},
        {"labels": deployment["metadata"]["labels"] | {"app.kubernetes.io/managed-by": "Helm"}},
    )
    for wrong in strays:
        denied(*create, body=changed(deployment, **wrong))
        denied(*create, body=changed(config_map, **wrong))
    # A check's own Deployment, but with pods that take the node or the account of somebody.
    pods: tuple[dict[str, Any], ...] = (
        {"automountServiceAccountToken": True},
        {"hostPID": True},
        {"volumes": [{"name": "plan", "hostPath": {"path": "/"}}]},
        {"volumes": [{"name": "plan", "secret": {"secretName": "others"}}]},
    )
    for wrong in pods:
        body = changed(deployment)
        body["spec"] = json.loads(json.dumps(deployment["spec"]))
        body["spec"]["template"]["spec"] |= wrong
        denied(*create, body=body)
    # What is somebody else's.
    denied(*create, body=changed(config_map, name="settings-of-somebody"))
    apply = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-")
    denied(*apply, body=changed(config_map, name="settings"))
    settings = f"/api/v1/namespaces/{mine.namespace}/configmaps/settings"
    denied("delete", "--raw", f"{settings}?dryRun=All")

    def patched(pod: dict[str, Any], **changes: Any) -> dict[str, Any]:
        metadata = {"name": pod["metadata"]["name"], **changes.pop("metadata", {})}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, **changes}

    mark = {"annotations": {"ipsecping.dev/plan-nonce": "x"}}
    thief(*apply, stdin=json.dumps(patched(own, metadata=mark)))
    denied(*apply, body=patched(other, metadata=mark))
    denied(*apply, body=patched(own, metadata={"annotations": {"sidecar.istio.io/inject": "true"}}))
    denied(*apply, body=patched(own, metadata={"labels": {"app": "theirs"}}))
    denied(*apply, body=patched(own, metadata={"finalizers": ["evil.example/stay"]}))
    denied(*apply, body=patched(own, spec={"containers": [{"name": "probe", "image": "evil"}]}))
    assert mine.get("itc", "hq")["metadata"]["uid"] == uid

"""Each refusal of a real API server has its type: these are the words that the operator's `wording` knows."""

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ipsecping_lab.apiserver import ApiServer
from ipsecping_operator.kube import access, errors
from ipsecping_operator.kube.client import KubeClient
from ipsecping_operator.kube.kinds import CONFIG_MAP, DEPLOYMENT, JOB, LEASE, POD, Kind
from ipsecping_operator.kube.wording import DeniedBy, is_right_missing
from ipsecping_operator.observe.kinds import CHECK

from ..ports import free_port
from .accounts import with_token
from .kubectl import Kubectl, manifest
from .operator.processes import eventually
from .refusing import (
    admission_policy,
    make,
    of_the_cluster,
    quota,
    webhook,
    webhook_configuration,
)

Object = dict[str, Any]
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


@pytest.fixture
async def client(server: ApiServer) -> AsyncIterator[KubeClient]:
    """The operator's own, as administrator."""
    made = KubeClient(await access.load(server.kubeconfig, None))
    yield made
    await made.close()


def config_map(namespace: str, name: str = "x", **more: Any) -> Object:
    return named(CONFIG_MAP, namespace, name) | {"data": {"a": "b"}} | more


def named(kind: Kind, namespace: str, name: str = "x") -> Object:
    metadata = {"namespace": namespace, "name": name}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata}


def pod_spec(**more: Any) -> Object:
    container = {"name": "c", "image": "probe:1", "securityContext": RESTRICTED}
    return {"containers": [container | more]}


def pod(namespace: str, **more: Any) -> Object:
    return named(POD, namespace) | {"spec": pod_spec(**more)}


def deployment(namespace: str, app: str = "x", **container: Any) -> Object:
    template = {"metadata": {"labels": {"app": app}}, "spec": pod_spec(**container)}
    spec = {"selector": {"matchLabels": {"app": app}}, "template": template}
    return named(DEPLOYMENT, namespace) | {"spec": spec}


async def test_a_quota_that_is_used_up_or_wants_something_said(client: KubeClient, kubectl: Kubectl) -> None:
    namespace = kubectl.namespace
    make(kubectl, quota({"pods": "1"}))
    make(kubectl, quota({"pods": "1"}) | {"metadata": {"name": "full"}})
    for name in ("few", "full"):
        counted = json.dumps({"status": {"hard": {"pods": "1"}, "used": {"pods": "1"}}})
        words = ("--subresource=status", "--type=merge", f"--patch={counted}")
        kubectl("patch", "resourcequota", name, *words)
    denial = (await over_quota(client, namespace, "exceeded quota")).denial
    assert denial is not None
    assert denial.by is DeniedBy.QUOTA
    assert denial.name in ("few", "full")


async def over_quota(client: KubeClient, namespace: str, words: str) -> errors.QuotaExceeded:
    """How a pod is refused in the end: until the plugin has seen its status, a quota is of unknown status."""
    while True:
        with pytest.raises(errors.QuotaExceeded) as raised:
            await client.create(POD, namespace, pod(namespace))
        if "status unknown for quota" not in raised.value.message:
            assert words in raised.value.message
            return raised.value


async def test_a_quota_that_wants_requests(client: KubeClient, kubectl: Kubectl) -> None:
    namespace = kubectl.namespace
    counted = {"hard": {"requests.cpu": "1"}, "used": {"requests.cpu": "0"}}
    make(kubectl, quota({"requests.cpu": "1"}), counted)
    await over_quota(client, namespace, "must specify requests.cpu")


async def test_a_limit_range(client: KubeClient, kubectl: Kubectl) -> None:
    namespace = kubectl.namespace
    limits = [{"type": "Container", "max": {"memory": "64Mi", "cpu": "1"}}]
    make(
        kubectl,
        {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l"}, "spec": {"limits": limits}},
    )
    for asked in ({"memory": "128Mi"}, {"memory": "128Mi", "cpu": "4"}):
        with pytest.raises(errors.AdmissionDenied) as refused:
            await client.create(POD, namespace, pod(namespace, resources={"limits": asked}))
        assert refused.value.denial is not None
        assert refused.value.denial.by is DeniedBy.LIMIT_RANGE


async def test_a_pod_security_level(client: KubeClient, kubectl: Kubectl) -> None:
    with pytest.raises(errors.AdmissionDenied) as refused:
        await client.create(POD, kubectl.namespace, pod(kubectl.namespace, securityContext={}))
    denial = refused.value.denial
    assert denial is not None
    assert (denial.by, denial.name) == (DeniedBy.POD_SECURITY, "restricted:latest")


async def test_a_priority_class_that_is_not_there(client: KubeClient, kubectl: Kubectl) -> None:
    body = pod(kubectl.namespace)
    body["spec"]["priorityClassName"] = "urgent"
    with pytest.raises(errors.AdmissionDenied) as refused:
        await client.create(POD, kubectl.namespace, body)
    assert refused.value.denial is not None
    assert (refused.value.denial.by, refused.value.denial.name) == (DeniedBy.PRIORITY_CLASS, "urgent")


async def test_a_runtime_class_that_is_not_there(client: KubeClient, kubectl: Kubectl) -> None:
    body = pod(kubectl.namespace)
    body["spec"]["runtimeClassName"] = "gvisor"
    with pytest.raises(errors.AdmissionDenied) as refused:
        await client.create(POD, kubectl.namespace, body)
    assert refused.value.denial is not None
    assert (refused.value.denial.by, refused.value.denial.name) == (DeniedBy.RUNTIME_CLASS, "gvisor")


@pytest.mark.parametrize("reason", [None, "Forbidden", "Invalid", "RequestEntityTooLarge"])
async def test_an_admission_policy_whatever_reason_it_gives(
    client: KubeClient, kubectl: Kubectl, reason: str | None
) -> None:
    validation = {"expression": "false", "message": 'exceeded quota: not today, "dear"'}
    if reason is not None:
        validation["reason"] = reason
    policy, binding = admission_policy(kubectl, CONFIG_MAP, validation)
    with of_the_cluster(kubectl, policy, binding):
        eventually(
            lambda: kubectl.run("create", "configmap", "probe", "--dry-run=server").returncode != 0,
            what="the policy in force",
        )
        with pytest.raises(errors.AdmissionDenied) as refused:
            await client.apply(config_map(kubectl.namespace), CONFIG_MAP)
    denial = refused.value.denial
    assert denial is not None
    assert (denial.by, denial.name) == (DeniedBy.POLICY, policy["metadata"]["name"])


@pytest.mark.parametrize(("code", "words"), [(403, "not-today"), (500, "oops"), (400, "")])
async def test_a_webhook_whatever_code_it_gives(
    server: ApiServer, client: KubeClient, kubectl: Kubectl, code: int, words: str
) -> None:
    with webhook(server) as port:
        hook = webhook_configuration(server, kubectl, CONFIG_MAP, f"https://127.0.0.1:{port}/{code}/{words}")
        with of_the_cluster(kubectl, hook):
            eventually(
                lambda: kubectl.run("create", "configmap", "probe", "--dry-run=server").returncode != 0,
                what="the webhook in force",
            )
            with pytest.raises(errors.AdmissionDenied) as refused:
                await client.apply(config_map(kubectl.namespace), CONFIG_MAP)
    denial = refused.value.denial
    assert denial is not None
    assert (denial.by, denial.name) == (DeniedBy.WEBHOOK, "policy.example.com")


async def test_a_webhook_that_does_not_answer(
    server: ApiServer, client: KubeClient, kubectl: Kubectl
) -> None:
    hook = webhook_configuration(server, kubectl, CONFIG_MAP, f"https://127.0.0.1:{free_port()}/")
    with of_the_cluster(kubectl, hook):
        eventually(
            lambda: kubectl.run("create", "configmap", "probe", "--dry-run=server").returncode != 0,
            what="the webhook in force",
        )
        with pytest.raises(errors.WebhookUnavailable) as refused:
            await client.apply(config_map(kubectl.namespace), CONFIG_MAP)
    assert refused.value.webhook == "policy.example.com"


async def test_a_namespace_that_is_not_there_or_goes(client: KubeClient, kubectl: Kubectl) -> None:
    with pytest.raises(errors.NotFound, match="namespaces"):
        await client.create(CONFIG_MAP, "nowhere", config_map("nowhere"))
    assert await client.get(CONFIG_MAP, kubectl.namespace, "none") is None
    kubectl("delete", "namespace", kubectl.namespace, "--wait=false")
    with pytest.raises(errors.NamespaceTerminating):
        await client.apply(config_map(kubectl.namespace), CONFIG_MAP)


async def test_an_account_without_the_right(server: ApiServer, kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl("create", "serviceaccount", "nobody")
    kubeconfig = with_token(server, kubectl("create", "token", "nobody").strip(), tmp_path)
    nobody = KubeClient(await access.load(kubeconfig, None))
    for refused in (
        nobody.apply(config_map(kubectl.namespace), CONFIG_MAP),
        nobody.get(CONFIG_MAP, kubectl.namespace, "x"),
        anext(nobody.pages(POD, None)),
        anext(nobody.watch(POD, kubectl.namespace, since="1")),
    ):
        with pytest.raises(errors.Forbidden) as raised:
            await refused
        assert type(raised.value) is errors.Forbidden
        assert is_right_missing(raised.value.message), raised.value.message
    await nobody.close()
    stranger = KubeClient(await access.load(with_token(server, "x", tmp_path), None))
    with pytest.raises(errors.Unauthorized):
        await stranger.get(CONFIG_MAP, kubectl.namespace, "x")
    await stranger.close()


async def test_what_was_changed_is_there_or_is_another(client: KubeClient, kubectl: Kubectl) -> None:
    namespace = kubectl.namespace
    first = await client.create(CONFIG_MAP, namespace, config_map(namespace))
    with pytest.raises(errors.AlreadyExists):
        await client.create(CONFIG_MAP, namespace, config_map(namespace))
    await client.merge(CONFIG_MAP, namespace, "x", {"data": {"a": "c"}})
    with pytest.raises(errors.Conflict) as changed:
        await client.replace(CONFIG_MAP, first)
    assert type(changed.value) is errors.Conflict
    other = config_map(namespace)
    other["metadata"]["uid"] = str(uuid.uuid4())
    with pytest.raises(errors.OtherObject):
        await client.apply(other, CONFIG_MAP)
    with pytest.raises(errors.OtherObject):
        await client.merge(CONFIG_MAP, namespace, "x", {"metadata": {"uid": other["metadata"]["uid"]}})
    other["metadata"]["name"] = "gone"
    with pytest.raises(errors.OtherObject):
        await client.apply(other, CONFIG_MAP)
    await client.delete(CONFIG_MAP, namespace, "x", uid=other["metadata"]["uid"])
    assert await client.get(CONFIG_MAP, namespace, "x") is not None, "another object is left alone"
    lease = named(LEASE, namespace) | {"spec": {}}
    await client.create(LEASE, namespace, lease)
    stale = lease | {"metadata": lease["metadata"] | {"resourceVersion": "1"}}
    with pytest.raises(errors.Conflict):
        await client.replace(LEASE, stale)


async def test_the_status_of_a_check_that_has_gone(client: KubeClient, kubectl: Kubectl) -> None:
    body = named(CHECK, kubectl.namespace, "hq-dc1") | {"status": {"observedGeneration": 1}}
    body["metadata"]["uid"] = str(uuid.uuid4())
    with pytest.raises(errors.NotFound):
        await client.apply_status(body, CHECK)
    kubectl("create", "-f", "-", stdin=manifest({"target": "203.0.113.10"}))
    fresh = kubectl.get("itc", "hq-dc1")
    stored = await client.apply_status(body, CHECK)
    assert stored["metadata"]["uid"] == fresh["metadata"]["uid"], (
        "the API does not compare: the operator has to"
    )
    await client.apply_status(body | {"status": {}}, CHECK)
    assert kubectl.get("itc", "hq-dc1").get("status", {}) in ({}, fresh["status"]), "all is taken back"


async def test_a_field_that_the_schema_does_not_know(client: KubeClient, kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=manifest({"target": "203.0.113.10"}))
    status = {"newer": 1, "paths": [{"name": "a", "newer": 1}]}
    with pytest.raises(errors.UndeclaredFields) as refused:
        await client.apply_status(named(CHECK, kubectl.namespace, "hq-dc1") | {"status": status}, CHECK)
    assert ("status", "newer") in refused.value.fields
    assert refused.value.fields <= {("status", "newer"), ("status", "paths", "newer")}
    wrong = {"observedGeneration": "one"}
    with pytest.raises(errors.Invalid) as invalid:
        await client.apply_status(named(CHECK, kubectl.namespace, "hq-dc1") | {"status": wrong}, CHECK)
    assert not isinstance(invalid.value, errors.UndeclaredFields)


async def test_what_cannot_be_changed(client: KubeClient, kubectl: Kubectl) -> None:
    namespace = kubectl.namespace
    await client.apply(config_map(namespace, immutable=True), CONFIG_MAP)
    with pytest.raises(errors.Immutable) as refused:
        await client.apply(config_map(namespace, immutable=True, data={"a": "c"}), CONFIG_MAP)
    assert refused.value.fields == ["data"]
    await client.apply(deployment(namespace), DEPLOYMENT)
    with pytest.raises(errors.Immutable) as refused:
        await client.apply(deployment(namespace, app="y"), DEPLOYMENT)
    assert refused.value.fields == ["spec.selector"]
    job = named(JOB, namespace) | {"spec": {"template": {"spec": pod_spec() | {"restartPolicy": "Never"}}}}
    await client.apply(job, JOB)
    job["spec"]["template"]["metadata"] = {"labels": {"a": "b"}}
    with pytest.raises(errors.Immutable) as refused:
        await client.apply(job, JOB)
    assert refused.value.fields == ["spec.template"]


async def test_fields_that_others_apply_or_edited(client: KubeClient, kubectl: Kubectl) -> None:
    namespace = kubectl.namespace
    body = config_map(namespace, data={"a": "b", "c": "d"})
    await client.apply(body, CONFIG_MAP)
    theirs = json.dumps(config_map(namespace, data={"a": "theirs"}))
    kubectl("apply", "--server-side", "--force-conflicts", "--field-manager=flux", "-f", "-", stdin=theirs)
    kubectl("patch", "configmap", "x", '--patch={"data":{"c":"edited"}}', "--field-manager=by-hand")
    with pytest.raises(errors.FieldConflict) as refused:
        await client.apply(body, CONFIG_MAP, force=False)
    assert refused.value.appliers == [(".data.a", '"flux"')]
    assert len(refused.value.causes) == 2


@pytest.mark.filterwarnings("ignore:Sending a large body")
async def test_an_object_that_is_invalid_or_too_large(client: KubeClient, kubectl: Kubectl) -> None:
    namespace = kubectl.namespace
    with pytest.raises(errors.Invalid):
        await client.apply(config_map(namespace, name="Not_A_Name"), CONFIG_MAP)
    with pytest.raises(errors.Invalid):
        await client.apply(config_map(namespace, data={"a": "x" * (3 << 19)}), CONFIG_MAP)
    with pytest.raises(errors.BadRequest):
        await client.create(CONFIG_MAP, namespace, config_map(namespace) | {"data": 5})
    for size in (2 << 20, 4 << 20):  # for the storage, and for the API
        with pytest.raises(errors.TooLarge):
            await client.create(DEPLOYMENT, namespace, deployment(namespace, args=["x" * size]))


async def test_a_version_that_is_no_longer_kept(client: KubeClient, kubectl: Kubectl) -> None:
    with pytest.raises(errors.Expired):
        await anext(client.watch(CHECK, None, since="1"))


async def test_a_kind_that_is_not_served(client: KubeClient) -> None:
    for other in ({"plural": "others"}, {"version": "v9"}, {"group": "x.example"}):
        absent = replace(CHECK, **other)
        assert not await client.exists(absent)
        with pytest.raises(errors.NotFound):
            await anext(client.pages(absent, "default"))
    assert await client.exists(CHECK)

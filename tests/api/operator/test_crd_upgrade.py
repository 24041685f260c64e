"""The CRD is upgraded under running checks, before or after the operator."""

import json
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from ipsecping_lab.apiserver import ApiServer
from ipsecping_operator.api.crd import custom_resource_definition

from ..crd import install_crd
from ..kubectl import Kubectl, manifest
from .cluster import Cluster
from .processes import OperatorProcess, eventually

CRON = {"schedule": {"cron": "*/5 * * * *"}}


def older() -> str:
    """The CRD as it was before some fields of spec and status were added."""
    crd = custom_resource_definition()
    properties = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    del properties["spec"]["properties"]["thresholds"]["properties"]["downAfter"]
    del properties["status"]["properties"]["paths"]["items"]["properties"]["reason"]
    del properties["status"]["properties"]["preferredPath"]
    del properties["status"]["default"]
    return yaml.safe_dump(crd)


@pytest.fixture
def install(server: ApiServer) -> Iterator[Callable[[str | None], None]]:
    """Installs a CRD; afterwards there is the one of today again."""
    yield lambda manifest: install_crd(server, manifest)
    install_crd(server)


def test_checks_go_on_while_their_crd_is_upgraded(
    install: Callable[[str | None], None], cluster: Cluster, operator: OperatorProcess
) -> None:
    install(older())
    cluster.check(CRON)
    cron_job, plan = cluster.one("cronjob"), cluster.one("configmap")
    cluster.finish_round(cron_job, plan, received=0)
    cluster.says("Healthy", "False", "LossHigh")
    before = cluster.kubectl.get("itc", "hq")
    assert "preferredPath" not in before["status"], "what the old CRD does not know is left out"
    assert "is older than the operator, upgrade it: no status." in operator.log.read_text()
    install(None)
    assert operator.end(signal.SIGTERM) == 0  # or a minute later
    operator.start()
    cluster.finish_round(cron_job, plan, received=0)
    eventually(
        lambda: cluster.status().get("preferredPath") == "default", what="a status with the new fields"
    )
    after = cluster.kubectl.get("itc", "hq")
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert cluster.one("cronjob")["metadata"]["uid"] == cron_job["metadata"]["uid"]
    assert healthy(after)["lastTransitionTime"] == healthy(before)["lastTransitionTime"]
    # The new field is there to be used.
    cluster.check({**CRON, "thresholds": {"downAfter": 2}})
    cluster.says("Healthy", "False", "Down")


@pytest.mark.parametrize("written", [False, True])
def test_what_a_definition_that_is_rolled_back_takes_from_checks(
    install: Callable[[str | None], None], kubectl: Kubectl, written: bool
) -> None:
    """As docs/releases.md says it: hidden at once, lost with the next write, be it of the status alone."""
    night = {"name": "night", "schedule": "0 2 * * *", "duration": "1h"}
    kubectl("apply", "-f", "-", stdin=manifest({"target": "127.0.0.1", "maintenance": [night]}, name="hq"))
    crd = custom_resource_definition()
    del crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"][
        "maintenance"
    ]
    install(yaml.safe_dump(crd))

    def is_hidden() -> bool:
        return "maintenance" not in kubectl.get("itc", "hq")["spec"]

    assert is_hidden()
    if written:
        status = json.dumps({"status": {"observedGeneration": 1}})
        kubectl("patch", "itc", "hq", "--subresource=status", "--type=merge", f"--patch={status}")
    install(None)
    assert is_hidden() is written
    if not written:
        assert kubectl.get("itc", "hq")["spec"]["maintenance"][0]["name"] == "night"
    assert kubectl.get("itc", "hq")["metadata"]["generation"] == 1


def laxer() -> str:
    """The CRD with none of the rules that a value alone breaks."""

    def without_rules(schema: Any) -> Any:
        if isinstance(schema, list):
            return [without_rules(each) for each in schema]
        if not isinstance(schema, dict):
            return schema
        return {key: without_rules(each) for key, each in schema.items() if key != "x-kubernetes-validations"}

    return yaml.safe_dump(without_rules(custom_resource_definition()))


def test_what_a_stricter_definition_refuses_is_told_edited_and_deleted_all_the_same(
    install: Callable[[str | None], None], cluster: Cluster, operator: OperatorProcess
) -> None:
    install(laxer())
    night = {"name": "night", "schedule": "0 2 * * *", "duration": "23h", "timeZone": "posix/Europe/Berlin"}
    cluster.check({**CRON, "maintenance": [night], "probes": [{"name": "Odd_Name", "icmp": {}}]})
    install(None)
    assert "time zone" in cluster.kubectl.run("label", "itc", "hq", "a=b").stderr, "it warns"
    operator.end(signal.SIGTERM)
    operator.start()
    cluster.says("Ready", "False", "InvalidSpec")
    for patch in ({"spec": {"target": "127.0.0.2"}}, {"metadata": {"finalizers": ["example.com/hold"]}}):
        cluster.kubectl("patch", "itc", "hq", "--type=merge", f"--patch={json.dumps(patch)}")
    eventually(
        lambda: cluster.condition("Ready").get("observedGeneration") == 2, what="a status of the edited check"
    )
    cluster.kubectl("delete", "itc", "hq", "--wait=false")
    cluster.kubectl("patch", "itc", "hq", "--type=merge", '--patch={"metadata": {"finalizers": null}}')
    eventually(lambda: cluster.kubectl.run("get", "itc", "hq").returncode != 0, what="the check gone")


def healthy(found: dict[str, Any]) -> dict[str, Any]:
    """The condition Healthy."""
    return next(each for each in found["status"]["conditions"] if each["type"] == "Healthy")

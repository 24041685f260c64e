"""The CRD is upgraded under running checks, before or after the operator."""

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from ipsecping_lab.apiserver import ApiServer
from ipsecping_operator.api.crd import custom_resource_definition

from ..crd import install_crd
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


def healthy(found: dict[str, Any]) -> dict[str, Any]:
    """The condition Healthy."""
    return next(each for each in found["status"]["conditions"] if each["type"] == "Healthy")

"""The chart on a real cluster: upgraded under a running check, tested, rolled back, uninstalled."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest

from ipsecping_lab import workbench
from ipsecping_lab.workbench import OPERATOR_NAMESPACE, PROGRAM, kubectl, lab, wait_for

from ..api.chart import CHART, PREVIOUS
from .bench import FAR_A, STAMP, Bench, operator_pods

pytestmark = pytest.mark.usefixtures("tunnel")
NAME = "tunnels"
COUNT = 5
"""Packets of a round, one a second."""


@dataclass(frozen=True, slots=True)
class Release:
    """A release in a namespace of its own, which is all that its operator serves."""

    bench: Bench

    def helm(self, command: str, *words: str) -> str:
        """Raises CommandFailed."""
        return lab("helm", command, NAME, *words, "--namespace", self.bench.namespace)

    def values(self, *values: str) -> tuple[str, ...]:
        """The words for helm: images as of the release that the other tests use, and these values."""
        found = json.loads(lab("helm", "get", "values", "ipsecping", "-n", OPERATOR_NAMESPACE, "-o", "json"))
        images = [
            f"{key}.{part}={found[key][part]}"
            for key in ("image", "probeImage")
            for part in ("repository", "tag")
        ]
        # The definition and the roles for users are that other release's.
        own = (
            f"operator.namespaces={{{self.bench.namespace}}}",
            "crds.install=false",
            "rbac.aggregate=false",
        )
        given = (*own, "operator.statusInterval=2s", *values)
        named = (word for value in images for word in ("--set-string", value))
        return (*named, *(word for value in given for word in ("--set", value)))

    def measured(self, check: str) -> tuple[int, datetime]:
        """How many rounds the status counts, and when the newest of them was."""
        status = self.bench.check(check)["status"]
        return status["probes"][0]["sent"] // COUNT, datetime.fromisoformat(status["lastResultTime"])


@pytest.fixture
def release() -> Iterator[Release]:
    """Not installed yet; the operator of every namespace, which would serve this one too, rests meanwhile."""
    scale = ("-n", OPERATOR_NAMESPACE, "scale", "deployment/ipsecping-operator")
    bench = Bench(namespace=f"e2e-{uuid.uuid4().hex[:8]}")
    kubectl(*scale, "--replicas=0")
    try:
        wait_for("no operator", operator_pods, lambda pods: not pods, seconds=60)
        bench.create()
        made = Release(bench)
        yield made
        made.helm("uninstall", "--ignore-not-found")
    finally:
        bench.delete()
        kubectl(*scale, "--replicas=1")
        rollout = ("rollout", "status", "deployment/ipsecping-operator", "--timeout=90s")
        kubectl("-n", OPERATOR_NAMESPACE, *rollout)


def test_a_running_check_goes_on_through_upgrade_rollback_and_uninstall(release: Release) -> None:
    bench = release.bench
    release.helm("install", str(PREVIOUS), *release.values(), "--wait", "--timeout=90s")
    probe = STAMP | {"count": COUNT, "spacing": "20ms"}
    thresholds = {"window": "30m", "lossPercent": "50"}
    bench.declare("runs", target=FAR_A, schedule={"interval": "1s"}, probes=[probe], thresholds=thresholds)
    bench.wait_for_reason("runs", "WithinThresholds")
    agent = bench.probe_pod("runs")
    rounds, since = release.measured("runs")

    networks = "reflector.allow={10.244.0.0/16,fd00:10:244::/56}"
    reflector = release.values("reflector.enabled=true", networks)
    release.helm("upgrade", str(CHART), *reflector, "--wait", "--timeout=90s")
    assert "Succeeded" in release.helm("test", "--timeout=120s")

    nobody = release.values(
        "reflector.enabled=true", "reflector.allow={192.0.2.0/24}", "reflector.test.timeout=20s"
    )
    release.helm("upgrade", str(CHART), *nobody, "--wait", "--timeout=90s")
    done = workbench.run([PROGRAM, "helm", "test", NAME, "--namespace", bench.namespace])
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "not healthy within 20 s" in said, said
    assert "probe stamp: 0 of" in said, said
    hooks = ("-l", "app.kubernetes.io/name=ipsecping-test", "-o", "name")
    assert kubectl("-n", bench.namespace, "get", "pods,itc", *hooks) == "", "nothing of the test is left"

    release.helm("rollback", "1", "--wait", "--timeout=90s")
    wait_for(
        "figures of the operator before",
        lambda: release.measured("runs"),
        lambda now: (now[1] - since).total_seconds() > 30,
        seconds=60,
    )
    now, until = release.measured("runs")
    # Both times are whole seconds.
    assert now - rounds >= (until - since).total_seconds() - 2, "a round is missing"
    after = bench.probe_pod("runs")
    assert after["metadata"]["uid"] == agent["metadata"]["uid"]
    assert after["status"]["containerStatuses"][0]["restartCount"] == 0
    assert bench.check("runs")["status"]["probes"][0]["received"] > 0

    release.helm("uninstall", "--wait", "--timeout=60s")
    left = kubectl("-n", bench.namespace, "get", "deployments", "-o", "name").split()
    assert len(left) == 1, left
    assert "runs" in left[0], "checks and what measures for them stay"

"""`helm test`: measures the release's own reflector, says why it cannot, and leaves nothing behind."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ipsecping_lab.apiserver import ApiServer

from .administrator import Administrator
from .helm_testing import Release
from .kubectl import Kubectl, manifest
from .operator.processes import Process

REFLECTOR = ("reflector.enabled=true", "reflector.allow={10.0.0.0/8}")


@pytest.fixture
def release(server: ApiServer, kubectl: Kubectl, tmp_path: Path) -> Iterator[Release]:
    """Of the test's namespace; not installed yet."""
    made = Release(Administrator(server, tmp_path), kubectl, tmp_path)
    yield made
    made.uninstall()


def test_helm_test_measures_the_reflector_until_it_is_healthy(release: Release) -> None:
    namespace = release.kubectl.namespace
    release.install(*REFLECTOR)

    def well(pod: dict[str, Any]) -> bool:
        check = release.kubectl.get("itc", "tunnels-ipsecping-test")
        assert check["spec"]["target"] == f"tunnels-ipsecping-reflector.{namespace}.svc"
        assert [each["name"] for each in check["spec"]["probes"]] == ["stamp", "tcp-echo", "udp-echo"]
        message = "stamp and 2 more"
        release.says({"type": "Healthy", "status": "True", "reason": "WithinThresholds", "message": message})
        status, said = release.pod(pod)
        assert "Healthy=True (WithinThresholds): stamp and 2 more" in said
        return status == 0

    status, said = release.run(well)
    assert (status, "Phase:" in said) == (0, True), said
    assert release.left() == ""


def test_helm_test_fails_and_says_why(release: Release) -> None:
    release.install(*REFLECTOR)

    def refused(pod: dict[str, Any]) -> bool:
        why = {"reason": "NotPermitted", "message": "spec.target: not within"}
        release.says(
            {"type": "Ready", "status": "False", **why}, {"type": "Healthy", "status": "Unknown", **why}
        )
        status, said = release.pod(pod)
        assert "Ready=False (NotPermitted): spec.target: not within" in said
        return status == 0

    status, said = release.run(refused)
    assert (status, "failed" in said) == (1, True), said
    assert release.left() == ""


def test_the_account_of_helm_test_sees_the_one_check_alone(release: Release) -> None:
    namespace = release.kubectl.namespace
    release.install(*REFLECTOR)
    account = f"--as=system:serviceaccount:{namespace}:tunnels-ipsecping-test"
    rights = release.kubectl("auth", "can-i", "--list", account)
    ours = [line.split() for line in rights.splitlines() if "ipsec" in line]
    assert ours == [["ipsectunnelchecks.ipsecping.dev", "[]", "[tunnels-ipsecping-test]", "[get]"]]
    release.kubectl("apply", "-f", "-", stdin=manifest({"target": "203.0.113.10"}))
    assert release.kubectl.run("get", "itc", "hq-dc1", account).returncode != 0


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((), "reflector.enabled is false: there is nothing of this release to measure"),
        (
            (*REFLECTOR, "operator.namespaces={default}"),
            "does not serve namespace {namespace}, where the check of the test would be: add it to "
            "operator.namespaces, or set reflector.test.namespace to one of these (default)",
        ),
    ],
    ids=["no reflector", "not served"],
)
def test_helm_test_is_refused_where_there_is_nothing_to_measure(
    release: Release, values: tuple[str, ...], said: str
) -> None:
    release.install(*values)

    def runs(pod: dict[str, Any]) -> bool:
        (container,) = pod["spec"]["containers"]
        assert container["command"] == ["python", "-c"]
        process = Process(words=["-c", *container["args"]], log=release.directory / "pod.log")
        process.launch()
        assert process.running is not None
        status = process.running.wait(20)
        assert said.format(namespace=release.kubectl.namespace) in process.log.read_text()
        return status == 0

    assert release.run(runs)[0] == 1
    assert release.left() == ""

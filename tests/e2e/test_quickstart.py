"""The newcomer's walk of docs/quickstart.md in the lab, each command as it stands there."""

import logging
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from ipsecping_lab import workbench
from ipsecping_lab.building.binaries import binaries
from ipsecping_lab.host.namespaces import entered_network, in_network
from ipsecping_lab.layout import Layout
from ipsecping_lab.workbench import OPERATOR_NAMESPACE, REPOSITORY, kubectl, lab, run, wait_for

from ..docs.documents import everything
from ..peers import debian, monitoring
from ..peers.processes import running
from .bench import HOST_NAMESPACE
from .node import on_node

pytestmark = pytest.mark.skipif(
    workbench.existing_cluster(), reason="LAB=existing: its operator is left alone"
)
DOWN = "IPsecPingTunnelDown"
NAMESPACES = ("network", "ipsecping-reflector")
RELEASED = {
    f"localhost/ipsecping-{name}:dev": f"registry.example.com/ipsecping-{name}:0.1.0"
    for name in ("operator", "probe")
}
"""Images of the lab, and what the document calls them."""
CHANNEL, FOLDER = "https://hooks.slack.com/services/YOURS", "/tmp/ipsecping-walk"
"""What the document says where a test has its own."""
NOT_HERE = ("docker ", "kill ", "helm upgrade ipsecping ")
"""What the lab has done, what the test does itself, and what is for clusters with the Prometheus Operator."""
CTR = "ctr --namespace=k8s.io images"
_log = logging.getLogger(__name__)
"""With pytest --log-cli-level=INFO one sees how long each step takes."""


@pytest.fixture
def newcomer_s_cluster() -> Iterator[None]:
    """Nothing of ours is in it but the images, which are as good as pulled."""
    lab("helm", "uninstall", "ipsecping", "--namespace", OPERATOR_NAMESPACE, "--wait")
    forget()
    for ours, named in RELEASED.items():
        on_node(f"{CTR} tag --force {ours} {named}")
    yield
    lab("helm", "uninstall", "ipsecping", "--namespace", OPERATOR_NAMESPACE, "--ignore-not-found", "--wait")
    forget()
    for named in RELEASED.values():
        on_node(f"{CTR} rm {named}")
    workbench.install(values=workbench.host_network(HOST_NAMESPACE))


def forget() -> None:
    kubectl("delete", "namespace", *NAMESPACES, "--ignore-not-found")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The programs that the document asks for, by the names it has for them."""
    programs = [binaries([name])[name] for name in ("kubectl", "helm")]
    programs += [Path(debian.program("prometheus", "prometheus"))]
    tools = tmp_path / "programs"
    tools.mkdir()
    for program in programs:
        (tools / program.name).symlink_to(program)
    alertmanager = debian.installed("prometheus-alertmanager", "prometheus-alertmanager")
    (tools / "alertmanager").symlink_to(alertmanager)
    path = f"{tools}:{os.environ['PATH']}"
    return {"PATH": path, "KUBECONFIG": str(Layout.from_environment().kubeconfig)}


class Newcomer:
    """Types in the repository's folder, where the lab's network is."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment

    def attempt(self, command: str) -> "subprocess.CompletedProcess[str]":
        """However it ends."""
        return run(self._words(command), environment=self._environment)

    def types(self, command: str) -> str:
        """What it prints; fails the test when it fails."""
        done = self.attempt(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def leaves_running(self, command: str, log: Path) -> Iterator[None]:
        """A command that ends in &."""
        with running(["env", *self._settings(), *self._words(f"exec {command.removesuffix('&')}")], log=log):
            yield

    def _settings(self) -> list[str]:
        return [f"{name}={value}" for name, value in self._environment.items()]

    def _words(self, command: str) -> list[str]:
        there = in_network(Layout.from_environment().netns)
        return [*there, "bash", "-c", f"cd {REPOSITORY} && {command}"]


@pytest.mark.usefixtures("newcomer_s_cluster")
def test_a_newcomer_s_walk(environment: dict[str, str], tmp_path: Path) -> None:
    newcomer = Newcomer(environment)
    told, began = monitoring.Receiver(), time.monotonic()
    shown = [each.command for each in everything() if each.document == "quickstart.md" and not each.in_text]
    with ExitStack() as stack:
        with entered_network(Layout.from_environment().netns):
            channel = stack.enter_context(told.listening())
        for number, as_shown in enumerate(shown):
            command = as_shown.replace(CHANNEL, channel).replace(FOLDER, str(tmp_path / "walk"))
            if command.startswith(NOT_HERE):
                continue
            _log.info("%6.1f s: %s", time.monotonic() - began, as_shown.splitlines()[0])
            if command.endswith("&"):
                stack.enter_context(newcomer.leaves_running(command, tmp_path / f"{number}.log"))
            elif command.startswith("amtool"):
                listed = partial(newcomer.attempt, command)
                wait_for("the alert", listed, lambda done: DOWN in done.stdout, seconds=150)
                wait_for("the channel is told", lambda: spoken(told, "[CRITICAL] first: "), seconds=60)
            else:
                newcomer.types(command)
                if "--replicas=1" in command:
                    wait_for(
                        "the channel is told of its end",
                        lambda: spoken(told, "[RESOLVED] first: "),
                        seconds=150,
                    )
    _log.info("%6.1f s: all is removed", time.monotonic() - began)
    for namespace in (*NAMESPACES, OPERATOR_NAMESPACE):
        wait_for("no pod", partial(workbench.get, "pods", namespace=namespace), lambda p: not p, seconds=60)


def spoken(told: monitoring.Receiver, words: str) -> list[str]:
    return [text for text in told.texts if words in text]

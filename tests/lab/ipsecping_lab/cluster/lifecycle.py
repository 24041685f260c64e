"""Bring the cluster up from whatever is there, and take it down to nothing."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..building import cache, small_images
from ..errors import LabError
from ..host import cgroups, common
from ..host.commands import run
from ..host.processes import launch, running
from ..host.waiting import wait_until
from ..layout import Layout
from ..progress import Progress
from . import addons, addresses, clients, configuration, control_plane, image_store, node, pki
from .components import COMPONENT_NAMES, Component, all_components

_DATA = ("etcd", "containerd", "kubelet", "cni", "pod-logs", "container-logs", "conf", "pki", "clients")
_IDENTITY = "cluster.json"


@dataclass(frozen=True, slots=True)
class Cluster:
    """The cluster of one lab, made of the programs in ``built``."""

    layout: Layout
    built: dict[str, Path]

    def up(self, progress: Progress) -> None:
        """Start what is not running, or all afresh when the node died or was made from other parts.

        Raises:
            LabError: something does not become ready; the error carries its log.
        """
        if not self._resumable():
            self.remove(progress)
        self._prepare()
        with progress.step("node") as step:
            node.start(self.layout, pause=self.built["pause"])
            first = node.init(self.layout)
            step.note = f"pid {first.pid}" if first is not None else ""
        parts = {part.name: part for part in all_components(self.layout, self.built)}
        for name in ("etcd", "containerd"):
            self._start(parts[name])
        self._start(parts["kube-apiserver"])
        with progress.step("containerd"):
            self._await(parts["containerd"], self._containerd_answers, seconds=30)
        with progress.step("images of pause and CoreDNS") as step:
            brought = image_store.bring(self.layout, small_images.archives(self.built))
            step.note = f"{len(brought)} imported"
        with progress.step("kube-apiserver"):
            self._await(parts["kube-apiserver"], self._answers("get", "--raw", "/readyz"), seconds=90)
        for name in ("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"):
            self._start(parts[name])
        self._settle(parts, progress)

    def _settle(self, parts: dict[str, Component], progress: Progress) -> None:
        ready = ("wait", "--for=condition=Ready", "--timeout=1s", f"node/{self.layout.name}")
        with progress.step("node Ready"):
            self._await(parts["kubelet"], self._answers(*ready), seconds=60)
        account = ("-n", "default", "get", "serviceaccount", "default")
        with progress.step("default service account"):
            self._await(parts["kube-controller-manager"], self._answers(*account), seconds=60)
        with progress.step("services"):
            self._await(parts["kube-proxy"], self._service_answers, seconds=30)
        rollout = ("-n", "kube-system", "rollout", "status", "--timeout=1s", "deployment/coredns")
        with progress.step("CoreDNS"):
            for manifests in self._addons():
                self.kubectl("apply", "-f", "-", stdin=manifests)
            self._await(parts["kubelet"], self._answers(*rollout), seconds=60)

    def remove(self, progress: Progress) -> None:
        """End the cluster and remove all it left, the network namespace apart."""
        remove(self.layout, progress)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Output of an administrator's kubectl."""
        argv = [*clients.command(self.layout, self.built["kubectl"]), *arguments]
        return run(argv, stdin=stdin, env=clients.environment(self.layout)).stdout

    def _addons(self) -> tuple[str, ...]:
        return addons.coredns(small_images.COREDNS), addons.ipv6_only()

    def _identity(self) -> str:
        """What the cluster is made of; another clone's lab made of the same is as good as one's own."""
        texts = [f"{name}\n{text}" for name, text in sorted(configuration.files(self.layout).items())]
        argv = [
            str(word) for part in all_components(self.layout, self.built) for word in (part.name, *part.argv)
        ]
        return cache.digest([*texts, *argv, str(self.built["pause"]), *self._addons()])

    def _resumable(self) -> bool:
        if node.init(self.layout) is None:
            return False
        try:
            known = json.loads((self.layout.run / _IDENTITY).read_text())["identity"]
        except (OSError, ValueError, KeyError):
            return False
        return bool(known == self._identity())

    def _prepare(self) -> None:
        layout = self.layout
        layout.make()
        (layout.run / _IDENTITY).write_text(json.dumps({"identity": self._identity()}))
        for name, text in configuration.files(layout).items():
            path = layout.conf / name
            path.parent.mkdir(parents=True, exist_ok=True)
            # in place: the node has mounted these very files
            if not path.exists() or path.read_text() != text:
                path.write_text(text)
        own = (addresses.API_SERVICE_IP, *addresses.NODE_IPS)
        names = (*control_plane.API_NAMES, *(f"IP:{address}" for address in own))
        pki.write(
            layout.pki,
            cluster=layout.name,
            server=f"https://127.0.0.1:{addresses.API_PORT}",
            certificates=(
                *pki.api_certificates(names=names),
                *pki.node_certificates(node=layout.name, address=addresses.NODE_IP),
            ),
            users=("admin", "controller-manager", "scheduler", "kubelet", "kube-proxy"),
        )
        (layout.state / "etcd").mkdir(mode=0o700, exist_ok=True)
        common.join(layout.name, node.MOUNT_POINTS)
        cgroups.make(layout.name)

    def _start(self, component: Component) -> None:
        """Start a component in the node's namespaces and cgroup, unless it runs."""
        record = self.layout.record(component.name)
        if running(record) is not None:
            return
        enter = f'{cgroups.join_script(self.layout.name)}; exec "$@"'
        argv = ["sh", "-c", enter, "sh", *node.inside(self.layout), *component.argv]
        launch(argv, record=record, log=self.layout.log_file(component.name))
        wait_until(record.exists, what=component.name, seconds=5)

    def _await(self, component: Component, ready: Callable[[], bool], *, seconds: float) -> None:
        record = self.layout.record(component.name)
        wait_until(
            ready,
            what=component.name,
            seconds=seconds,
            log=self.layout.log_file(component.name),
            alive=lambda: running(record) is not None,
            every=0.1,
        )

    def _answers(self, *arguments: str) -> Callable[[], bool]:
        def ask() -> bool:
            try:
                self.kubectl(*arguments)
            except LabError:
                return False
            return True

        return ask

    def _containerd_answers(self) -> bool:
        return run([*node.inside(self.layout), "ctr", "version"], check=False).returncode == 0

    def _service_answers(self) -> bool:
        connect = f"exec 3<>/dev/tcp/{addresses.API_SERVICE_IP}/443"
        return run([*node.inside(self.layout), "bash", "-c", connect], check=False, timeout=5).returncode == 0


def component_pids(layout: Layout) -> dict[str, int | None]:
    """Component to the pid of its program as the machine sees it; None when it is not running."""
    pids: dict[str, int | None] = {}
    for name in COMPONENT_NAMES:
        holder = running(layout.record(name))
        program = holder.child() if holder is not None else None
        pids[name] = program.pid if program is not None else None
    return pids


def remove(layout: Layout, progress: Progress) -> None:
    """End the node and remove what the cluster made, whatever state it is in; its logs stay."""
    if not layout.state.exists():
        return
    with progress.step("end the cluster"):
        for name in COMPONENT_NAMES:
            # The nsenter before a component that a test has stopped stops too, and would never reap it.
            if (holder := running(layout.record(name))) is not None:
                holder.send(signal.SIGCONT)
        node.stop(layout)
        cgroups.remove(layout.name)
        common.leave(layout.name, node.MOUNT_POINTS)
        for name in (node.RECORD, *COMPONENT_NAMES):
            layout.record(name).unlink(missing_ok=True)
        (layout.run / _IDENTITY).unlink(missing_ok=True)
        for directory in _DATA:
            shutil.rmtree(layout.state / directory, ignore_errors=True)

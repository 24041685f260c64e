"""`helm test` on an API server: what a kubelet does with its pod is done by hand."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .accounts import with_token
from .administrator import Administrator
from .chart import CHART, IMAGES
from .kubectl import Kubectl
from .operator.processes import Process, eventually


@dataclass(frozen=True, slots=True)
class Release:
    """The release `tunnels` in a namespace of its own."""

    administrator: Administrator
    kubectl: Kubectl
    directory: Path

    def install(self, *values: str) -> None:
        """Install it for its own namespace, unless values say otherwise."""
        own = f"operator.namespaces={{{self.kubectl.namespace}}}"
        given = ("crds.install=false", "rbac.aggregate=false", own, *values)
        sets = " ".join(f"--set {each}" for each in given)
        self.administrator.type(
            f"helm install tunnels {CHART} -n {self.kubectl.namespace} {' '.join(IMAGES)} {sets}"
        )

    def run(self, then: Callable[[dict[str, Any]], bool]) -> tuple[int, str]:
        """`helm test`, whose pod ends as `then` says; its exit status and what it prints."""
        with ThreadPoolExecutor(1) as pool:
            test = pool.submit(
                self.administrator.attempt, f"helm test tunnels -n {self.kubectl.namespace} --timeout 60s"
            )
            eventually(
                lambda: (
                    test.done() or self.kubectl.run("get", "pod", "tunnels-ipsecping-test").returncode == 0
                ),
                what="the pod of the test",
            )
            if not test.done():
                well = then(self.kubectl.get("pod", "tunnels-ipsecping-test"))
                status = {"status": {"phase": "Succeeded" if well else "Failed"}}
                self.kubectl(
                    *("patch", "pod", "tunnels-ipsecping-test", "--subresource=status", "--type=merge"),
                    f"--patch={json.dumps(status)}",
                )
            done = test.result()
        return done.returncode, done.stdout + done.stderr

    def pod(self, pod: dict[str, Any], *more: str) -> tuple[int, str]:
        """Run the pod's program with the rights of its account."""
        token = self.kubectl("create", "token", pod["spec"]["serviceAccountName"]).strip()
        account = with_token(self.administrator.api, token, self.directory)
        (container,) = pod["spec"]["containers"]
        words = ["-m", "ipsecping_operator", *container["args"], f"--kubeconfig={account}", *more]
        process = Process(words=words, log=self.directory / "pod.log")
        process.launch()
        assert process.running is not None
        return process.running.wait(100), process.log.read_text()

    def says(self, *conditions: dict[str, str], name: str = "tunnels-ipsecping-test") -> None:
        """Let the operator have said so of the check."""
        now = "2026-11-29T00:00:00Z"
        check = self.kubectl.get("itc", name)
        generation = check["metadata"]["generation"]
        told = [{"lastTransitionTime": now, "observedGeneration": generation, **each} for each in conditions]
        status = {"status": {"observedGeneration": generation, "conditions": told}}
        self.kubectl(
            *("patch", "itc", name, "--subresource=status", "--type=merge", f"--patch={json.dumps(status)}")
        )

    def uninstall(self) -> None:
        """Leave nothing of it in the cluster."""
        self.administrator.type(f"helm uninstall tunnels -n {self.kubectl.namespace} --ignore-not-found")

    def left(self) -> str:
        """What hooks have left behind."""
        return self.kubectl("get", "pods,itc", "-o", "name")

"""An idle pod of the probe image, in which the prober's commands are run by hand."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from ipsecping_lab import workbench
from ipsecping_lab.workbench import kubectl, lab, wait_for

POD = "prober"


@dataclass(frozen=True, slots=True)
class ProberPod:
    """Has a namespace to itself, which enforces restricted pods."""

    namespace: str

    def start(self) -> None:
        """Make it, with what the operator gives its agents, and wait until it runs."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        workbench.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace, "labels": labels}}
        )
        pings = {"name": "net.ipv4.ping_group_range", "value": "0 2147483647"}
        security = {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
            "sysctls": [pings],
        }
        container = {
            "name": "prober",
            "image": os.environ.get("IPSECPING_PROBE_IMAGE", "localhost/ipsecping-probe:dev"),
            "command": ["python3", "-c", "import signal; signal.sigwait([signal.SIGTERM])"],
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
        spec = {
            "securityContext": security,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "containers": [container],
        }
        metadata = {"name": POD, "namespace": self.namespace}
        workbench.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        kubectl("-n", self.namespace, "wait", f"pod/{POD}", "--for=condition=Ready", "--timeout=60s")

    def delete(self) -> None:
        """Remove the namespace, without waiting."""
        kubectl("delete", "namespace", self.namespace, "--wait=false")

    def address(self, version: int = 4) -> str:
        """Its address of that version of IP."""
        found = [
            each["ip"] for each in workbench.get("pod", POD, namespace=self.namespace)["status"]["podIPs"]
        ]
        return str(next(each for each in found if ip_address(each).version == version))

    def ipsecping(self, *arguments: str, stdin: str | None = None) -> str:
        """What a command of the prober prints; raises CommandFailed when it fails."""
        return kubectl(
            *("-n", self.namespace, "exec", "-i", POD, "--", "python3", "-m", "ipsecping", *arguments),
            stdin=stdin,
            timeout=300,
        )

    @contextmanager
    def captured(self, *, port: int) -> Iterator["Capture"]:
        """A packet capture on the pod's own interface, complete when the context ends."""
        capture = Capture()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "capture.pcap"
            with file.open("wb") as output, subprocess.Popen(
                [
                    workbench.PROGRAM, "exec", "nsenter", "-t", str(self._process()), "-n",
                    "tcpdump", "-i", "eth0", "-w", "-", "-U", "--immediate-mode", "-B", "32768",
                    "--time-stamp-precision=nano", f"udp port {port}",
                ],
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
            ) as tcpdump:  # fmt: skip
                assert tcpdump.stderr is not None
                tcpdump.stderr.readline()  # "listening on eth0": from here on nothing is missed
                try:
                    yield capture
                    time.sleep(0.5)  # the last reply's way through tcpdump's buffer
                finally:
                    tcpdump.terminate()
            capture.content = file.read_bytes()

    def _process(self) -> int:
        """Process id, within the node, of the pod's container."""
        pod = workbench.get("pod", POD, namespace=self.namespace)
        container = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")

        def tasks() -> dict[str, int]:
            lines = lab("exec", "ctr", "-n", "k8s.io", "task", "ls").splitlines()[1:]
            return {line.split()[0]: int(line.split()[1]) for line in lines}

        found = wait_for("the pod's process", tasks, lambda tasks: container in tasks, seconds=10)
        return found[container]


@dataclass(slots=True)
class Capture:
    """A capture file's bytes."""

    content: bytes = b""

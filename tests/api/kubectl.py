"""kubectl as a user runs it."""

import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .api_client import ApiClient, client, path_of

SHORT_RUN = {"GOGC": "off"}
"""Environment of kubectl and helm: to collect garbage would cost a quarter of the CPU of one command."""

READINGS = 20
VERSION_DIFFERS = re.compile(r"^[-+] +resourceVersion:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl in one namespace of the API server under test."""

    program: Path
    kubeconfig: Path
    namespace: str

    def run(self, *words: str, stdin: str | None = None, **env: str) -> "subprocess.CompletedProcess[str]":
        """Run it; the caller looks at the exit status."""
        home = str(self.kubeconfig.parent)
        return subprocess.run(
            [self.program, "--namespace", self.namespace, *words],
            env={"KUBECONFIG": str(self.kubeconfig), "HOME": home, "PATH": "/usr/bin:/bin"} | SHORT_RUN | env,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def __call__(self, *words: str, stdin: str | None = None, **env: str) -> str:
        """What it prints; fails the test when it fails."""
        done = self.run(*words, stdin=stdin, **env)
        assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
        return done.stdout

    @property
    def plain(self) -> ApiClient:
        """The API without kubectl."""
        return client(self.kubeconfig)

    def get(self, kind: str, name: str | None = None, *, selector: str | None = None) -> Any:
        """An object, or the list of all, as `kubectl get --output=json` prints it; read without kubectl."""
        query = {} if selector is None else {"labelSelector": selector}
        found = self.plain.get(path_of(kind, self.namespace, name), **query)
        if name is None:
            of = {"apiVersion": found["apiVersion"], "kind": found["kind"].removesuffix("List")}
            found["items"] = [of | each for each in found["items"]]
        return found

    def apply(self, manifest: Mapping[str, Any]) -> Any:
        """The object as stored, after what `kubectl apply --server-side` does; applied without kubectl."""
        path = path_of(manifest["kind"], self.namespace, manifest["metadata"]["name"])
        return self.plain.apply(path, manifest)

    def apply_all(self, manifests: Iterable[Mapping[str, Any]]) -> None:
        """`kubectl apply`, once for each namespace that they name; what names none goes into this one."""
        by_namespace: dict[str, list[Mapping[str, Any]]] = {}
        for each in manifests:
            by_namespace.setdefault(each["metadata"].get("namespace", self.namespace), []).append(each)
        for namespace, items in by_namespace.items():
            listed = {"apiVersion": "v1", "kind": "List", "items": items}
            replace(self, namespace=namespace)("apply", "-f", "-", stdin=json.dumps(listed))

    def drift(self, manifest: str, *, manager: str) -> str:
        """What `kubectl diff` says would change; fails the test when the server refuses.

        kubectl reads each object twice, as it is and as it would be. What is written in between looks like
        drift (as the operator's statuses do); but then the two also differ in their version, which a dry run
        leaves alone. So it is asked again.
        """
        for _ in range(READINGS):
            done = self.run("diff", "--server-side", f"--field-manager={manager}", "-f", "-", stdin=manifest)
            assert done.returncode in (0, 1), done.stderr
            if not VERSION_DIFFERS.search(done.stdout):
                return done.stdout
        raise AssertionError(f"written in between in each of {READINGS} readings: {done.stdout}")

    def refused(self, *words: str, stdin: str | None = None) -> str:
        """What it says when the server refuses; fails the test when it succeeds."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode != 0, f"kubectl {' '.join(words)} should have been refused: {done.stdout}"
        return done.stderr


def manifest(spec: Any, *, name: str = "hq-dc1", **metadata: Any) -> str:
    """A check as JSON, which kubectl reads as it reads YAML."""
    return json.dumps(
        {
            "apiVersion": "ipsecping.dev/v1alpha1",
            "kind": "IPsecTunnelCheck",
            "metadata": {"name": name, **metadata},
            "spec": spec,
        }
    )

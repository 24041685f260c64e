"""Whoever installs IPsecPing: types commands of helm and kubectl."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ipsecping_lab.apiserver import ApiServer
from ipsecping_lab.building.binaries import binaries
from ipsecping_operator.api.crd import custom_resource_definition

from ..docs.documents import ROOT
from .kubectl import SHORT_RUN
from .operator.processes import eventually

CRD = "ipsectunnelchecks.ipsecping.dev"
NOT_SERVED_YET = ("no matches for kind", "could not find the requested resource")
"""What kubectl says of a kind before the API server lists it, and before it takes objects of it."""


@dataclass(frozen=True, slots=True)
class Administrator:
    """Types commands in the repository's folder, with helm and kubectl at hand."""

    api: ApiServer
    home: Path

    def attempt(self, command: str) -> "subprocess.CompletedProcess[str]":
        """However it ends."""
        programs = [binaries([name])[name].parent for name in ("helm", "kubectl")]
        path = ":".join(str(each) for each in [*programs, "/usr/bin", "/bin"])
        return subprocess.run(
            ["bash", "-c", command],
            cwd=ROOT,
            env={"PATH": path, "HOME": str(self.home), "KUBECONFIG": str(self.api.kubeconfig)} | SHORT_RUN,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def type(self, command: str) -> str:
        """What it prints; fails the test when it fails."""
        done = self.attempt(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def applies_an_older_definition(self, words: str) -> "subprocess.CompletedProcess[str]":
        """By `kubectl apply --server-side`: one column less than the present one."""
        definition = custom_resource_definition()
        definition["spec"]["versions"][0]["additionalPrinterColumns"].pop()
        (self.home / "older.json").write_text(json.dumps(definition))
        return self.attempt(f"kubectl apply --server-side {words} -f {self.home}/older.json")

    def columns(self) -> int:
        """Of the definition that is in force."""
        return len(
            self.type(f"kubectl get crd {CRD} -o jsonpath='{{..additionalPrinterColumns[*].name}}'").split()
        )

    def eventually(self, command: str) -> str:
        """What it prints: a new kind is served a moment after it was applied."""
        said = ""

        def taken() -> bool:
            nonlocal said
            done = self.attempt(command)
            said = done.stdout
            unknown = any(words in done.stderr for words in NOT_SERVED_YET)
            assert done.returncode == 0 or unknown, done.stderr
            return done.returncode == 0

        eventually(taken, what=f"{command.splitlines()[0]}: the kind served")
        return said

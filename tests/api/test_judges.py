"""Our manifests before judges that are not ours: kubeconform (schemas of the API server) and kube-score."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ipsecping_lab.apiserver import ApiServer
from ipsecping_lab.building.binaries import binaries

from ..yaml_text import from_yaml
from .api_client import client
from .kustomized import VALUES, build
from .openapi import LOCATION, write_schemas
from .operator.processes import eventually

REPOSITORY = Path(__file__).parents[2]
OURS = [
    *sorted((REPOSITORY / "manifests").glob("*.yaml")),
    *sorted((REPOSITORY / "manifests" / "samples").glob("*.yaml")),
    *sorted((REPOSITORY / "probe_image" / "deploy" / "kubernetes").glob("*.yaml")),
]
DISPUTED = {
    "container-image-pull-policy": "our images have versions: pulling them again brings nothing new",
    "container-ephemeral-storage-request-and-limit": "nothing is written to disk",
    "pod-networkpolicy": "which peers there are, only the cluster's owner knows",
    "pod-probes-identical": "an agent that measures is alive and ready, one that does not is neither",
    "deployment-replicas": "one operator works, a second waits for its Lease; one reflector has the counters",
    "deployment-strategy": "two reflectors would split the counters of one session",
}
"""What kube-score asks for by default and we do not follow. Nor does anything limit the CPU: the kernel
would hold packets back then, and they would seem late."""
DISPUTED_OF = {
    "one-namespace": {"networkpolicy-targets-pod": "the agents are made by the operator"},
    "openshift": {"container-security-context-user-group-id": "the cluster chooses the user"},
}
"""What is not followed in an overlay alone."""


@pytest.fixture(scope="session")
def schemas(server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of what the API server publishes."""
    directory = tmp_path_factory.mktemp("schemas")
    published: dict[str, Any] = {}

    def with_ours() -> bool:
        """Definitions are in force before their schemas are published."""
        published.update(client(server.kubeconfig).get("/openapi/v2"))
        return any("IPsecTunnelCheck" in name for name in published["definitions"])

    eventually(with_ours, what="the schema of our kind published")
    write_schemas(published, directory)
    return directory


def judge(program: str, *words: str, stdin: str | None = None) -> str:
    """What it says; fails the test when it condemns."""
    done = subprocess.run(
        [binaries([program])[program], *words], input=stdin, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def chart() -> str:
    """The chart as installed, with all that its values can switch on."""
    helm = binaries(["helm"])["helm"]
    images = "image.repository=localhost/operator,probeImage.repository=localhost/probe"
    reflector = "reflector.enabled=true,reflector.allow={10.244.0.0/16}"
    values = ("--set", f"{images},dashboards.enabled=true,{reflector}")
    words = ("template", "ipsecping", str(REPOSITORY / "charts" / "ipsecping"), *values)
    return subprocess.run([helm, *words], capture_output=True, text=True, check=True).stdout


def rendered() -> str:
    """The children of all samples."""
    samples = [word for path in OURS if path.parent.name == "samples" for word in ("-f", str(path))]
    command = [sys.executable, "-m", "ipsecping_operator", "render", "--probe-image=localhost/probe:1"]
    return subprocess.run([*command, *samples], capture_output=True, text=True, check=True).stdout


def conforms(schemas: Path, *words: str, stdin: str | None = None) -> str:
    """kubeconform, strictly: an unknown kind or field is a mistake."""
    location = f"-schema-location={schemas}/{LOCATION}"
    return judge("kubeconform", "-strict", "-summary", location, *words, stdin=stdin)


def test_every_manifest_is_what_the_api_server_s_schemas_ask_for(schemas: Path) -> None:
    files = [str(path) for path in OURS if path.name != "kustomization.yaml"]
    said = conforms(schemas, *files)
    assert "Invalid: 0, Errors: 0, Skipped: 0" in said


def test_the_chart_and_the_children_are_what_the_schemas_ask_for(schemas: Path) -> None:
    for text in (chart(), rendered()):
        assert "Invalid: 0, Errors: 0, Skipped: 0" in conforms(schemas, stdin=text)


@pytest.mark.parametrize("name", [each for each in VALUES if each != "kustomize/monitoring"])
def test_what_kustomize_builds_is_what_the_schemas_ask_for(schemas: Path, name: str) -> None:
    assert "Invalid: 0, Errors: 0, Skipped: 0" in conforms(schemas, stdin=build(name))


def test_a_wrong_field_does_not_pass(schemas: Path, tmp_path: Path) -> None:
    manifest: dict[str, Any] = from_yaml((REPOSITORY / "manifests/samples/interval.yaml").read_text())
    manifest["spec"]["tarjet"] = "203.0.113.10"
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(yaml.safe_dump(manifest))
    with pytest.raises(AssertionError, match="tarjet"):
        conforms(schemas, str(wrong))


def test_what_runs_in_the_cluster_passes_kube_score() -> None:
    text = "\n---\n".join(
        [chart(), rendered(), *(path.read_text() for path in OURS if "reflector" in path.name)]
    )
    scored(text, *DISPUTED)


@pytest.mark.parametrize("name", ["one-namespace", "openshift"])
def test_what_kustomize_builds_passes_kube_score(name: str) -> None:
    scored(build(f"kustomize/{name}"), *DISPUTED, *DISPUTED_OF.get(name, ()))


def scored(text: str, *ignored: str) -> None:
    """kube-score of manifests, without these of its tests."""
    words = [f"--ignore-test={name}" for name in ignored]
    judge("kube-score", "score", "--ignore-container-cpu-limit", *words, "-", stdin=text)

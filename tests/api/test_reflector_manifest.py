"""The manifest of the reflector, as a far cluster takes it at the restricted Pod Security level."""

import json
from pathlib import Path

from ..yaml_text import all_from_yaml
from .kubectl import Kubectl

MANIFEST = Path(__file__).resolve().parents[2] / "probe_image/deploy/kubernetes/reflector.yaml"


def test_the_reflector_is_taken_as_it_stands(kubectl: Kubectl) -> None:
    text = MANIFEST.read_text().replace("namespace: ipsecping-reflector", f"namespace: {kubectl.namespace}")
    done = kubectl.run("apply", "--server-side", "--validate=strict", "-f", "-", stdin=text)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr  # of what the Pod Security level would refuse


def test_its_pod_is_admitted(kubectl: Kubectl) -> None:
    deployment = next(iter(all_from_yaml(MANIFEST.read_text())))
    template = deployment["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "reflector"}, "spec": template["spec"]}
    # No controller makes the service account here.
    kubectl("create", "serviceaccount", "default")
    kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod))
    pod["spec"]["securityContext"]["runAsNonRoot"] = False
    assert "violates PodSecurity" in kubectl.refused(
        "create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod)
    )

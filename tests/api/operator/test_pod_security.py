"""Probe pods under the Pod Security admission that Kubernetes has built in."""

import json
from dataclasses import replace

import pytest

from ipsecping_operator.probe_settings import probe_defaults

from ..kubectl import Kubectl
from .admission import CHILDREN, workloads

PODS = {"placed": {"nodeSelector": {"a": "b"}}, "plain": {}}


@pytest.mark.parametrize(
    "given", ["{}", "{fixedUser: false}", json.dumps({"securityContext": {"fsGroup": 7}})]
)
def test_the_pods_meet_the_restricted_pod_security_standard(kubectl: Kubectl, given: str) -> None:
    for mode in ("enforce", "warn"):
        kubectl("label", "namespace", kubectl.namespace, f"pod-security.kubernetes.io/{mode}=restricted")
    children = replace(CHILDREN, defaults=probe_defaults(given))
    for name, placement in PODS.items():
        for workload in workloads({"placement": placement}, children=children):
            spec = workload["spec"].get("jobTemplate", workload)["spec"]
            template = spec["template"]
            body = {"apiVersion": "v1", "kind": "Pod", **template}
            body["metadata"] = {**template["metadata"], "name": name}
            done = kubectl.run("create", "--dry-run=server", "-f", "-", stdin=json.dumps(body))
            assert (done.returncode, done.stderr) == (0, "")

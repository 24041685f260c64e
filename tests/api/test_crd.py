"""The CRD on a real API server: accepted, explained, and shown as users expect."""

import json
from pathlib import Path
from typing import Any

import pytest

from .kubectl import Kubectl, manifest
from .operator.processes import eventually

SAMPLES = sorted((Path(__file__).parents[2] / "manifests" / "samples").glob("*.yaml"))
NODE = "n" * 253
"""The longest name that Kubernetes lets a node have."""
STATUS: dict[str, Any] = {
    "observedGeneration": 1,
    "lastResultTime": "2020-01-01T00:00:00Z",
    "headline": {"path": "default", "probe": "datapath"},
    "lossPercent": "3.20",
    "rtt": {"min": "11.80ms", "p50": "12.10ms", "p90": "12.60ms", "p99": "14.02ms", "max": "15.30ms"},
    "jitter": "0.21ms",
    "preferredPath": "default",
    "paths": [{"name": "default", "state": "Unhealthy", "lossPercent": "3.20", "rttP50": "12.10ms"}],
    "probes": [
        {
            "path": "default",
            "name": "datapath",
            "type": "STAMP",
            "sent": 500,
            "received": 484,
            "lossPercent": "3.20",
            "forwardLossPercent": "0.00",
            "reverseLossPercent": "3.20",
            "duplicates": 0,
            "reordered": 0,
            "rtt": {"min": "11.80ms", "p50": "12.10ms", "p90": "12.60ms", "p99": "14.02ms", "max": "15.30ms"},
            "jitter": "0.21ms",
            "instances": [{"node": NODE, "state": "Healthy"}],
        }
    ],
    "heldReasons": [{"path": "default", "probe": "datapath", "node": NODE, "reason": "Down"}],
    "maintenance": {
        "open": {"name": "weekly", "from": "2020-01-01T00:00:00Z", "until": "2020-01-01T02:00:00Z"},
        "next": {"name": "weekly", "from": "2020-01-08T00:00:00Z", "until": "2020-01-08T02:00:00Z"},
    },
    "conditions": [
        {
            "type": "Healthy",
            "status": "False",
            "reason": "LossHigh",
            "message": "3.20 % of 500 packets lost in 5m",
            "lastTransitionTime": "2020-01-01T00:00:00Z",
            "observedGeneration": 1,
        }
    ],
    "outages": [{"start": "2020-01-01T00:00:00Z", "reason": "LossHigh", "message": "3.20 % lost"}],
}


def test_the_definition_is_accepted_without_a_complaint(kubectl: Kubectl) -> None:
    conditions = kubectl.get("crd", "ipsectunnelchecks.ipsecping.dev")["status"]["conditions"]
    assert {c["type"]: c["status"] for c in conditions} == {"NamesAccepted": "True", "Established": "True"}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_the_samples_are_accepted(kubectl: Kubectl, sample: Path) -> None:
    kubectl("apply", "-f", str(sample))


def test_the_api_server_adds_nothing_to_the_smallest_check(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=manifest({"target": "203.0.113.10"}))
    assert kubectl.get("itc", "hq-dc1")["spec"] == {"target": "203.0.113.10"}


def test_a_whole_status_is_stored_and_shown_in_columns(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=manifest({"target": "203.0.113.10"}))
    patch = json.dumps({"status": STATUS})
    kubectl("patch", "itc", "hq-dc1", "--subresource=status", "--type=merge", "--patch", patch)
    assert kubectl.get("itc", "hq-dc1")["status"] == STATUS
    heads, values = (line.split() for line in kubectl("get", "itc").splitlines())
    shown = [
        "NAME",
        "TARGET",
        "HEALTHY",
        "REASON",
        "LOSS%",
        "RTT-P50",
        "RTT-P99",
        "LAST",
        "AGE",
        "MAINTENANCE-UNTIL",
    ]
    assert heads == shown
    assert values[-1] == STATUS["maintenance"]["open"]["until"]
    assert values[:7] == ["hq-dc1", "203.0.113.10", "False", "LossHigh", "3.20", "12.10ms", "14.02ms"]
    wide = kubectl("get", "itc", "--output=wide").splitlines()[0].split()
    assert wide == [*heads, "MTU", "JITTER", "GATEWAY"]


def test_whoever_edits_the_spec_cannot_write_the_status(kubectl: Kubectl) -> None:
    made = json.loads(manifest({"target": "203.0.113.10"})) | {"status": STATUS}
    kubectl("apply", "-f", "-", stdin=json.dumps(made))
    assert kubectl.get("itc", "hq-dc1")["status"] == {"observedGeneration": -1}


def test_only_an_edit_of_the_spec_makes_a_new_generation(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=manifest({"target": "203.0.113.10"}))
    patch = json.dumps({"status": STATUS})
    kubectl("patch", "itc", "hq-dc1", "--subresource=status", "--type=merge", "--patch", patch)
    assert kubectl.get("itc", "hq-dc1")["metadata"]["generation"] == 1
    kubectl("apply", "-f", "-", stdin=manifest({"target": "203.0.113.11"}))
    assert kubectl.get("itc", "hq-dc1")["metadata"]["generation"] == 2


def test_kubectl_explains_every_field(kubectl: Kubectl) -> None:
    # What is explained is published some time after the definition is in force.
    eventually(lambda: kubectl.run("explain", "itc").returncode == 0, what="the schema published")
    text = " ".join(kubectl("explain", "itc.spec.probes").split())
    assert "Exactly one of icmp, udpEcho, stamp, tcp, http, dns, pathMTU, ike and audit." in text
    assert "Time between two packets, 10ms to 1m" in text
    assert "Limit of the median" in kubectl("explain", "itc.spec.thresholds.rtt.p50")

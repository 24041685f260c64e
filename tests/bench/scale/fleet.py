"""The checks of the fleet, and what a client would write for them."""

from collections.abc import Iterator, Mapping
from typing import Any

from ipsecping_operator.children import ChildSettings, build_children
from ipsecping_operator.compile import compile_check

from .stand import NAMESPACE

IMAGE = "registry.example.com/ipsecping:bench"
CRON_MINUTES = 5
_SECOND_PROBE = {"name": "ssh", "tcp": {"port": 22}}


def check(number: int) -> dict[str, Any]:
    """Even ones measure every 30 s, odd ones every five minutes by cron; every other pair has two probes."""
    # Cron lines that all fire at once would measure the CronJob controller.
    offset = number // 2 % CRON_MINUTES
    schedule = {"cron": f"{offset}-59/{CRON_MINUTES} * * * *"} if number % 2 else {"interval": "30s"}
    probes = [{"name": "ping", "icmp": {}}, *([_SECOND_PROBE] if number // 2 % 2 else [])]
    return {
        "apiVersion": "ipsecping.dev/v1alpha1",
        "kind": "IPsecTunnelCheck",
        "metadata": {"name": f"tunnel-{number:05}", "namespace": NAMESPACE},
        "spec": {
            "target": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
            "tunnel": {"name": f"site-{number:05}"},
            "schedule": schedule,
            "probes": probes,
        },
    }


def children(stored: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The objects that the operator makes for a check as the API stores it."""
    yield from build_children(compile_check(stored), ChildSettings(probe_image=IMAGE))


def status(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A status of the size that the operator writes once a check is measured."""
    rtt = {"min": "11.80ms", "p50": "12.10ms", "p90": "12.60ms", "p99": "14.02ms", "max": "15.30ms"}
    figures = {"lossPercent": "0.00", "rtt": rtt, "jitter": "0.21ms"}
    moment = "2026-01-01T00:00:00Z"
    generation = stored["metadata"]["generation"]
    probes = [
        {"path": "default", "name": probe["name"], "type": "ICMP" if "icmp" in probe else "TCP", "sent": 100}
        | {"received": 100, "duplicates": 0, "reordered": 0, "reason": "WithinThresholds", **figures}
        for probe in stored["spec"]["probes"]
    ]
    conditions = [
        {"type": kind, "status": "True", "reason": reason, "message": "as the operator would say it" * 3}
        | {"lastTransitionTime": moment, "observedGeneration": generation}
        for kind, reason in (("Ready", "Reconciled"), ("Healthy", "WithinThresholds"))
    ]
    return {
        "observedGeneration": generation,
        "headline": {"path": "default", "probe": "ping"},
        "preferredPath": "default",
        "paths": [{"name": "default", "state": "Healthy", "reason": "WithinThresholds", "rttP50": "12.10ms"}],
        "probes": probes,
        "lastResultTime": moment,
        **figures,
        "conditions": conditions,
    }

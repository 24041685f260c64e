"""Agents as real processes, and the pods that they stand for."""

import json
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipsecping.contract import plan_from_json

from .processes import Process

Object = dict[str, Any]


@dataclass
class AgentPod:
    """A pod object and the real agent process behind it."""

    name: str
    uid: str
    process: Process
    port: int
    plan: Path

    def sent(self) -> int:
        """Packets of its one probe so far, without those of rounds that say nothing, by its own count."""
        (check,) = plan_from_json(json.loads(self.plan.read_text())).checks
        (probe,) = check.probes
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=60) as answer:
            lines = answer.read().decode().splitlines()

        def rounds(kind: str) -> int:
            counts = (line.rpartition(" ")[2] for line in lines if line.startswith(f"ipsecping_agent_{kind}"))
            return sum(int(float(count)) for count in counts)

        return (rounds("rounds_total") - rounds("rounds_invalid_total")) * probe.count


def listening_on(port: int, workload: Object) -> Object:
    """The template of the workload's pods, whose agent listens on that port of loopback."""
    template: Object = json.loads(json.dumps(workload["spec"]["template"]))
    (container,) = template["spec"]["containers"]
    (named,) = (each for each in container["ports"] if each["name"] == "http")
    named["containerPort"] = port
    return template

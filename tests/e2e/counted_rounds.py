"""Rounds of the prober through a tunnel, and what the gateways counted of the same packets."""

import json
from collections import Counter
from dataclasses import dataclass
from ipaddress import ip_address

from ipsecping.contract import Plan, PlannedCheck, PlannedProbe, ProbeType, plan_to_json
from ipsecping_lab.workbench import lab

from ..bench.prober_pod import ProberPod

STAMP_PORT = 862
FLOW = "truth"
SESSIONS = 11
"""Side by side."""


@dataclass(slots=True)
class Found:
    """What the prober says and what the gateways counted."""

    said: Counter[str]
    counted: dict[str, int]

    def lost(self) -> tuple[int, int]:
        """Packets that the gateways counted on one side of the tunnel only: on the way there, and back."""
        counted = self.counted
        return (
            counted["forward_before_encryption"] - counted["forward_after_decryption"],
            counted["reverse_before_encryption"] - counted["reverse_after_decryption"],
        )


def measure(pod: ProberPod, *, target: str, count: int) -> Found:
    """Rounds side by side through the tunnel, all STAMP packets of the pod counted beside them."""
    lab(
        *("flow", "add", FLOW, "--src", pod.address(ip_address(target).version), "--dst", target),
        *("--proto", "udp", "--dport", str(STAMP_PORT)),
    )
    said = pod.ipsecping("run", "/dev/stdin", "--json", stdin=json.dumps(plan_to_json(_plan(target, count))))
    total: Counter[str] = Counter()
    for line in said.splitlines():
        result = json.loads(line)
        assert "invalid" not in result, result
        # Where packets were lost and not told, the direction is not known; nothing lost is known either way.
        assert {"forwardLost", "reverseLost"} <= result.keys(), result
        total.update({key: value for key, value in result.items() if type(value) is int})
    return Found(total, json.loads(lab("flow", "read", FLOW, "--json")))


def _plan(target: str, count: int) -> Plan:
    probe = PlannedProbe(
        name="p",
        type=ProbeType.STAMP,
        count=count,
        spacing_ms=20,
        timeout_ms=2000,
        size=64,
        port=STAMP_PORT,
    )
    return Plan(
        checks=tuple(
            PlannedCheck(
                uid=f"check-{number}",
                namespace="lab",
                name=f"check-{number}",
                generation=1,
                tunnel_name="a",
                path="default",
                target=target,
                interval_ms=None,
                probes=(probe,),
            )
            for number in range(SESSIONS)
        )
    )

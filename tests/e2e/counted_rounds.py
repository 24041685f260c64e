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
MAX_UNDIRECTED = 3
"""Packets of a round without a direction, where its session has just begun."""


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

    def agrees_on_losses(self) -> None:
        """Assert that each direction lost what the gateways say, but for what nobody can attribute."""
        said, (forward, reverse) = self.said, self.lost()
        unknown = said["undirected"]
        assert said["forwardLost"] + said["reverseLost"] + unknown == forward + reverse
        assert said["forwardLost"] <= forward <= said["forwardLost"] + unknown
        assert said["reverseLost"] <= reverse <= said["reverseLost"] + unknown


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
        if "forwardLost" not in result:
            # Of a session whose first reply was lost nobody knows where what came before was lost.
            result |= {
                "forwardLost": result.pop("minForwardLost"),
                "reverseLost": result.pop("minReverseLost"),
            }
            told = result["forwardLost"] + result["reverseLost"]
            result["undirected"] = result["sent"] - result["received"] - told
            assert 0 < result["undirected"] <= MAX_UNDIRECTED, result
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

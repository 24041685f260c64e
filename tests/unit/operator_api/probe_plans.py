"""Checks of one probe, as they are compiled."""

from typing import Any

from ipsecping.contract import PlannedProbe
from ipsecping_operator.compile import CompiledCheck, compile_check

METADATA = {"uid": "7d6e", "namespace": "network", "name": "hq-dc1", "generation": 3}
GATEWAY = {"gateway": "198.51.100.2"}
HTTPS = "https://app.dc1.example/healthz"


def compiled(*probes: dict[str, Any], **spec: Any) -> CompiledCheck:
    named = [{"name": f"p{number}"} | probe for number, probe in enumerate(probes)]
    body: dict[str, Any] = {"target": "203.0.113.10", "tunnel": GATEWAY, "probes": named}
    if any("audit" in probe for probe in probes):
        body["schedule"] = {"interval": "1h"}  # the shortest that it may have
    body |= spec
    return compile_check({"metadata": METADATA, "spec": body})


def planned(probe: dict[str, Any]) -> PlannedProbe:
    (made,) = compiled(probe).paths[0].plan.probes
    return made

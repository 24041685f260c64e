"""verify.dscp and verify.hops with a real agent and a real reflector: what that sees is what counts."""

import socket
import sys
from pathlib import Path
from typing import Any

from ...peers import ours
from ...peers.processes import listening
from ...ports import free_port
from .cluster import Cluster
from .processes import OperatorProcess, eventually
from .reflectors import TIMEOUT

ROOT = Path(__file__).parents[3]


def spec(port: int, **verify: Any) -> dict[str, Any]:
    return {
        "schedule": {"interval": "1s"},
        "probes": [
            {
                "name": "voice", "count": 2, "spacing": "20ms", "timeout": TIMEOUT, "dscp": 46,
                "stamp": {"port": port},
            }
        ],
        "verify": verify,
    }  # fmt: skip


def test_code_points_and_hops_are_judged_shown_and_judged_anew_after_an_edit(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    with ours.reflector("stamp") as reflector:
        cluster.measured(spec(reflector.port, dscp={}, hops={"max": 0}))
        (probe,) = cluster.status()["probes"]
        assert (probe["dscpSeen"], probe["ecnSeen"], probe["hopsSeen"]) == ([46], [0], [0])
        cluster.check(spec(reflector.port, dscp={"allowed": [34]}, hops={"max": 0}))
        message = cluster.says("Healthy", "False", "DSCPMismatch")
        assert "arrive with DSCP 46 in 5m on default/voice, sent with 46, allowed is 34" in message
        cluster.check(spec(reflector.port, dscp={"allowed": [34]}, hops={"min": 2, "max": 3}))
        message = cluster.says("Healthy", "False", "HopsMismatch")
    assert "passed 0 hops on the way there, allowed is 2 to 3" in message
    eventually(lambda: any(event["reason"] == "HopsMismatch" for event in cluster.events()), what="an event")


def test_a_reflector_that_knows_no_tlv_and_no_ttl_makes_it_unknown(
    operator: OperatorProcess, cluster: Cluster, tmp_path: Path
) -> None:
    port = free_port(socket.SOCK_DGRAM)
    argv = [sys.executable, "-m", "tests.peers.habits", "ttl-0", port]
    with listening(argv, port, log=tmp_path / "reflector.log", cwd=ROOT):
        cluster.check(spec(port, dscp={}))
        agent = cluster.run_agent()
        assert "do not tell DSCP and ECN" in cluster.says("Healthy", "Unknown", "DSCPUnknown")
        cluster.check(spec(port, hops={"max": 3}))
        # Of what nobody had asked the window before says nothing.
        cluster.says("Healthy", "True", "WithinThresholds")
        eventually(lambda: "askHops" in cluster.one("configmap")["data"]["plan.json"], what="the plan")
        cluster.refresh(agent)
        cluster.says("Healthy", "Unknown", "HopsUnknown")
    assert "hopsSeen" not in cluster.status()["probes"][0]

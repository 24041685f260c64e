"""A real agent on kinds of probe beyond packets: what is judged is what the target really did."""

import socket

from ...ports import free_port
from .cluster import Cluster
from .processes import OperatorProcess, eventually


def test_a_reset_leaks_what_should_be_blocked_and_a_connection_does_not_hide_it(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        shared = {"count": 2, "spacing": "20ms", "timeout": "500ms"}
        probes = [
            {"name": "closed", "expect": "Blocked", "tcp": {"port": free_port()}, **shared},
            {"name": "web", "tcp": {"port": listener.getsockname()[1]}, **shared},
        ]
        cluster.check({"schedule": {"interval": "1s"}, "probes": probes, "thresholds": {"window": "5s"}})
        cluster.run_agent()
        cluster.says("Healthy", "False", "UnexpectedlyReachable")
        eventually(lambda: len(cluster.status().get("probes", [])) == 2, what="figures of both probes")
        eventually(
            lambda: (
                {each["name"]: each["reason"] for each in cluster.status()["probes"]}
                == {"closed": "UnexpectedlyReachable", "web": "WithinThresholds"}
            ),
            what="a reason for each probe",
        )
    assert cluster.status()["headline"]["probe"] == "web"
    assert "though Blocked is expected" in cluster.condition("Healthy")["message"]

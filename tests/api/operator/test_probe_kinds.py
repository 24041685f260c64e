"""A real agent on kinds of probe beyond packets: what is judged is what the target really did."""

import socket

from ...ports import free_port
from .cluster import Cluster, condition_of
from .processes import OperatorProcess
from .reflectors import TIMEOUT


def test_a_reset_leaks_what_should_be_blocked_and_a_connection_does_not_hide_it(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        shared = {"count": 2, "spacing": "20ms", "timeout": TIMEOUT}
        probes = [
            {"name": "closed", "expect": "Blocked", "tcp": {"port": free_port()}, **shared},
            {"name": "web", "tcp": {"port": listener.getsockname()[1]}, **shared},
        ]
        cluster.check({"schedule": {"interval": "1s"}, "probes": probes, "thresholds": {"window": "5s"}})
        cluster.run_agent()
        reasons = {"closed": "UnexpectedlyReachable", "web": "WithinThresholds"}
        status = cluster.shows(
            lambda seen: {each["name"]: each["reason"] for each in seen["probes"]} == reasons,
            what="a reason for each probe",
        )
    assert status["headline"]["probe"] == "web"
    healthy = condition_of(status, "Healthy")
    assert (healthy["status"], healthy["reason"]) == ("False", "UnexpectedlyReachable")
    assert "though Blocked is expected" in healthy["message"]

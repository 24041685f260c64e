"""verify.sourceSeen with a real agent and a real reflector: what that sees is what counts."""

from typing import Any

from ...peers import ours
from .cluster import Cluster
from .processes import OperatorProcess, eventually
from .reflectors import TIMEOUT


def spec(port: int, *networks: str) -> dict[str, Any]:
    return {
        "schedule": {"interval": "1s"},
        "probes": [
            {"name": "datapath", "count": 2, "spacing": "20ms", "timeout": TIMEOUT, "stamp": {"port": port}}
        ],
        "verify": {"sourceSeen": list(networks)},
    }


def test_the_source_is_judged_shown_and_judged_anew_after_an_edit(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    with ours.reflector("stamp") as reflector:
        cluster.measured(spec(reflector.port, "127.0.0.0/8"))
        assert cluster.status()["probes"][0]["sourceSeen"] == ["127.0.0.1"]
        generation = cluster.one("configmap")["data"]
        cluster.check(spec(reflector.port, "10.244.0.0/16", "2001:db8::/64"))
        message = cluster.says("Healthy", "False", "SourceMismatch")
    assert "come from 127.0.0.1 on default/datapath, allowed is 10.244.0.0/16, 2001:db8::/64" in message
    assert cluster.status()["outages"][0]["reason"] == "SourceMismatch"
    assert '"askSource": true' in generation["plan.json"]
    eventually(
        lambda: any(event["reason"] == "SourceMismatch" for event in cluster.events()), what="an event"
    )


def test_a_reflector_that_keeps_addresses_to_itself_verifies_nothing(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    with ours.reflector("stamp", "--no-location") as reflector:
        cluster.check(spec(reflector.port, "127.0.0.0/8"))
        cluster.run_agent()
        message = cluster.says("Healthy", "Unknown", "SourceUnknown")
    assert "do not tell the source address" in message
    assert "sourceSeen" not in cluster.status()["probes"][0]

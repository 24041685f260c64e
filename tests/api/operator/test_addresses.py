"""Several addresses, several nodes, of which one is dead: it is named, and the others are healthy."""

from typing import Any

from ...peers import ours
from ...ports import free_port
from .agent_pod import listening_on
from .cluster import Cluster, condition_of
from .processes import OperatorProcess, eventually
from .reflectors import TIMEOUT

NAME, DEAD, GOOD = "many.example", "127.0.0.99", "127.0.0.1"


def spec(port: int, **more: Any) -> dict[str, Any]:
    return {
        "target": NAME,
        "schedule": {"interval": "1s"},
        "probes": [
            {"name": "datapath", "count": 2, "spacing": "20ms", "timeout": TIMEOUT, "stamp": {"port": port}}
        ],
        **more,
    }


def test_a_dead_address_is_named_and_the_other_is_healthy(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    with ours.reflector("stamp") as reflector:
        cluster.check(spec(reflector.port, addresses="All"))
        cluster.run_agent({NAME: [GOOD, DEAD]})
        status = cluster.shows(
            lambda seen: (
                condition_of(seen, "Healthy").get("reason") == "Down"
                and seen["probes"][0].get("received", 0) > 3
                and seen["probes"][0]["lossPercent"] == "50.00"
            ),
            what="one address down, and half of all packets lost",
        )
    message = condition_of(status, "Healthy")["message"]
    assert f"on default/datapath to {DEAD}, since" in message
    assert "1 of 2 addresses not healthy" in message
    (figures,) = status["probes"]
    told = [(each["address"], each["state"]) for each in figures["instances"]]
    assert told == [(DEAD, "Unhealthy"), (GOOD, "Healthy")]
    assert (figures["instanceCount"], figures["unhealthyInstances"]) == (2, 1)
    assert status["paths"][0]["addresses"] == [GOOD, DEAD]
    lost = [line for line in scraped(operator) if line.startswith("ipsecping_instance_loss_ratio{")]
    assert {(f'remote_ip="{DEAD}"' in line, line.rpartition(" ")[2]) for line in lost} == {
        (True, "1.0"),
        (False, "0.0"),
    }


def scraped(operator: OperatorProcess) -> list[str]:
    return operator.ask(operator.metrics)[1].splitlines()


def test_an_event_tells_that_the_name_has_another_address(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    with ours.reflector("stamp") as reflector:
        cluster.check(spec(reflector.port))
        agent = cluster.run_agent({NAME: [DEAD, GOOD]})
        eventually(lambda: cluster.status().get("paths", [{}])[0].get("addresses") == [DEAD], what=DEAD)
        agent.process.end()
        cluster.run_agent({NAME: [GOOD]})
        eventually(lambda: cluster.status()["paths"][0]["addresses"] == [GOOD], what=GOOD)
    notes = [event["note"] for event in cluster.events() if event["reason"] == "AddressesChanged"]
    assert notes == [f"{NAME} on path default: {DEAD} -> {GOOD}"]


def test_nodes_are_told_apart_and_one_without_results_is_missing(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    with ours.reflector("stamp") as reflector:
        cluster.check(spec(reflector.port, placement={"everyNode": True}))
        daemon_set = cluster.one("daemonset")
        cluster.run_node_agent(daemon_set, "w1", {NAME: [GOOD]})
        cluster.says("Healthy", "True", "WithinThresholds")
        # Nobody listens where this one's agent should.
        silent = listening_on(free_port(), daemon_set)
        gone = cluster.node_pod(daemon_set, "w3", template=silent)
        missing = "no result from default/datapath from node w3"
        cluster.says("Healthy", "Unknown", "StaleResults", saying=missing)
        assert cluster.figures()["missingInstances"] == 1
        cluster.run_node_agent(daemon_set, "w2", {NAME: [DEAD]})
        cluster.says("Healthy", "False", "Down")
        cluster.kubectl("delete", "pod", gone, "--force", "--grace-period=0")
        status = cluster.shows(
            lambda seen: seen["probes"][0]["instanceCount"] == 2, what="the third node forgotten"
        )
    assert "on default/datapath from node w2, since" in condition_of(status, "Healthy")["message"]
    told = [(each["node"], each["state"]) for each in status["probes"][0]["instances"]]
    assert told == [("w2", "Unhealthy"), ("w1", "Healthy")]

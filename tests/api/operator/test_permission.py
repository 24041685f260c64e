"""What the operator was not told to permit is refused in the status, and nothing runs for it."""

from .cluster import Cluster
from .processes import OperatorProcess, eventually


def test_the_node_s_own_network_is_not_had_without_permission(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    cluster.check({})
    cluster.one("deployment")
    cluster.check({"placement": {"hostNetwork": True}})
    cluster.says("Ready", "False", "NotPermitted")
    assert cluster.condition("Ready")["message"].startswith("placement.hostNetwork of path default")
    eventually(lambda: not cluster.children("deployment"), what="the Deployment removed")
    cluster.check({"placement": {"hostNetwork": False}})
    assert "hostNetwork" not in cluster.one("deployment")["spec"]["template"]["spec"]
    cluster.says("Ready", "False", "WorkloadUnavailable")

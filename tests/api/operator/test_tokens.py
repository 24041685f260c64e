"""An agent's results are the operator's alone, and no restart or change of the key loses one."""

import base64
import json
import secrets
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ipsecping.contract.result_stream import RESULTS_PATH
from ipsecping_lab.apiserver import ApiServer
from ipsecping_operator.children import VERIFIERS_ANNOTATION

from .agent_pod import AgentPod
from .cluster import KEY_SECRET, Cluster
from .processes import OperatorProcess, eventually, operator_process
from .reflectors import Reflector, spec


def verifiers(cluster: Cluster) -> list[str]:
    plan: dict[str, Any] = json.loads(cluster.one("configmap")["data"]["plan.json"])
    return list(plan["verifiers"])


def ask(agent: AgentPod) -> tuple[int, str]:
    """What a stranger is told."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{agent.port}{RESULTS_PATH}", timeout=5) as answer:
            return int(answer.status), answer.readline().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def everything_measured_is_there(operator: OperatorProcess, cluster: Cluster, agent: AgentPod) -> None:
    """All that the agent has sent is in a window of ten minutes."""
    cluster.counts_all_of(agent)
    assert operator.results("Missed") == 0


def test_strangers_learn_nothing_and_a_restarted_operator_reads_on_with_the_same_key(
    operator: OperatorProcess, cluster: Cluster, reflector: Reflector
) -> None:
    agent = cluster.measured(spec(reflector.port, window="10m"))
    status, said = ask(agent)
    assert status == 401
    assert "Authorization: Bearer TOKEN" in said
    assert agent.uid not in said
    key = cluster.kubectl.get("secret", KEY_SECRET)["data"]["key"]
    assert len(base64.b64decode(key)) == 32
    before = cluster.one("configmap")["metadata"]["resourceVersion"]
    operator.end(signal.SIGKILL)
    time.sleep(3)
    operator.start()
    everything_measured_is_there(operator, cluster, agent)
    cluster.says("Healthy", "True", "WithinThresholds")
    assert cluster.one("configmap")["metadata"]["resourceVersion"] == before, "nothing had to be told anew"
    eventually(
        lambda: operator.sample("ipsecping_operator_agents_unreadable") == 0, what="it can be read again"
    )
    assert key not in operator.log.read_text()


@pytest.mark.long
def test_while_a_key_is_exchanged_agents_are_read_whichever_plan_they_have(
    operator: OperatorProcess, cluster: Cluster, reflector: Reflector
) -> None:
    agent = cluster.measured(spec(reflector.port, window="10m"))
    (old,) = verifiers(cluster)
    held = cluster.kubectl.get("secret", KEY_SECRET)["data"]["key"]
    data = {"key": base64.b64encode(secrets.token_bytes(32)).decode(), "previous": held}
    cluster.kubectl("patch", "secret", KEY_SECRET, "--type=merge", f"--patch={json.dumps({'data': data})}")
    operator.end()
    operator.start()
    eventually(lambda: len(verifiers(cluster)) == 2, what="both verifiers in the plan")
    assert verifiers(cluster)[1] == old
    everything_measured_is_there(operator, cluster, agent)  # the agent has its old plan still
    cluster.refresh(agent)
    time.sleep(2)
    data = {"previous": None}
    cluster.kubectl("patch", "secret", KEY_SECRET, "--type=merge", f"--patch={json.dumps({'data': data})}")
    operator.end()
    operator.start()
    eventually(lambda: old not in verifiers(cluster), what="the old verifier withdrawn")
    everything_measured_is_there(operator, cluster, agent)
    assert cluster.warnings() == []


@pytest.fixture
def forgetful(server: ApiServer, cluster: Cluster, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator that keeps its key in memory."""
    process = operator_process(server.kubeconfig, tmp_path, f"--namespaces={cluster.kubectl.namespace}")
    process.start()
    yield process
    process.clear_up()


def test_with_a_key_in_memory_agents_are_told_at_once_and_keep_their_results_until_they_know(
    forgetful: OperatorProcess, cluster: Cluster, reflector: Reflector
) -> None:
    agent = cluster.measured(spec(reflector.port, window="10m"))
    (old,) = verifiers(cluster)
    forgetful.end(signal.SIGKILL)
    forgetful.start()
    eventually(lambda: old not in verifiers(cluster), what="the plan names the new token")
    mark = cluster.one("configmap")["metadata"]["annotations"][VERIFIERS_ANNOTATION]
    eventually(
        lambda: cluster.annotation(agent.name, VERIFIERS_ANNOTATION) == mark,
        what="the pod nudged",
    )
    eventually(
        lambda: forgetful.sample("ipsecping_operator_agents_unreadable") == 1,
        what="the agent told of on /metrics",
    )
    time.sleep(3)
    cluster.refresh(agent)
    everything_measured_is_there(forgetful, cluster, agent)
    cluster.says("Healthy", "True", "WithinThresholds")
    eventually(
        lambda: forgetful.sample("ipsecping_operator_agents_unreadable") == 0, what="it can be read again"
    )


def test_an_agent_that_cannot_be_reached_is_named_with_address_port_and_error(
    operator: OperatorProcess, cluster: Cluster, reflector: Reflector
) -> None:
    agent = cluster.measured(spec(reflector.port))
    agent.process.end(signal.SIGKILL)
    where = f"pod {agent.name} cannot be read: cannot connect to http://127.0.0.1:{agent.port}{RESULTS_PATH}"
    cluster.says("Healthy", "Unknown", "StaleResults", saying=f"{where}: Connection refused")
    eventually(lambda: operator.sample("ipsecping_operator_agents_unreadable") == 1, what="it is counted")

"""What README.md and docs/ show of a cluster: typed as it stands there, and held against what is printed."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from ipsecping_lab import workbench
from ipsecping_lab.host.namespaces import in_network
from ipsecping_lab.layout import Layout
from ipsecping_lab.workbench import OPERATOR_NAMESPACE, REPOSITORY, kubectl, lab, run, wait_for

from ..docs.documents import everything, shown
from ..docs.form import difference, missing
from .bench import FAR_A, HOST_NAMESPACE, SHORT_WINDOW, STAMP, Bench

pytestmark = pytest.mark.usefixtures("tunnel")
"""For commands are typed where the lab's cluster is: with LAB=existing there is none."""
DEMO_NAMESPACE = "ipsecping-demo"
NAME = "hq-dc1"
"""Of the sample that the documents look at."""


def typed(command: str, **environment: str) -> str:
    """What a command line prints, typed in the repository where the lab's cluster is a foreign one."""
    layout = Layout.from_environment()
    done = run(
        [*in_network(layout.netns), "bash", "-c", f"cd {REPOSITORY} && {command}"],
        environment={"KUBECONFIG": str(layout.kubeconfig), "LAB": "", **environment},
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def demo() -> str:
    """The README's demo in a cluster of one's own: this one."""
    command = shown("LAB=existing").command
    for there, here in {
        "~/.kube/config": str(Layout.from_environment().kubeconfig),
        "my-cluster": Layout.from_environment().name,
        "203.0.113.10": FAR_A,
        "registry.example.com/ipsecping-operator:0.1.0": "localhost/ipsecping-operator:dev",
        "registry.example.com/ipsecping-probe:0.1.0": "localhost/ipsecping-probe:dev",
    }.items():
        assert there in command
        command = command.replace(there, here)
    return typed(command)


@pytest.fixture
def lab_as_foreign_cluster(tunnel: None) -> Iterator[None]:
    """Nothing is left of the demo."""
    yield
    kubectl("delete", "namespace", DEMO_NAMESPACE, "--ignore-not-found")


@pytest.fixture
def no_operator(lab_as_foreign_cluster: None) -> Iterator[None]:
    """Without the operator of the other tests, which comes back."""
    lab("helm", "uninstall", "ipsecping", "--namespace", OPERATOR_NAMESPACE, "--wait")
    yield
    kubectl("delete", "namespace", DEMO_NAMESPACE, "--ignore-not-found")
    workbench.install(values=workbench.host_network(HOST_NAMESPACE))


@pytest.mark.usefixtures("no_operator")
def test_the_demo_measures_in_a_cluster_of_one_s_own() -> None:
    said = demo()
    assert "==> helm install" in said
    for check in (NAME, f"{NAME}-minutely"):
        assert any(f"{check} " in line and "WithinThresholds" in line for line in said.splitlines()), said
    assert "no faults are injected" in said
    # As it says, all of it is in that one namespace.
    pods = workbench.get("pods", everywhere=True, selector="app.kubernetes.io/name=ipsecping")
    assert {pod["metadata"]["namespace"] for pod in pods} == {DEMO_NAMESPACE}
    typed(said[said.index("Remove it all") :].splitlines()[1].strip())


@pytest.mark.usefixtures("lab_as_foreign_cluster")
def test_the_demo_uses_an_operator_that_is_there_already() -> None:
    before = workbench.get("deployment", "ipsecping-operator", namespace=OPERATOR_NAMESPACE)
    said = demo()
    assert f"the operator in {OPERATOR_NAMESPACE} serves every namespace already" in said
    assert "==> helm install" not in said
    after = workbench.get("deployment", "ipsecping-operator", namespace=OPERATOR_NAMESPACE)
    assert after["metadata"]["generation"] == before["metadata"]["generation"]


def test_status_and_table_look_as_in_the_readme(bench: Bench) -> None:
    sample = (REPOSITORY / "manifests" / "samples" / "interval.yaml").read_text()
    kubectl("apply", "-n", bench.namespace, "-f", "-", stdin=sample)
    table = shown("kubectl -n network get itc", document="README.md")
    status = shown(f"kubectl -n network describe itc {NAME}", document="README.md")
    ask = {each: each.command.replace("network", bench.namespace) for each in (table, status)}
    bench.wait_for_reason(NAME, "WithinThresholds")
    header, healthy = typed(ask[table]).splitlines()
    lab("fault", "set", "delay", "a", "out", "ms=20")
    lab("fault", "set", "loss", "a", "out", "percent=5")
    bench.wait_for_reason(NAME, "LossHigh", seconds=90)
    wait_for("some loss on the way there", lambda: bench.check(NAME), has_forward_loss, seconds=60)
    lossy = typed(ask[table]).splitlines()[1]
    described = typed(ask[status])
    lab("fault", "set", "esp-drop", "a")
    bench.wait_for_reason(NAME, "Down", seconds=60)
    dead = typed(ask[table]).splitlines()[1]
    printed = "\n".join([header, healthy, lossy, dead])
    assert not difference(table.output, printed), difference(table.output, printed)
    # Messages and events depend on what was lost when; fields, their order and their form do not.
    told = "\n".join(line for line in until_events(status.output) if "Message:" not in line)
    assert not missing(told, described), missing(told, described)


def has_forward_loss(check: dict[str, Any]) -> bool:
    probe = check["status"]["probes"][0]
    return float(probe.get("forwardLossPercent", "0")) > 0


def until_events(text: str) -> list[str]:
    """Up to the header of the table of events."""
    lines = text.splitlines()
    return lines[: lines.index("Events:") + 3]


def test_a_round_on_demand_is_asked_for_and_awaited_as_documented(bench: Bench) -> None:
    bench.declare(NAME, target=FAR_A, schedule={"interval": "10m"}, probes=[STAMP])
    bench.wait_for_ready(NAME, status="True", saying="runs the agent")
    value = "1764000000"
    annotate = shown("kubectl annotate itc NAME", document="api.md").command
    await_it = shown("kubectl wait itc/NAME", document="api.md").command
    there = f"kubectl --namespace {bench.namespace} "
    for command in (annotate.replace("$(date +%s)", value), await_it.replace("VALUE", value)):
        typed(command.replace("kubectl ", there, 1).replace("NAME", NAME))
    assert bench.check(NAME)["status"]["runNow"]["outcome"] == "Started"
    typed(shown(f"kubectl annotate itc {NAME}", document="README.md").command.replace("kubectl ", there, 1))


def test_what_runbooks_say_to_type_can_be_typed(bench: Bench) -> None:
    bench.declare(NAME, target=FAR_A, probes=[STAMP])
    bench.wait_for_reason(NAME, "WithinThresholds")
    pod = bench.probe_pod(NAME)["metadata"]["name"]
    here = {"NAMESPACE": bench.namespace, "CHECK": NAME, "POD": pod, "TARGET": FAR_A}
    of_runbooks = {each.command for each in everything() if each.document.startswith("IPsecPing")}
    asked = [each for each in sorted(of_runbooks) if each.startswith(("kubectl -n ", "kubectl get"))]
    assert len(asked) > 5
    for command in asked:
        for word, value in here.items():
            command = re.sub(rf"\b{word}\b", value, command)
        assert typed(command)


def test_the_lease_names_the_operator_that_works() -> None:
    said = typed(f"{shown('kubectl get lease', document='operation.md').command} -n {OPERATOR_NAMESPACE}")
    assert "ipsecping-operator" in said


def test_an_ordinary_life_of_a_check_is_no_warning_in_the_operator_s_log(bench: Bench) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    quick = {"target": FAR_A, "schedule": {"interval": "1s"}, "probes": [STAMP], "thresholds": SHORT_WINDOW}
    calm = quick | {"thresholds": SHORT_WINDOW | {"lossPercent": "90"}}
    bench.declare("life", **calm)
    bench.wait_for_reason("life", "WithinThresholds")
    first = bench.probe_pod("life")["metadata"]["name"]
    # Another pod template: a rollout.
    bench.declare("life", **calm, placement={"resources": {"requests": {"cpu": "20m"}}})
    wait_for(
        "another pod",
        lambda: [pod["metadata"]["name"] for pod in bench.children("pods", "life")],
        lambda names: len(names) == 1 and names != [first],
        seconds=90,
    )
    bench.wait_for_reason("life", "WithinThresholds")
    bench.declare("life", **calm, suspend=True)
    bench.wait_for_reason("life", "Suspended")
    bench.declare("life", **calm)
    bench.wait_for_reason("life", "WithinThresholds")
    bench.delete()
    wait_for("no pod", lambda: workbench.get("pods", namespace=bench.namespace), lambda p: not p, seconds=90)
    said = kubectl("-n", OPERATOR_NAMESPACE, "logs", "deployment/ipsecping-operator", f"--since-time={since}")
    warned = [json.loads(line) for line in said.splitlines() if bench.namespace in line]
    loud = [each["message"] for each in warned if each["level"] not in ("info", "debug")]
    # What is measured is no part of this: a reflector that starts again, a busy machine.
    assert [each for each in loud if not each.startswith(("Healthy=False", "diagnosis ("))] == []

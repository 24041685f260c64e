"""API Priority and Fairness rejects all that the operator asks for: it waits as told, and loses nothing."""

import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ipsecping.tls_client import client_context
from ipsecping_lab.apiserver import ApiServer
from ipsecping_operator.kube.kinds import SECRET
from ipsecping_operator.kube.transport import PATIENCE

from ..accounts import with_token
from ..kubectl import Kubectl
from ..refusing import Webhook, of_the_cluster, webhook, webhook_configuration
from .cluster import Cluster, condition_of
from .processes import OperatorProcess, eventually, operator_process

CRON = {"schedule": {"cron": "0 0 1 1 *"}}
PUT_OFF = 'code="429"'
REJECTED = 8.0
"""Seconds for which all is rejected."""
LONGEST_PAUSE = 8.0
"""Seconds that the server asks to wait at the most."""
AT_A_TIME = 8
"""Requests of one kind that may be on their way when the first is rejected."""
KINDS = 15
"""Kinds of requests, more than the operator has: each may be tried once, and again after 1, 2, 4 s."""


@dataclass
class Overload:
    """Rejects the requests of one account, and no other's."""

    server: ApiServer
    kubectl: Kubectl
    account: str
    token: str

    def asks(self, method: str = "GET") -> int:
        """The status code of an answer to the account."""
        plural, body = ("configmaps", None) if method == "GET" else ("secrets", b'{"metadata":{"name":"x"}}')
        request = urllib.request.Request(
            f"{self.server.url}/api/v1/namespaces/{self.kubectl.namespace}/{plural}",
            data=body,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        trusting = client_context(ca_file=str(self.server.kubeconfig.parent / "ca.crt"))
        try:
            with urllib.request.urlopen(request, context=trusting, timeout=60) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    @contextmanager
    def now(self) -> Iterator[None]:
        """While this lasts."""
        name = f"reject-{uuid.uuid4().hex[:8]}"
        level = {
            "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
            "kind": "PriorityLevelConfiguration",
            "metadata": {"name": name},
            "spec": {
                "type": "Limited",
                "limited": {
                    "nominalConcurrencyShares": 0,
                    "lendablePercent": 0,
                    "borrowingLimitPercent": 0,
                    "limitResponse": {"type": "Reject"},
                },
            },
        }
        everything = {
            "verbs": ["*"],
            "apiGroups": ["*"],
            "resources": ["*"],
            "clusterScope": True,
            "namespaces": ["*"],
        }
        anywhere = {"verbs": ["*"], "nonResourceURLs": ["*"]}
        whom = {
            "kind": "ServiceAccount",
            "serviceAccount": {"namespace": self.kubectl.namespace, "name": self.account},
        }
        rule = {"subjects": [whom], "resourceRules": [everything], "nonResourceRules": [anywhere]}
        flow = {
            "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
            "kind": "FlowSchema",
            "metadata": {"name": name},
            "spec": {
                "priorityLevelConfiguration": {"name": name},
                "matchingPrecedence": 2,
                "rules": [rule],
            },
        }
        # Without seats one request at a time is let through all the same, so one is held in its admission.
        ended = threading.Event()
        with webhook(self.server, type("Holding", (Webhook,), {"do_POST": lambda _: ended.wait(30)})) as port:
            hook = webhook_configuration(self.server, self.kubectl, SECRET, f"https://127.0.0.1:{port}/")
            with of_the_cluster(self.kubectl, hook, level, flow):
                threads: list[threading.Thread] = []

                def rejected() -> bool:
                    if self.asks() == 429:
                        return True
                    threads.append(threading.Thread(target=self.asks, args=("POST",)))
                    threads[-1].start()
                    time.sleep(0.5)
                    return False

                try:
                    eventually(rejected, what="the account rejected")
                    yield
                finally:
                    ended.set()
            for thread in threads:
                thread.join()


@dataclass
class Overloaded:
    """The operator under an account of its own, which can be rejected."""

    operator: OperatorProcess
    overload: Overload

    def put_off(self) -> float:
        """Requests that were put off so far, by the operator's own count."""
        lines = self.operator.ask(self.operator.metrics)[1].splitlines()
        counted = [
            line for line in lines if line.startswith("ipsecping_operator_api_requests") and PUT_OFF in line
        ]
        return sum(float(line.rpartition(" ")[2]) for line in counted)


@pytest.fixture
def overloaded(server: ApiServer, cluster: Cluster, tmp_path: Path) -> Iterator[Overloaded]:
    """Not started yet."""
    kubectl, account = cluster.kubectl, f"operator-{uuid.uuid4().hex[:8]}"
    kubectl("create", "serviceaccount", account)
    bound = f"--serviceaccount={kubectl.namespace}:{account}"
    kubectl("create", "clusterrolebinding", account, "--clusterrole=cluster-admin", bound)
    token = kubectl("create", "token", account).strip()
    kubeconfig = with_token(server, token, tmp_path)
    process = operator_process(
        kubeconfig,
        tmp_path,
        f"--namespaces={kubectl.namespace}",
        f"--lease-namespace={kubectl.namespace}",
        # It is renewed after 40 s, and a renewal that is put off is waited for as long.
        "--lease-duration=300s",
        cluster.key_secret(),
    )
    yield Overloaded(process, Overload(server, kubectl, account, token))
    process.stop_if_running()
    kubectl("delete", "clusterrolebinding", account)
    print(process.log.read_text())  # noqa: T201 - pytest shows it with a failure


@pytest.mark.long
def test_what_happens_while_all_is_rejected_is_told_afterwards(
    overloaded: Overloaded, cluster: Cluster
) -> None:
    operator = overloaded.operator
    operator.start()
    cluster.check(CRON)
    cron_job, plan = cluster.one("cronjob"), cluster.one("configmap")
    for _ in range(3):
        cluster.finish_round(cron_job, plan)
    cluster.says("Healthy", "True", "WithinThresholds")
    assert operator.running is not None
    pid, begun = operator.running.pid, time.monotonic()
    with overloaded.overload.now():
        # What needs no request is seen as ever: the watches go on.
        eventually(
            lambda: cluster.finish_round(cron_job, plan, received=0) and overloaded.put_off() > 0,
            what="requests put off",
        )
        cluster.check(CRON | {"thresholds": {"downAfter": 2}})
        cluster.check(CRON, name="another")
        began, before = time.monotonic(), overloaded.put_off()
        time.sleep(REJECTED)
        refused, lasted = overloaded.put_off() - before, time.monotonic() - began
        assert operator.ask(operator.health)[0] == 200, "an overloaded API is no reason to be restarted"
    # A busy machine makes it longer than requests are waited for; then that is said.
    outwaited = time.monotonic() - begun < PATIENCE - LONGEST_PAUSE
    # The pauses are 1, 2, 4 and then 8 s: at most four rounds of each kind in such a time.
    assert refused <= KINDS * AT_A_TIME * (3 + lasted / LONGEST_PAUSE)
    status = cluster.shows(
        lambda seen: condition_of(seen, "Healthy")["status"] == "False", what="the outage told"
    )
    assert status["outages"][0]["reason"] == condition_of(status, "Healthy")["reason"]
    eventually(lambda: len(cluster.children("cronjob")) == 2, what="the other check's CronJob")
    eventually(
        lambda: cluster.status()["observedGeneration"] == 2, what="the edit taken up, and the status written"
    )
    told = [each["reason"] for each in cluster.events()]
    assert told.count("WithinThresholds") == 1
    assert cluster.condition("Healthy")["reason"] in told
    assert operator.running.pid == pid
    assert operator.running.poll() is None
    assert not outwaited or "will retry" not in operator.log.read_text(), "what is waited for needs no person"


def test_an_operator_that_is_started_meanwhile_begins_once_it_is_let(
    overloaded: Overloaded, cluster: Cluster
) -> None:
    operator = overloaded.operator
    cluster.check(CRON)
    with overloaded.overload.now():
        operator.launch()
        eventually(lambda: operator.ask(operator.health)[0] == 200, what="/healthz")
        time.sleep(3)
        assert operator.running is not None
        assert operator.running.poll() is None
        assert operator.ask(operator.ready)[0] == 503
    eventually(lambda: operator.ask(operator.ready) == (200, "ok\n"), what="/readyz")
    cluster.one("cronjob")

"""A cluster without machines: API server, controllers, scheduler, and kwok in place of the kubelets."""

import json
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ipsecping_lab.apiserver import ApiServer, api_server, end, spawn
from ipsecping_lab.building.binaries import binaries
from ipsecping_lab.cluster.pki import Certificate
from ipsecping_operator.api.crd import crd_yaml

NAMESPACE = "fleet"
OPERATOR = "ipsecping-operator"
PLAIN = "plain-client"
PODS = "127.64.0.0/12"
"""Addresses of the pods: all of 127.0.0.0/8 is this machine, so agents can listen there."""
NODES = 10
CONTROLLERS = ("deployment", "replicaset", "job", "cronjob", "garbage-collector")
_HERE = Path(__file__).parent
_MANIFESTS = Path(__file__).parents[3] / "manifests"
SYSTEM = "ipsecping-system"
KEY = f"results-key-{OPERATOR}"
"""The Secret with the key of the results' tokens, and the Role for it."""
_SET_UP = (
    ("apply", "--server-side", "-f", "-"),
    ("create", "namespace", NAMESPACE),
    ("create", "namespace", SYSTEM),
    *(("apply", "-f", str(_MANIFESTS / f"{name}.yaml")) for name in ("rbac", "secret")),
    ("create", "rolebinding", "bench", f"--namespace={SYSTEM}", f"--role={KEY}", f"--user={OPERATOR}"),
    ("create", "clusterrolebinding", "bench", f"--clusterrole={OPERATOR}", f"--user={OPERATOR}"),
    ("wait", "--for=condition=Established", "crd/ipsectunnelchecks.ipsecping.dev", "--timeout=30s"),
)
# As the API server's fixture does for the controllers: the default would make the scheduler what is measured.
_PACE = ("--kube-api-qps=200", "--kube-api-burst=400")


@contextmanager
def stand(workdir: Path, *, controllers: bool) -> Iterator[ApiServer]:
    """A fresh API server with our CRD, RBAC and an audit log; with `controllers`, also what makes pods."""
    people = (
        # As the chart's service account: by the rights of manifests/rbac.yaml and nothing else.
        Certificate(OPERATOR, f"/CN={OPERATOR}"),
        Certificate(PLAIN, f"/O=system:masters/CN={PLAIN}"),
    )
    audit = (
        f"--audit-policy-file={_HERE / 'audit.yaml'}",
        f"--audit-log-path={audit_log(workdir)}",
    )
    named = tuple(f"{name}-controller" for name in CONTROLLERS) if controllers else ()
    with api_server(workdir, controllers=named, people=people, flags=audit) as api:
        for words in _SET_UP:
            _kubectl(api, *words, stdin=crd_yaml())
        programs = _programs(api) if controllers else ()
        running = [spawn(words, workdir / f"{name}.log") for name, words in programs]
        try:
            if controllers:
                _nodes(api)
            yield api
        finally:
            for process in running:
                end(process, signal.SIGKILL)


def audit_log(workdir: Path) -> Path:
    """Where the API server of this directory writes its audit log."""
    return workdir / "audit.log"


def _programs(api: ApiServer) -> Iterator[tuple[str, Sequence[str | Path]]]:
    built = binaries(("kube-scheduler", "kwok"))
    common = (f"--kubeconfig={api.kubeconfig}", "--leader-elect=false", "--secure-port=0", *_PACE)
    yield "kube-scheduler", (built["kube-scheduler"], *common)
    yield (
        "kwok",
        (
            built["kwok"],
            f"--kubeconfig={api.kubeconfig}",
            "--manage-all-nodes",
            f"--cidr={PODS}",
            f"--config={_HERE / 'stages.yaml'}",
        ),
    )


def _nodes(api: ApiServer) -> None:
    labels = {"kubernetes.io/os": "linux"}  # which a kubelet gives its node, and kwok does not
    nodes = [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"node-{n}", "labels": labels}}
        for n in range(NODES)
    ]
    _kubectl(api, "create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": nodes}))
    _kubectl(api, "wait", "--for=condition=Ready", "node", "--all", "--timeout=60s")
    # New nodes are tainted by the API server; who would take that back does not run here.
    _kubectl(api, "taint", "node", "--all", "node.kubernetes.io/not-ready-")


def _kubectl(api: ApiServer, *words: str, stdin: str | None = None) -> None:
    command = [str(api.kubectl), f"--kubeconfig={api.kubeconfig}", *words]
    subprocess.run(command, input=stdin, text=True, check=True, stdout=subprocess.DEVNULL)

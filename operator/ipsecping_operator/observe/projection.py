"""What is kept of a watched object: the few fields that decisions rest on. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from sys import intern
from typing import Any

from ipsecping.contract.result_stream import DEFAULT_PORT
from ipsecping_operator.api.names import RUN_NOW_ANNOTATION
from ipsecping_operator.children import (
    CONTAINER,
    DIAGNOSE,
    NONCE_ANNOTATION,
    PATH_LABEL,
    TARGETS_ANNOTATION,
    UID_LABEL,
    VERIFIERS_ANNOTATION,
)
from ipsecping_operator.kube.kinds import DAEMON_SET, DEPLOYMENT

Raw = Mapping[str, Any]
LIMIT_RANGER = "kubernetes.io/limit-ranger"
"""Annotation by which the API server says what a LimitRange put into a pod."""
END_SECONDS = 1
"""The activeDeadlineSeconds of a pod that is to end now: the kubelet takes a new one, and 0 is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The controller among an object's owner references."""

    group: str
    """Of the API; empty for the core's."""
    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """Identity, version and belonging of an object."""

    kind: str
    namespace: str
    name: str
    uid: str
    resource_version: int
    generation: int
    check_uid: str | None
    path: str | None
    nonce: str | None
    run_now: str | None
    """Identifier of the request for an extra round, of a plan that asks for one."""
    verifiers: str | None
    """Digest of a plan's verifiers."""
    targets: str | None
    """Digest of a plan's addresses, where it lists them."""
    owner: Owner | None
    created: int
    """Unix time, nanoseconds, by the API server's clock (whole seconds)."""
    deleting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCounts:
    """How many nodes a DaemonSet has."""

    desired: int
    """Those that its pods may run on."""
    scheduled: int
    """Those of them that have a pod."""
    available: int
    """Those of them whose pod is of the newest revision and available."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A ConfigMap, Deployment, DaemonSet or CronJob of a check."""

    meta: Meta
    available: bool = False
    """The newest revision has an available pod; of a DaemonSet on each of its nodes, one at least."""
    active: bool = False
    """CronJobs: a round that the schedule asked for runs."""
    scheduled: int | None = None
    """CronJobs: when the newest round was due, by the controller's clock; Unix time, nanoseconds."""
    problem: str | None = None
    """Deployments: why no pod could be made (quota, admission)."""
    host_port: int | None = None
    """Deployments and DaemonSets: where their agents listen on the node's own network; None on a network of
    their own."""
    nodes: NodeCounts | None = None
    """DaemonSets: once the controller has seen the newest version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The end of a pod's container `probe`."""

    exit_code: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod that measures for a check."""

    meta: Meta
    phase: str
    address: str | None
    port: int
    waiting: str | None
    """Why it does not run yet or any more (ImagePullBackOff: ...), for a person."""
    node: str | None
    """Where it was placed; of a DaemonSet's pod also where it is to be placed."""
    ready: bool
    """Its agent answers, and its node too."""
    ended: Ended | None
    cpu_limit: str | None = None
    """Of the container `probe`, as the API server has stored it."""
    limit_ranged: bool = False
    """A LimitRange of the namespace put some limit there."""
    restarts: bool = True
    """What ends in it is started again, as in an agent's pod and not in a round's."""
    lingers: bool = False
    """A container that others put beside `probe` runs on when that has ended, and keeps the pod."""
    diagnoses: bool = False
    """It is of a Job that diagnoses, and runs no round."""

    @property
    def finished(self) -> bool:
        """It measures nothing any more.

        A round's pod has finished with its container `probe`: what was injected beside it may never end.
        """
        return self.phase in ("Succeeded", "Failed") or (self.ended is not None and not self.restarts)

    def read(self) -> "Pod":
        """The same when its message has been read: without that, its address and whose it is."""
        ended = None if self.ended is None else replace(self.ended, message="")
        return replace(self, ended=ended, address=None, meta=replace(self.meta, owner=None))


def read_meta(kind: str, raw: Raw) -> Meta:
    """The metadata of an object of this kind."""
    labels, annotations = raw.get("labels") or {}, raw.get("annotations") or {}
    return Meta(
        kind=kind,
        namespace=intern(raw["namespace"]),
        name=raw["name"],
        uid=raw["uid"],
        resource_version=int(raw["resourceVersion"]),
        generation=raw.get("generation", 0),
        check_uid=_interned(labels.get(UID_LABEL)),
        path=_interned(labels.get(PATH_LABEL)),
        nonce=annotations.get(NONCE_ANNOTATION),
        run_now=annotations.get(RUN_NOW_ANNOTATION),
        verifiers=annotations.get(VERIFIERS_ANNOTATION),
        targets=annotations.get(TARGETS_ANNOTATION),
        owner=controller(raw),
        created=_unix(raw["creationTimestamp"]),
        deleting="deletionTimestamp" in raw,
    )


def controller(metadata: Raw) -> Owner | None:
    """The owner reference marked as controller."""
    for reference in metadata.get("ownerReferences") or ():
        if reference.get("controller"):
            group, _, _ = reference["apiVersion"].rpartition("/")
            kind, name, uid = (intern(reference[key]) for key in ("kind", "name", "uid"))
            return Owner(group=intern(group), kind=kind, name=name, uid=uid)
    return None


def _interned(text: str | None) -> str | None:
    """Many objects name the same few things: kept once."""
    return None if text is None else intern(text)


def read_child(kind: str, raw: Raw) -> Child:
    """A ConfigMap or a workload."""
    meta = read_meta(kind, raw["metadata"])
    status = raw.get("status") or {}
    if kind not in (DEPLOYMENT.name, DAEMON_SET.name):
        due = status.get("lastScheduleTime")
        return Child(
            meta=meta, active=bool(status.get("active")), scheduled=None if due is None else _unix(due)
        )
    current = status.get("observedGeneration", 0) >= meta.generation
    nodes = _node_counts(status) if current and kind == DAEMON_SET.name else None
    available = current and status.get("availableReplicas", 0) > 0
    if kind == DAEMON_SET.name:
        available = nodes is not None and 0 < nodes.desired <= nodes.available
    template = ((raw.get("spec") or {}).get("template") or {}).get("spec") or {}
    return Child(
        meta=meta,
        available=available,
        problem=_deployment_problem(status),
        host_port=_http_port(template) if template.get("hostNetwork") else None,
        nodes=nodes,
    )


def _node_counts(status: Raw) -> NodeCounts:
    # The controller counts available pods of any revision, and those of the newest whether available or not.
    available = min(status.get("numberAvailable", 0), status.get("updatedNumberScheduled", 0))
    return NodeCounts(
        desired=status.get("desiredNumberScheduled", 0),
        scheduled=status.get("currentNumberScheduled", 0),
        available=available,
    )


def _deployment_problem(status: Raw) -> str | None:
    failure = _condition(status, "ReplicaFailure", "True")
    return None if failure is None else str(failure.get("message") or failure.get("reason"))


def _condition(status: Raw, kind: str, state: str) -> Raw | None:
    """The condition of that type, if it has that status."""
    for condition in status.get("conditions") or ():
        if condition["type"] == kind:
            found: Raw = condition
            return found if found["status"] == state else None
    return None


def read_pod(raw: Raw) -> Pod:
    """A pod."""
    spec, status = raw.get("spec") or {}, raw.get("status") or {}
    meta = read_meta("Pod", raw["metadata"])
    node = spec.get("nodeName")
    if node is None and meta.owner is not None and meta.owner.kind == DAEMON_SET.name:
        node = _meant_for(spec)
    ended = _ended(status)
    return Pod(
        meta=meta,
        phase=intern(status.get("phase", "Pending")),
        address=status.get("podIP"),
        port=_http_port(spec),
        waiting=_waiting(status),
        node=None if node is None else intern(node),
        ready=_condition(status, "Ready", "True") is not None,
        ended=ended,
        cpu_limit=_interned(_cpu_limit(spec)),
        limit_ranged=LIMIT_RANGER in (raw["metadata"].get("annotations") or {}),
        restarts=spec.get("restartPolicy") != "Never",
        lingers=ended is not None
        and _others_run(status)
        and spec.get("activeDeadlineSeconds") != END_SECONDS,
        diagnoses=_command(spec) == DIAGNOSE,
    )


def _meant_for(spec: Raw) -> str | None:
    """The node that a DaemonSet's pod is made for, as its controller tells the scheduler."""
    node_affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for each in term.get("matchFields") or ():
            if (each.get("key"), each.get("operator"), len(each.get("values") or ())) == (
                "metadata.name",
                "In",
                1,
            ):
                return str(each["values"][0])
    return None


def _command(spec: Raw) -> str | None:
    """What the container `probe` runs."""
    args = (each.get("args") for each in spec.get("containers") or () if each.get("name") == CONTAINER)
    return next((given[0] for given in args if given), None)


def _cpu_limit(spec: Raw) -> str | None:
    for container in spec.get("containers") or ():
        if container.get("name") == CONTAINER:
            limit = ((container.get("resources") or {}).get("limits") or {}).get("cpu")
            return None if limit is None else str(limit)
    return None


def _http_port(spec: Raw) -> int:
    for container in spec.get("containers") or ():
        for port in container.get("ports") or ():
            if port.get("name") == "http":
                return int(port["containerPort"])
    return DEFAULT_PORT


def _waiting(status: Raw) -> str | None:
    # Of the pod as a whole (Evicted, DeadlineExceeded): its containers end for that reason.
    if status.get("reason"):
        return _reason(status)
    # Ours first; then what others put beside it, which may keep it from starting.
    for container in sorted(_containers(status), key=lambda each: each.get("name") != CONTAINER):
        state = container.get("state") or {}
        for kind in ("waiting", "terminated"):
            if kind in state and state[kind].get("reason") not in _IN_ORDER:
                said, name = _reason(state[kind]), container.get("name")
                ended = (container.get("lastState") or {}).get("terminated")
                if ended and state[kind].get("reason") == _ENDS_AGAIN:  # which does not say why it ended
                    said = f"{_reason(ended)}; {said}"
                return said if name == CONTAINER else f"container {name}: {said}"
    unplaced = _condition(status, "PodScheduled", "False")
    return None if unplaced is None else _reason(unplaced)


_ENDS_AGAIN = "CrashLoopBackOff"
_IN_ORDER = ("ContainerCreating", "PodInitializing", "Completed")


def _reason(state: Raw) -> str:
    reason = state.get("reason") or "not running"
    # A termination message may hold anything; a waiting message explains.
    message = state.get("message") if "exitCode" not in state else f"exit code {state['exitCode']}"
    return f"{reason}: {message}" if message else str(reason)


def _containers(status: Raw) -> list[Raw]:
    """Statuses of all containers; those that are started first (init containers, native sidecars) first."""
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _others_run(status: Raw) -> bool:
    # Native sidecars are init containers: the kubelet ends them by itself.
    return any("running" in (each.get("state") or {}) for each in status.get("containerStatuses") or ())


def _ended(status: Raw) -> Ended | None:
    """How our own container ended; the list is sorted by name, and may have containers of others."""
    for container in status.get("containerStatuses") or ():
        terminated = (container.get("state") or {}).get("terminated")
        if terminated is not None and container.get("name") == CONTAINER:
            return Ended(
                exit_code=terminated.get("exitCode", -1),
                reason=intern(terminated.get("reason", "")),
                message=terminated.get("message", ""),
            )
    return None


def _unix(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000_000

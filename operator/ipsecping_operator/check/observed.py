"""Part of a check's state: what the watches have shown of it. Pure: the time is passed in."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ipsecping_operator.children import ChildRef
from ipsecping_operator.observe.projection import Child, Pod

MissingRound = tuple[str, int]
"""Name of a CronJob and the time of a round of it that has no pod (Unix time, nanoseconds)."""


class Observed:
    """The check itself, its children and its pods, as last seen, and what is known of these pods."""

    __slots__ = (
        "_children",
        "_first_seen",
        "_messages",
        "_metadata",
        "_missing_pods",
        "_ownership",
        "_pods",
        "_refused_jobs",
        "_refused_pods",
        "_spec",
        "_unplaced",
    )

    def __init__(self) -> None:
        self._first_seen = 0
        self._metadata: Mapping[str, Any] | None = None
        self._spec: Mapping[str, Any] = {}
        self._children: dict[ChildRef, Child] = {}
        self._pods: dict[str, Pod] = {}
        self._ownership: dict[str, bool] = {}
        self._messages: dict[str, str | None] = {}
        self._missing_pods: dict[MissingRound, int] = {}
        self._refused_pods: Mapping[str, str] = {}
        self._refused_jobs: Mapping[MissingRound, str] = {}
        self._unplaced: dict[str | None, Pod] = {}

    @property
    def first_seen(self) -> int:
        """When this run of the operator first saw the check; Unix time, nanoseconds."""
        return self._first_seen

    @property
    def metadata(self) -> Mapping[str, Any] | None:
        """The check's metadata as far as it is used; None before the check was seen and after it has gone."""
        return self._metadata

    @property
    def spec(self) -> Mapping[str, Any]:
        """The check's spec; empty once it was compiled."""
        return self._spec

    @property
    def children(self) -> Mapping[ChildRef, Child]:
        """Objects with the check's label and in its namespace, as far as that is known."""
        return self._children

    @property
    def pods(self) -> Mapping[str, Pod]:
        """Pods with the check's label, by UID; `ownership` tells whether they are its own."""
        return self._pods

    @property
    def own_pods(self) -> list[Pod]:
        """The pods that are known to be the check's: what others say of theirs is not listened to."""
        return [pod for uid, pod in self._pods.items() if self._ownership.get(uid, False)]

    @property
    def ownership(self) -> Mapping[str, bool]:
        """Pod UID to whether the pod is the check's own, once that is known for good."""
        return self._ownership

    @property
    def messages(self) -> Mapping[str, str | None]:
        """UID of a finished pod to what was wrong with its termination message, None when it was counted."""
        return self._messages

    @property
    def missing_pods(self) -> Mapping[MissingRound, int]:
        """The newest rounds of CronJobs that have no pod, to when that was first seen."""
        return self._missing_pods

    @property
    def refused_pods(self) -> Mapping[str, str]:
        """Names of workloads that lack pods to why none is made; empty where no controller has said so."""
        return self._refused_pods

    @property
    def refused_jobs(self) -> Mapping[MissingRound, str]:
        """What was said of rounds for which no Job was made, of those that were asked for."""
        return self._refused_jobs

    @property
    def unplaced(self) -> Collection[Pod]:
        """Of each path the newest pod that went before it had a node."""
        return self._unplaced.values()

    def show_check(self, metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
        """Take in the check, as a watch shows it."""
        self._metadata, self._spec = metadata, spec

    def see_first(self, *, now: int) -> None:
        """Note that this run of the operator sees the check for the first time."""
        self._first_seen = now

    def spec_compiled(self) -> None:
        """Drop the spec: it was compiled."""
        self._spec = {}

    def check_gone(self) -> "Observed":
        """Return what is left of a check that has gone: its children, until they are seen to go."""
        left = Observed()
        left._children, left._pods = self._children, self._pods
        return left

    def show_child(self, ref: ChildRef, child: Child) -> None:
        """Take in a child, as a watch or the answer to a request shows it."""
        self._children[ref] = child

    def child_gone(self, ref: ChildRef) -> None:
        """Forget a child that has gone, or is none of the check's."""
        del self._children[ref]

    def show_pod(self, pod: Pod) -> Pod:
        """Take in a pod, as a watch shows it; returns what is kept of it."""
        kept = self._pods[pod.meta.uid] = pod.read() if pod.meta.uid in self._messages else pod
        return kept

    def pod_gone(self, uid: str) -> bool:
        """Forget a pod that has gone, or is none of the check's; returns whether it was known."""
        pod = self._pods.pop(uid, None)
        if self._ownership.pop(uid, False) and pod is not None and pod.node is None:
            self._unplaced[pod.meta.path] = pod
        self._messages.pop(uid, None)
        return pod is not None

    def owner_decided(self, pod_uid: str, *, own: bool) -> None:
        """Remember for good whether a pod is the check's own."""
        self._ownership[pod_uid] = own

    def message_read(self, pod_uid: str, fault: str | None) -> None:
        """Remember that a finished pod's message was counted, or what was wrong with it."""
        self._messages[pod_uid] = fault
        if fault is None and pod_uid in self._pods:
            self._pods[pod_uid] = self._pods[pod_uid].read()

    def pods_missing(self, rounds: Iterable[MissingRound], *, now: int) -> None:
        """Remember that exactly these rounds have no pod, and since when each has none."""
        self._missing_pods = {each: self._missing_pods.get(each, now) for each in rounds}

    def pods_refused(self, said: Mapping[str, str]) -> None:
        """Remember what controllers have said of the workloads that lack pods."""
        self._refused_pods = said

    def jobs_refused(self, said: Mapping[MissingRound, str]) -> None:
        """Remember what was said of rounds for which no Job was made; empty: nothing."""
        self._refused_jobs = said

    def shift(self, by: int) -> None:
        """Follow the operator's clock, which was set forward by so many nanoseconds (back: negative)."""
        self._first_seen += by
        self._missing_pods = {each: since + by for each, since in self._missing_pods.items()}

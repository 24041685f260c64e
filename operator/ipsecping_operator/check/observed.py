"""What the watches have shown of a check, its children and its pods. Pure: the time is passed in."""

from collections.abc import Iterable, Mapping
from typing import Any

from ipsecping_operator.children import ChildRef
from ipsecping_operator.kube.observed import Child, Pod

MissingRound = tuple[str, int]
"""Name of a CronJob and the time of a round of it that has no pod (Unix time, nanoseconds)."""


class Observed:
    """The part of a check's state that the watches, and what is known of the pods shown, determine."""

    __slots__ = (
        "_children",
        "_first_seen",
        "_messages",
        "_metadata",
        "_missing_pods",
        "_ownership",
        "_pods",
        "_spec",
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

    def show_check(self, metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> None:
        """A watch shows the check."""
        self._metadata, self._spec = metadata, spec

    def see_first(self, *, now: int) -> None:
        """This run of the operator sees the check for the first time."""
        self._first_seen = now

    def spec_compiled(self) -> None:
        """The spec is of no more use."""
        self._spec = {}

    def check_gone(self) -> "Observed":
        """The check has gone; its children are kept until they are seen to go."""
        left = Observed()
        left._children, left._pods = self._children, self._pods
        return left

    def show_child(self, ref: ChildRef, child: Child) -> None:
        """A watch, or the answer to a request, shows a child."""
        self._children[ref] = child

    def child_gone(self, ref: ChildRef) -> None:
        """A child has gone, or is none."""
        del self._children[ref]

    def show_pod(self, pod: Pod) -> Pod:
        """A watch shows a pod; returns what is kept of it."""
        kept = self._pods[pod.meta.uid] = pod.read() if pod.meta.uid in self._messages else pod
        return kept

    def pod_gone(self, uid: str) -> bool:
        """A pod has gone, or is none of the check's; whether it was known."""
        known = self._pods.pop(uid, None) is not None
        self._ownership.pop(uid, None)
        self._messages.pop(uid, None)
        return known

    def owner_decided(self, pod_uid: str, *, own: bool) -> None:
        """It is known for good whether a pod is the check's own."""
        self._ownership[pod_uid] = own

    def message_read(self, pod_uid: str, fault: str | None) -> None:
        """A finished pod's message was read: it was counted, or this was wrong with it."""
        self._messages[pod_uid] = fault
        if fault is None and pod_uid in self._pods:
            self._pods[pod_uid] = self._pods[pod_uid].read()

    def pods_missing(self, rounds: Iterable[MissingRound], *, now: int) -> None:
        """Exactly these rounds have no pod now."""
        self._missing_pods = {each: self._missing_pods.get(each, now) for each in rounds}

    def shift(self, by: int) -> None:
        """The operator's clock was set forward by so many nanoseconds (back: negative)."""
        self._first_seen += by
        self._missing_pods = {each: since + by for each, since in self._missing_pods.items()}

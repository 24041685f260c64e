"""What helps against what keeps children and pods from being made or run, in words for a person. Pure."""

from collections.abc import Mapping

from ipsecping.printable import printable
from ipsecping_operator.kube.errors import ApiError
from ipsecping_operator.kube.wording import DeniedBy, denial, is_right_missing, webhook_without_answer

_IMAGE = (
    "the node has to be able to pull the probe image (--probe-image of the operator, "
    "placement.imagePullSecrets, or imagePullSecrets in --probe-defaults); the kubelet tries again by itself"
)
_OF_REASON: Mapping[str, str] = {
    "ErrImagePull": _IMAGE,
    "ImagePullBackOff": _IMAGE,
    "InvalidImageName": _IMAGE,
    "ErrImageNeverPull": _IMAGE,
    "OOMKilled": "its memory limit is too small, or its node has none left: placement.resources, or "
    "resources in --probe-defaults of the operator, give it more; where both are silent, a LimitRange may "
    "set the limit",
}
"""By the reason for which a container waits, or has ended."""

_WHAT_MAY_CHANGE = (
    "labels and annotations of all that is made for checks, and the pods' security context, are in "
    "--probe-defaults of the operator (the chart's probeDefaults); what a check may change of its pods is in "
    "placement (podLabels, podAnnotations, resources, hostNetwork and others)"
)
_OF_DENIAL: Mapping[DeniedBy, str] = {
    DeniedBy.QUOTA: "raise that ResourceQuota, or free some of it (of finished rounds "
    "spec.schedule.history keeps fewer); what it asks for is placement.resources",
    DeniedBy.LIMIT_RANGE: "placement.resources, or resources in --probe-defaults of the "
    "operator, have to keep within the namespace's LimitRange",
    DeniedBy.POD_SECURITY: "the namespace's Pod Security level has to allow it; placement.hostNetwork takes "
    "privileged",
    DeniedBy.POLICY: f"who keeps that policy has to allow it; {_WHAT_MAY_CHANGE}",
    DeniedBy.WEBHOOK: f"who keeps that webhook has to allow it; {_WHAT_MAY_CHANGE}",
    DeniedBy.SECURITY_CONTEXT: "have the cluster choose the user (the chart's value fixedUser: false), or "
    "let the pod's service account use a SecurityContextConstraints that allows the user 65532; without "
    "placement.hostNetwork it has to allow the sysctl net.ipv4.ping_group_range",
    DeniedBy.PRIORITY_CLASS: "make that PriorityClass, or name another one in placement.priorityClassName, "
    "or as priorityClassName in --probe-defaults of the operator",
    DeniedBy.RUNTIME_CLASS: "make that RuntimeClass, or name another one as runtimeClassName in "
    "--probe-defaults of the operator",
    DeniedBy.SERVICE_ACCOUNT: "the namespace has to have its ServiceAccount default",
}
_NO_WEBHOOK = "that webhook has to answer, or to have failurePolicy Ignore"
_NO_RIGHT = "the operator's account lacks that right: its Role or ClusterRole (of the chart) has to grant it"


_POD_AGAIN = "Kubernetes tries again by itself, after pauses that grow to a quarter of an hour"
_AGAIN = "the operator tries again by itself, after pauses that grow to five minutes"
MAX_SAID = 600
"""Characters of what others say, so that there is room for what helps."""


def with_hint(said: str) -> str:
    """What Kubernetes said of a container that waits or has ended, and what helps where that is known."""
    reason, _, _ = said.replace(",", ":").partition(":")
    return _joined(said, _OF_REASON.get(reason))


def no_pod(said: str) -> str:
    """What a controller was told when it was to make a pod, and what helps where that is known."""
    hint = _of_refusal(said)
    return _joined(said, hint, None if hint is None else _POD_AGAIN)


def no_job(said: str) -> str:
    """The same where it was to make a round's Job, which it tries until the next round is due."""
    return _joined(said, _of_refusal(said))


def refused_by_api(error: ApiError) -> str:
    """What the API said to an object that the operator applies, and what helps where that is known."""
    return _joined(f"the API refuses: {error}", _of_refusal(error.message), _AGAIN)


def _joined(said: str, *more: str | None) -> str:
    return "; ".join([printable(said, MAX_SAID), *(each for each in more if each is not None)])


def _of_refusal(message: str) -> str | None:
    if (refused := denial(message)) is not None:
        return _OF_DENIAL[refused.by]
    if webhook_without_answer(message) is not None:
        return _NO_WEBHOOK
    return _NO_RIGHT if is_right_missing(message) else None

"""Hints for a person: what helps against what keeps pods from running. Pure."""

from collections.abc import Mapping

_IMAGE = (
    "the node has to be able to pull the probe image (--probe-image of the operator, "
    "placement.imagePullSecrets); the kubelet tries again by itself"
)
_HINTS: Mapping[str, str] = {
    "ErrImagePull": _IMAGE,
    "ImagePullBackOff": _IMAGE,
    "InvalidImageName": _IMAGE,
    "ErrImageNeverPull": _IMAGE,
    "exceeded quota": "raise that ResourceQuota, or free some of it; Kubernetes tries again by itself, after "
    "pauses that grow to a quarter of an hour",
    "violates PodSecurity": "the namespace's Pod Security level has to allow it; placement.hostNetwork takes "
    "privileged",
}
"""Words of Kubernetes to what helps."""


def with_hint(said: str) -> str:
    """Add to what Kubernetes said what helps, where that is known."""
    hint = next((hint for sign, hint in _HINTS.items() if sign in said), None)
    return said if hint is None else f"{said}; {hint}"

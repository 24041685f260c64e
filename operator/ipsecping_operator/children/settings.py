"""What the operator's own configuration contributes to the objects it makes for a check."""

from dataclasses import dataclass

FIELD_MANAGER = "ipsecping-operator"
"""Who applies the children, in managedFields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSettings:
    """Settings of every probe pod."""

    probe_image: str
    image_pull_policy: str | None = None
    """None leaves the choice to the API server: Always for a tag `latest`, otherwise IfNotPresent."""

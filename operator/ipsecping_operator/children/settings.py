"""What the operator's own configuration contributes to the objects it makes for a check."""

from dataclasses import dataclass, field

from ipsecping_operator.api.probe_defaults import ProbeDefaults
from ipsecping_operator.tokens.keys import TokenKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSettings:
    """Settings of every probe pod."""

    probe_image: str
    image_pull_policy: str | None = None
    """None leaves the choice to the API server: Always for a tag `latest`, otherwise IfNotPresent."""
    defaults: ProbeDefaults = field(default_factory=ProbeDefaults)
    tokens: TokenKeys | None = None
    """None: whoever asks gets an agent's results, as when the children are only shown."""

"""The resource as a whole."""

from collections.abc import Mapping
from typing import Any, Literal

from .names import API_VERSION, KIND
from .rules import Model
from .spec import CheckSpec
from .status import CheckStatus


class IPsecTunnelCheck(Model):
    """Measures loss and round-trip time through an IPsec tunnel and says whether it is healthy."""

    api_version: Literal[API_VERSION]  # type: ignore[valid-type]
    """Version of the API."""
    kind: Literal[KIND]  # type: ignore[valid-type]
    """Kind of the resource."""
    metadata: Mapping[str, Any]
    """Standard object metadata."""
    spec: CheckSpec
    """What is measured, how often, from where, and what counts as healthy."""
    status: CheckStatus | None = None
    """What the operator reports; written by the operator alone."""

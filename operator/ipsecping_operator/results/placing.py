"""Put a round on the operator's clock, whatever the node's clock says. Pure."""


def from_agent(started_at: int, duration: int, *, offset: int, now: int) -> int:
    """Start of a round that an agent stamped; `offset` is the operator's clock minus the agent's.

    What would still end in the future ended now.
    """
    return min(started_at + offset, now - duration)


def from_pod(started_at: int, duration: int, *, pod_created: int, now: int) -> int:
    """Start of a round in a finished pod: not before the API server saw the pod, not ending after now."""
    return min(max(started_at, pod_created), now - duration)

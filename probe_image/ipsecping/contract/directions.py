"""What is said of the directions of losses that are not all known. Pure."""


def at_least(forward: int, reverse: int, *, lost: int) -> str | None:
    """Say how many of so many lost packets each direction lost at the least; None: nothing is known."""
    ways = ((forward, "there"), (reverse, "back"))
    parts = [f"{count} of {lost} on the way {way}" for count, way in ways if count]
    return f"at least {' and '.join(parts)}" if parts else None


def neither(forward: int, reverse: int, *, lost: int) -> str:
    """Say how many of so many lost packets no direction lost; empty where there are none."""
    others = lost - forward - reverse
    return f"{others} in neither (not sent, or answered too late)" if others > 0 else ""

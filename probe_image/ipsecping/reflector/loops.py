"""Packets that two machines would go on answering for ever, one spoofed packet being enough to begin. Pure.

A packet that claims to come from another reflector, or from a service that answers anything, makes the two
answer each other. Three things end that, each for itself:

- Source ports: those that this reflector listens on, and those below 1024 (RFC 862 and RFC 864 are there).
- Content: the answer of a Session-Reflector is told from a request (`stamp.is_reflected`, `stamp.is_answer`).
- TTL: an answer has one less than its request had left on arrival, so each turn uses some of it up.
"""

from collections.abc import Collection

from .admission import Drop

RESERVED = 1024
"""Ports below belong to services (RFC 6335 section 6); senders take theirs from above."""

LEAST_TTL = 2
"""TTL or hop limit that a request must have left: its answer has one less, and 0 goes nowhere."""


class SourcePorts:
    """Which source ports are answered."""

    def __init__(self, *, own: Collection[int], permitted: Collection[int] = ()) -> None:
        """`own`: those listened on, perhaps more of them later; `permitted`: answered whatever they are."""
        self._own = own
        self._permitted = permitted

    def refuse(self, port: int) -> Drop | None:
        """Why a packet from that port is not answered, or None."""
        if port >= RESERVED and port not in self._own:
            return None
        if port in self._permitted:
            return None
        return Drop.LOOP if port in self._own else Drop.RESERVED_PORT

"""What a planned probe asks for of the sockets that send its packets."""

from ..contract import PlannedProbe
from ..net.sender import Sender


def sender_of(probe: PlannedProbe) -> Sender:
    """The probe's source address or interface, source port, TTL and code point."""
    return Sender(dscp=probe.dscp, ttl=probe.ttl, source=probe.source, port=probe.source_port or 0)

"""ICMP echo and UDP echo."""

from ipsecping.contract import ProbeType

from ..scalars import Port
from .base import Method
from .refused import REFUSED_ANSWERS


class Icmp(Method):
    """ICMP or ICMPv6 echo request (RFC 792, RFC 4443)."""

    kind = ProbeType.ICMP
    summary = "Measure by ICMP echo."
    status_fields = (REFUSED_ANSWERS,)


class UdpEcho(Method):
    """UDP datagrams that any plain echo responder (RFC 862) sends back."""

    port: Port
    """UDP port of the echo responder."""

    kind = ProbeType.UDP_ECHO
    summary = "Measure by a UDP echo responder."
    status_fields = (REFUSED_ANSWERS,)

"""Names shared by plans and results."""

from dataclasses import dataclass
from enum import StrEnum

from .fields import ContractError

__all__ = ["MIN_PAYLOAD", "CheckRef", "ContractError", "LossReason", "ProbeType"]


class ProbeType(StrEnum):
    """The measuring method of a probe, spelled as in status and metric labels."""

    ICMP = "ICMP"
    UDP_ECHO = "UDPEcho"
    STAMP = "STAMP"


MIN_PAYLOAD = {ProbeType.ICMP: 16, ProbeType.UDP_ECHO: 16, ProbeType.STAMP: 44}
"""Least octets of payload: what a probe of the type has to carry to recognise its answers."""


class LossReason(StrEnum):
    """Why a packet counts as lost. All of these are the path's or the far end's fault, never the prober's."""

    TIMEOUT = "Timeout"
    """No answer within the probe's timeout."""
    REFUSED = "Refused"
    """ICMP port unreachable: the host answers, nothing listens on the port."""
    UNREACHABLE = "Unreachable"
    """No route here (ENETUNREACH, EHOSTUNREACH), or ICMP net/host/protocol unreachable or time exceeded."""
    PROHIBITED = "Prohibited"
    """A local policy refused the packet (EPERM, EACCES), or ICMP administratively prohibited."""
    MESSAGE_TOO_BIG = "MessageTooBig"
    """EMSGSIZE here, or ICMP fragmentation needed."""
    RESOLVE_FAILED = "ResolveFailed"
    """The target's name has no address; every packet of the round counts as sent and lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRef:
    """Which check, which path of it, and which version of its plan a result was measured for."""

    uid: str
    namespace: str
    name: str
    generation: int
    nonce: str
    path: str

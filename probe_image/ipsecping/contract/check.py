"""Names shared by plans and results."""

from dataclasses import dataclass
from enum import StrEnum

from .fields import ContractError

__all__ = ["MIN_PAYLOAD", "PORTLESS", "CheckRef", "ContractError", "Expect", "LossReason", "ProbeType"]


class ProbeType(StrEnum):
    """The measuring method of a probe, spelled as in status and metric labels."""

    ICMP = "ICMP"
    UDP_ECHO = "UDPEcho"
    STAMP = "STAMP"
    TCP = "TCP"
    HTTP = "HTTP"
    DNS = "DNS"
    PATH_MTU = "PathMTU"
    IKE = "IKE"


PORTLESS = frozenset({ProbeType.ICMP, ProbeType.HTTP, ProbeType.IKE})
"""Types without a port of their own: none at all, named by the URL, or fixed by the protocol."""

MIN_PAYLOAD = {ProbeType.ICMP: 16, ProbeType.UDP_ECHO: 16, ProbeType.STAMP: 44}
"""Least octets of payload: what a probe of the type has to carry to recognise its answers. Types that are
not named here have no payload of a size to choose; their plans say 0."""


class Expect(StrEnum):
    """What is wanted of the traffic that a probe sends."""

    REACHABLE = "Reachable"
    BLOCKED = "Blocked"
    """It must not get through: any sign that the far end got a packet is a failure (see `reached`)."""


class LossReason(StrEnum):
    """Why a packet counts as lost. All of these are the path's or the far end's fault, never the prober's."""

    TIMEOUT = "Timeout"
    """No answer within the probe's timeout."""
    REFUSED = "Refused"
    """ICMP port unreachable by the target itself, or a TCP reset: the host answers, nothing listens."""
    UNREACHABLE = "Unreachable"
    """No route here (ENETUNREACH, EHOSTUNREACH), or ICMP net/host/protocol unreachable or time exceeded."""
    PROHIBITED = "Prohibited"
    """A policy refused the packet: here (EPERM, EACCES), or on the way (ICMP administratively prohibited, and
    ICMP port unreachable by any other than the target: that is how many firewalls say it)."""
    MESSAGE_TOO_BIG = "MessageTooBig"
    """EMSGSIZE here, or ICMP fragmentation needed."""
    AUTH_FAILED = "AuthFailed"
    """An answer came whose authentication (HMAC) is wrong."""
    TLS_FAILED = "TLSFailed"
    """The connection stands, but not the TLS handshake or the trust in the certificate."""
    UNEXPECTED_STATUS = "UnexpectedStatus"
    """An answer with another status than asked for (HTTP status code, DNS response code)."""
    BAD_ANSWER = "BadAnswer"
    """The far end answered, but not in the protocol that was spoken to it, or broke off."""

    @property
    def reached(self) -> bool:
        """Whether the far end is known to have got the packet: not blocked, though not answered well."""
        return self in _REACHED


_REACHED = frozenset(
    {
        LossReason.REFUSED,
        LossReason.AUTH_FAILED,
        LossReason.TLS_FAILED,
        LossReason.UNEXPECTED_STATUS,
        LossReason.BAD_ANSWER,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRef:
    """Which check, which path of it, and which version of its plan a result was measured for."""

    uid: str
    namespace: str
    name: str
    generation: int
    nonce: str
    path: str

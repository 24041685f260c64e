"""Names shared by plans and results."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Self

from .fields import ContractError

__all__ = [
    "LOSS_REASONS",
    "Addresses",
    "CheckRef",
    "ContractError",
    "Expect",
    "Family",
    "LossReason",
    "ProbeType",
]


class ProbeType(str):
    """The name of a measuring method, spelled as in status and metric labels.

    What a type is, is declared in `methods`; a type declared there needs no constant here. A string and no
    enumeration: the set of types is open, and the hash of a string costs nothing.
    """

    __slots__ = ()

    ICMP: ClassVar["ProbeType"]
    UDP_ECHO: ClassVar["ProbeType"]
    STAMP: ClassVar["ProbeType"]
    TCP: ClassVar["ProbeType"]
    HTTP: ClassVar["ProbeType"]
    DNS: ClassVar["ProbeType"]
    PATH_MTU: ClassVar["ProbeType"]
    IKE: ClassVar["ProbeType"]
    AUDIT: ClassVar["ProbeType"]


ProbeType.ICMP = ProbeType("ICMP")
ProbeType.UDP_ECHO = ProbeType("UDPEcho")
ProbeType.STAMP = ProbeType("STAMP")
ProbeType.TCP = ProbeType("TCP")
ProbeType.HTTP = ProbeType("HTTP")
ProbeType.DNS = ProbeType("DNS")
ProbeType.PATH_MTU = ProbeType("PathMTU")
ProbeType.IKE = ProbeType("IKE")
ProbeType.AUDIT = ProbeType("Audit")


class Family(StrEnum):
    """Which addresses of a name are used."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"


class Addresses(StrEnum):
    """How many of a name's addresses are measured."""

    FIRST = "First"
    """One: that of the rounds before while the name has it, else the one that the resolver puts first."""
    ALL = "All"
    """Each of them by itself: one result for each in every round."""


class Expect(StrEnum):
    """What is wanted of the traffic that a probe sends."""

    REACHABLE = "Reachable"
    BLOCKED = "Blocked"
    """It must not get through: any sign that the target got a packet is a failure (see `reached`)."""


class LossReason(str):
    """Why a packet counts as lost. All of these are the path's or the target's fault, never the prober's.

    A string of its own kind: a probe type may declare further reasons (`MethodSpec.reasons`).
    """

    __slots__ = ("meaning", "misanswered", "reached")

    meaning: str
    """In a few words, for a message to a person."""
    reached: bool
    """Whether the target is known to have got the packet: not blocked, though not answered well."""
    misanswered: bool
    """Whether the target answered, but not as asked for: the path carried the packet both ways."""

    TIMEOUT: ClassVar["LossReason"]
    """No answer within the probe's timeout."""
    REFUSED: ClassVar["LossReason"]
    """ICMP port unreachable by the target itself, or a TCP reset: the host answers, nothing listens."""
    UNREACHABLE: ClassVar["LossReason"]
    """No route here (ENETUNREACH, EHOSTUNREACH, EINVAL) or no security association (EREMOTE, ESRCH), or ICMP
    net, host or protocol unreachable or time exceeded."""
    PROHIBITED: ClassVar["LossReason"]
    """A policy refused the packet: here (EPERM, EACCES), or on the way (ICMP administratively prohibited, and
    ICMP port unreachable by any other than the target: that is how many firewalls say it)."""
    MESSAGE_TOO_BIG: ClassVar["LossReason"]
    """EMSGSIZE here, or ICMP fragmentation needed."""
    AUTH_FAILED: ClassVar["LossReason"]
    """An answer came whose authentication (HMAC) is wrong."""
    TLS_FAILED: ClassVar["LossReason"]
    """The connection stands, but not the TLS handshake or the trust in the certificate."""
    UNEXPECTED_STATUS: ClassVar["LossReason"]
    """An answer with another status than asked for (HTTP status code, DNS response code)."""
    BAD_ANSWER: ClassVar["LossReason"]
    """The target answered, but not in the protocol that was spoken to it, or broke off."""

    def __new__(cls, name: str, meaning: str, *, reached: bool = False, misanswered: bool = False) -> Self:
        """A reason of this name; one that is `misanswered` is `reached` as well."""
        reason = super().__new__(cls, name)
        reason.meaning = meaning
        reason.reached = reached or misanswered
        reason.misanswered = misanswered
        return reason


LossReason.TIMEOUT = LossReason("Timeout", "no answer in time")
LossReason.REFUSED = LossReason(
    "Refused", "port unreachable: the host answers, nothing listens", reached=True
)
LossReason.UNREACHABLE = LossReason("Unreachable", "unreachable")
LossReason.PROHIBITED = LossReason("Prohibited", "administratively prohibited")
LossReason.MESSAGE_TOO_BIG = LossReason("MessageTooBig", "packet too big for the path")
LossReason.AUTH_FAILED = LossReason(
    "AuthFailed", "answers fail authentication: the keys of both sides differ", misanswered=True
)
LossReason.TLS_FAILED = LossReason(
    "TLSFailed", "the TLS handshake or the certificate's verification failed", misanswered=True
)
LossReason.UNEXPECTED_STATUS = LossReason(
    "UnexpectedStatus", "answered with an unexpected status", misanswered=True
)
LossReason.BAD_ANSWER = LossReason(
    "BadAnswer", "what answers does not speak the probe's protocol", misanswered=True
)

LOSS_REASONS = {
    str(reason): reason
    for reason in (
        LossReason.TIMEOUT,
        LossReason.REFUSED,
        LossReason.UNREACHABLE,
        LossReason.PROHIBITED,
        LossReason.MESSAGE_TOO_BIG,
        LossReason.AUTH_FAILED,
        LossReason.TLS_FAILED,
        LossReason.UNEXPECTED_STATUS,
        LossReason.BAD_ANSWER,
    )
}
"""Those that packets of any type may be lost for, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRef:
    """Which check, which path of it, and which version of its plan a result was measured for."""

    uid: str
    namespace: str
    name: str
    generation: int
    nonce: str
    path: str

"""Who refused packets, and why: of a batch, or of rounds before the diagnosis."""

from dataclasses import dataclass
from enum import StrEnum

from ..contract import ProbeType


class ErrorKind(StrEnum):
    """Why a packet was refused: by an ICMP error, a TCP reset, or this host itself (sender absent)."""

    NOT_PERMITTED = "NotPermitted"
    """EPERM or EACCES on send: a local policy."""
    NO_ROUTE = "NoRoute"
    """ENETUNREACH, EINVAL (a blackhole route), EREMOTE or ESRCH (an IPsec policy without a security
    association) on send, without an ICMP error."""
    NET_UNREACHABLE = "NetUnreachable"
    HOST_UNREACHABLE = "HostUnreachable"
    PORT_UNREACHABLE = "PortUnreachable"
    PROTOCOL_UNREACHABLE = "ProtocolUnreachable"
    PROHIBITED = "Prohibited"
    """Communication administratively prohibited (RFC 1812 section 5.2.7.1, RFC 4443 section 3.1)."""
    TOO_BIG = "TooBig"
    TIME_EXCEEDED = "TimeExceeded"
    RESET = "Reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class PathError:
    """Packets of a batch that one sender refused for one reason."""

    kind: ErrorKind
    sender: str | None
    """The address that says so; None: this host."""
    count: int
    code: tuple[int, int] | None = None
    """ICMP type and code."""
    cut_short: bool = False
    """The error quotes so little of our packet, the ports at least, that who made it need not have seen one:
    RFC 792 asks for 8 bytes behind the IP header, RFC 1812 section 4.3.2.3 for as many as fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastError(PathError):
    """Packets of the rounds of one method that one sender refused, since nothing has been answered there."""

    type: ProbeType
    until: int
    """When the newest of these rounds began."""
    delay: int | None = None
    """The longest from sending a packet until its error came."""

"""What an error of the network means for the packet it is about.

The path's errors are losses with a reason; None means that this host is at fault (ENOBUFS, ENOMEM,
...), which makes the round invalid instead. Whatever other calls refuse is this host's, see `host_calls`.
"""

import errno
import socket

from ..addresses import parse_address
from ..contract import LossReason
from ..contract.refused_packets import IcmpError
from .host_calls import HostRefused
from .message_batch import SocketAddress
from .timestamping import ExtendedError


class NotSent(Exception):
    """A packet did not leave. `reason` is the path's; None when this host is at fault."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        self.reason: LossReason | None = reason_of(error)


class PingForbidden(Exception):
    """This process may open neither ping nor raw sockets; the message says what allows it."""

    def __init__(self) -> None:
        super().__init__(
            "ICMP needs a ping socket, which this group may not open, or a raw one, for which CAP_NET_RAW is "
            "missing: allow ping sockets with sysctl -w net.ipv4.ping_group_range='0 2147483647' "
            "(in a pod: securityContext.sysctls; it is a safe sysctl)"
        )


# Of send(2), recv(2) and connect(2): no route, a policy, or an ICMP error (`icmp_err_convert` and
# `icmpv6_err_convert` in the kernel). EADDRNOTAVAIL is not among them: it says that this host has no
# address or no port left to send from. EINVAL is how a blackhole route refuses (`fib_props` and
# `ip6_pkt_discard` in the kernel): many a gateway has one behind the tunnel's, for when that is down. EREMOTE
# and ESRCH are an IPsec policy's for which there is no security association (net/xfrm).
_BY_ERRNO = {
    errno.ECONNREFUSED: LossReason.REFUSED,
    errno.ENETUNREACH: LossReason.UNREACHABLE,
    errno.EHOSTUNREACH: LossReason.UNREACHABLE,
    errno.ENETDOWN: LossReason.UNREACHABLE,
    errno.EINVAL: LossReason.UNREACHABLE,
    errno.EREMOTE: LossReason.UNREACHABLE,
    errno.ESRCH: LossReason.UNREACHABLE,
    errno.EHOSTDOWN: LossReason.UNREACHABLE,
    errno.ENONET: LossReason.UNREACHABLE,
    errno.ENOPROTOOPT: LossReason.UNREACHABLE,
    errno.EPROTO: LossReason.UNREACHABLE,
    errno.EOPNOTSUPP: LossReason.UNREACHABLE,
    errno.EPERM: LossReason.PROHIBITED,
    errno.EACCES: LossReason.PROHIBITED,
    errno.EMSGSIZE: LossReason.MESSAGE_TOO_BIG,
}

_LOCAL, _ICMP, _ICMPV6 = 1, 2, 3

# Destination unreachable by code: RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1.
_ICMP_UNREACHABLE = {
    3: LossReason.REFUSED,
    4: LossReason.MESSAGE_TOO_BIG,
    9: LossReason.PROHIBITED,
    10: LossReason.PROHIBITED,
    13: LossReason.PROHIBITED,
}
# RFC 4443 section 3.1.
_ICMPV6_UNREACHABLE = {
    1: LossReason.PROHIBITED,
    4: LossReason.REFUSED,
    5: LossReason.PROHIBITED,
    6: LossReason.PROHIBITED,
}


def reason_of(error: OSError) -> LossReason | None:
    """Why the path refused a packet that could not be sent; None when this host is at fault."""
    return None if isinstance(error, HostRefused) else _reason_of_errno(error.errno)


def of_route(error: OSError, sock: socket.socket, target: SocketAddress) -> OSError:
    """Return the error of a send or connect; where the addresses are why and no route is, as HostRefused.

    EINVAL, as blackhole routes give it, is also the kernel's word for packets from a loopback address to
    another host (`__mkroute_output`), and for a link-local target without a zone.
    """
    if error.errno != errno.EINVAL:
        return error
    own, host = parse_address(str(sock.getsockname()[0])), parse_address(str(target[0]))
    unzoned = sock.family == socket.AF_INET6 and host.is_link_local and not target[-1]
    if not (unzoned or own.is_loopback):
        return error
    return HostRefused(f"to send to {host} {'without a zone' if unzoned else f'from {own}'}", error)


def _reason_of_errno(number: int | None) -> LossReason | None:
    return None if number is None else _BY_ERRNO.get(number)


def reason_of_extended_error(error: ExtendedError, target: bytes = b"") -> LossReason | None:
    """Why a packet to `target` was lost, from the error queue; None where no loss is reported (redirects).

    A port that is said to be unreachable by somebody else than the target (its address in 4 or 16 bytes) is
    a firewall's word: the packet need not have reached the host.
    """
    reason = _reason(error)
    if reason is LossReason.REFUSED and target and error.offender and error.offender != target:
        return LossReason.PROHIBITED
    return reason


def icmp_error_of(error: ExtendedError, *, at: int) -> IcmpError | None:
    """Return what came from the network, read at `at` (monotonic nanoseconds); None: this host says so."""
    version = {_ICMP: 4, _ICMPV6: 6}.get(error.origin)
    return None if version is None else IcmpError(version, error.type, error.code, error.offender, at)


def _reason(error: ExtendedError) -> LossReason | None:
    if error.origin == _LOCAL:
        return _reason_of_errno(error.errno)
    if error.origin == _ICMP:
        if error.type == 3:
            return _ICMP_UNREACHABLE.get(error.code, LossReason.UNREACHABLE)
        return LossReason.UNREACHABLE if error.type in (11, 12) else None
    if error.origin == _ICMPV6:
        if error.type == 1:
            return _ICMPV6_UNREACHABLE.get(error.code, LossReason.UNREACHABLE)
        if error.type == 2:
            return LossReason.MESSAGE_TOO_BIG
        return LossReason.UNREACHABLE if error.type in (3, 4) else None
    return None

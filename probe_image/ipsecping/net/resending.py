"""Sending again where an ICMP error about an earlier packet has failed the send of this one."""

import errno
import socket
from collections.abc import Callable
from contextlib import ExitStack

from .errors import NotSent
from .message_batch import SocketAddress
from .misaddressed import misaddressed
from .timestamping import errors_unheard

MAX_SENDS, MOST_SENDS = 16, 256
"""So often a packet is sent again, until the error is taken for its own; more often while the kernel has a
way to its target, so that the errors are those of others, which are not heard any more then."""
_HOPELESS = {
    errno.ENOBUFS, errno.ENOMEM, errno.EMSGSIZE, errno.EINVAL, errno.EREMOTE, errno.ESRCH,
}  # fmt: skip
_OF_OTHERS = {
    errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ENONET,
    errno.ENOPROTOOPT, errno.EPROTO, errno.EOPNOTSUPP, errno.EACCES,
}  # fmt: skip
"""What ICMP errors come to (icmp_err_convert)."""


def send_again(
    sock: socket.socket, data: bytes, target: SocketAddress, first: OSError, failed: Callable[[], object]
) -> None:
    """Try it again after the `first` error; `failed` is called after each failure, the first too.

    Raises NotSent. Under a flood of ICMP errors, those about packets of somebody else fail one send after
    the other.
    """
    error = first
    failed()
    with ExitStack() as unheard:
        for attempt in range(MOST_SENDS):
            if error.errno in _HOPELESS:
                break
            if attempt >= MAX_SENDS and error.errno not in _OF_OTHERS:
                break
            if attempt == MAX_SENDS:
                if not has_way(sock, target):
                    break
                unheard.enter_context(errors_unheard(sock))
            try:
                sock.sendto(data, target)
            except OSError as another:
                error = another
                failed()
            else:
                return
    raise NotSent(misaddressed(error, sock, target)) from error


def has_way(sock: socket.socket, target: SocketAddress) -> bool:
    """Whether the kernel itself would send there from the socket's address; nothing is sent to find out."""
    with socket.socket(sock.family, socket.SOCK_DGRAM) as own:
        try:
            own.bind((sock.getsockname()[0], 0))
            own.connect(target)
        except OSError:
            return False
    return True

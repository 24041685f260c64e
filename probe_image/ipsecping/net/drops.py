"""Has a socket's receive queue overflowed?

The kernel's drop counter of a UDP socket also counts packets with a wrong checksum, which are the path's
fault. Only when the network namespace's counter of full receive buffers has risen as well was it ours.
"""

import socket
from collections.abc import Callable
from pathlib import Path

from .receive_queue import queue_drops

_SNMP, _SNMP6 = Path("/proc/net/snmp"), Path("/proc/net/snmp6")


def receive_buffer_errors(snmp: str, snmp6: str) -> int:
    """UDP packets dropped for want of receive buffer, from the text of /proc/net/snmp and snmp6."""
    total = 0
    udp = [line.split() for line in snmp.splitlines() if line.startswith("Udp:")]
    if len(udp) == 2 and "RcvbufErrors" in udp[0]:
        total += int(udp[1][udp[0].index("RcvbufErrors")])
    for line in snmp6.splitlines():
        name, _, value = line.partition(" ")
        if name == "Udp6RcvbufErrors":
            total += int(value)
    return total


def read_receive_buffer_errors() -> int:
    """As `receive_buffer_errors`, of this network namespace."""
    return receive_buffer_errors(_read(_SNMP), _read(_SNMP6))


class DropWatch:
    """Tells for one socket whether its receive queue has overflowed since it was last asked."""

    def __init__(
        self,
        sock: socket.socket,
        *,
        confirm: Callable[[], int] | None = read_receive_buffer_errors,
    ) -> None:
        """`confirm` reads the namespace's count of full buffers; None: the socket's own suffices."""
        self._sock = sock
        self._confirm = confirm
        self._seen = self._drops()
        self._confirmed = confirm() if confirm else 0

    def overflowed(self) -> bool:
        """Whether packets were dropped since the previous call for want of room."""
        drops = self._drops()
        if drops == self._seen:
            return False
        self._seen = drops
        if self._confirm is None:
            return True
        before, self._confirmed = self._confirmed, self._confirm()
        return self._confirmed != before

    def _drops(self) -> int:
        try:
            return queue_drops(self._sock)
        except OSError:
            return 0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""

"""From exec to the first probe packet, as a packet socket on loopback sees it."""

import socket
import statistics
import struct
import time
from collections.abc import Sequence
from pathlib import Path

from .contestants import Stuck, started

_ETH_P_ALL = 3
_SO_TIMESTAMPNS = 35
_ECHO_REQUEST = 8
PATIENCE = 20.0


def milliseconds(command: Sequence[str], folder: Path, *, times: int) -> float:
    """The median of several starts. Raises Stuck when no packet comes."""
    return statistics.median(_once(command, folder / "log") for _ in range(times))


def _once(command: Sequence[str], log: Path) -> float:
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL)) as sniffer:
        sniffer.bind(("lo", _ETH_P_ALL))
        sniffer.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        sniffer.settimeout(PATIENCE)
        began = time.time_ns()
        with started(command, log):
            while True:
                try:
                    data, ancillary, _, _ = sniffer.recvmsg(2048, 64)
                except TimeoutError:
                    raise Stuck(f"{command[0]} sends nothing: {log.read_text()[-500:]}") from None
                if _is_echo_request(data):
                    seconds, nanoseconds = struct.unpack_from("=qq", ancillary[0][2])
                    arrived: int = seconds * 1_000_000_000 + nanoseconds
                    return (arrived - began) / 1e6


def _is_echo_request(packet: bytes) -> bool:
    """An IPv4 packet with ICMP, type echo request."""
    header = (packet[0] & 0x0F) * 4
    return len(packet) > header and packet[9] == socket.IPPROTO_ICMP and packet[header] == _ECHO_REQUEST

"""Waits until the kernel stamps what arrives.

Where no other socket asks for receive timestamps, the kernel begins to stamp a moment after the first one
asks (net_enable_timestamp in net/core/dev.c leaves it to a work queue): the first answer would have none.
"""

import socket
import time
from contextlib import suppress

from . import timestamping

LIMIT = 50_000_000
"""Nanoseconds; as a rule it takes well below a millisecond."""


def await_timestamps() -> bool:
    """Whether packets that arrive are stamped now; found out over loopback. Blocks for at most `LIMIT`."""
    end = time.monotonic_ns() + LIMIT
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(LIMIT / 1e9)
        if not timestamping.enable_timestamps(sock, timestamping.RECEIVE_ONLY):
            return False
        sock.bind(("127.0.0.1", 0))
        while time.monotonic_ns() < end:
            sock.sendto(b"", sock.getsockname())
            _, items, _, _ = sock.recvmsg(1, timestamping.ANCILLARY_SIZE)
            if timestamping.parse_ancillary(items).timestamp is not None:
                return True
            time.sleep(0.0001)
    return False

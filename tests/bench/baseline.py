"""The least that Python can do: one ping socket, kernel timestamps for sending and receiving, no event loop.

    python -m tests.bench.baseline TARGETS SECONDS

Sends one echo request a second to each of 127.0.0.0/8's first TARGETS addresses; prints what came back.
"""

import json
import select
import socket
import struct
import sys
import time

from ipsecping.net import timestamping

from .targets import address

_HEADER = struct.Struct("!BBHHH")


def main() -> None:
    """Send, receive, count."""
    targets, seconds = int(sys.argv[1]), float(sys.argv[2])
    requests = [(_HEADER.pack(8, 0, 0, 0, 1) + bytes(56), (address(number), 0)) for number in range(targets)]
    sent = received = stamped = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        timestamping.enable_timestamps(sock, timestamping.SEND_AND_RECEIVE)
        begin, total = time.monotonic(), int(targets * seconds)
        while sent < total or time.monotonic() < begin + seconds + 1:
            now = time.monotonic()
            while sent < total and begin + sent / targets <= now:
                sock.sendto(*requests[sent % targets])
                sent += 1
            for flags in (timestamping.MSG_ERRQUEUE, 0):
                while True:
                    try:
                        _, items, _, _ = sock.recvmsg(2048, timestamping.ANCILLARY_SIZE, flags)
                    except BlockingIOError:
                        break
                    stamped += timestamping.parse_ancillary(items).timestamp is not None
                    received += flags == 0
            pause = min(max(begin + sent / targets - time.monotonic(), 0), 0.01) if sent < total else 0.01
            select.select([sock], [], [], pause)
    print(json.dumps({"sent": sent, "received": received, "stamped": stamped}))


if __name__ == "__main__":
    main()

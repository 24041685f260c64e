"""The least that Python can do: one ping socket, kernel timestamps for sending and receiving, no event loop.

    python -m tests.bench.baseline TARGETS SECONDS [EVERY_MS]

Sends one echo request a second to each of 127.0.0.0/8's first TARGETS addresses; prints what came back, and
the CPU time of a round trip. With EVERY_MS it wakes at that interval, sends what is due and reads in batches,
as the prober does; without, it wakes for each packet.
"""

import json
import select
import socket
import struct
import sys
import time

from ipsecping.net import timestamping
from ipsecping.net.message_batch import MessageBatch

from .targets import address

_HEADER = struct.Struct("!BBHHH")


def main() -> None:
    """Send, receive, count."""
    targets, seconds = int(sys.argv[1]), float(sys.argv[2])
    every = float(sys.argv[3]) / 1000 if len(sys.argv) > 3 else None
    requests = [(_HEADER.pack(8, 0, 0, 0, 1) + bytes(56), (address(number), 0)) for number in range(targets)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        timestamping.enable_timestamps(sock, timestamping.SEND_AND_RECEIVE)
        read = one_by_one if every is None else Batches().read
        sent = received = stamped = 0
        begin, total = time.monotonic(), int(targets * seconds)
        while sent < total or time.monotonic() < begin + seconds + 1:
            now = time.monotonic()
            while sent < total and begin + sent / targets <= now:
                sock.sendto(*requests[sent % targets])
                sent += 1
            answers, stamps = read(sock)
            received, stamped = received + answers, stamped + stamps
            if every is not None:
                time.sleep(every - (time.monotonic() - begin) % every)
            else:
                pause = min(max(begin + sent / targets - time.monotonic(), 0), 0.01) if sent < total else 0.01
                select.select([sock], [], [], pause)
    cost = time.process_time() / max(received, 1) * 1e6
    print(json.dumps({"sent": sent, "received": received, "stamped": stamped, "cpu_us": round(cost, 1)}))


def one_by_one(sock: socket.socket) -> tuple[int, int]:
    """All that has come: answers, and timestamps of answers and of packets sent."""
    received = stamped = 0
    for flags in (timestamping.MSG_ERRQUEUE, 0):
        while True:
            try:
                _, items, _, _ = sock.recvmsg(2048, timestamping.ANCILLARY_SIZE, flags)
            except BlockingIOError:
                break
            stamped += timestamping.parse_ancillary(items).timestamp is not None
            received += flags == 0
    return received, stamped


class Batches:
    """The same, many at a time."""

    def __init__(self) -> None:
        self._batch = MessageBatch()

    def read(self, sock: socket.socket) -> tuple[int, int]:
        """See `one_by_one`."""
        received = stamped = 0
        while some := self._batch.arrivals(sock):
            received += len(some)
            stamped += sum(stamp is not None for _, _, stamp in some)
        while departures := self._batch.error_queue(sock)[0]:
            stamped += len(departures)
        return received, stamped


if __name__ == "__main__":
    main()

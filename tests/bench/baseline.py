"""The least that Python can do: one socket, kernel timestamps for sending and receiving, no event loop.

Sends one echo request a second to each of 127.0.0.0/8's first TARGETS addresses; prints what came back, and
the CPU time of a round trip. With EVERY_MS it wakes at that interval, sends what is due and reads in batches,
as the prober does; without, it wakes for each packet. With --stamp it sends STAMP packets to a reflector.
"""

import argparse
import json
import select
import socket
import struct
import time

from ipsecping.net import timestamping
from ipsecping.net.message_batch import MessageBatch
from ipsecping.wire import stamp
from ipsecping.wire.ntp import UNSYNCHRONIZED

from .targets import address

_HEADER = struct.Struct("!BBHHH")
_SIZE = 64


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: python -m tests.bench.baseline 10000 8 10",
    )
    parser.add_argument("targets", type=int, help="addresses probed")
    parser.add_argument("seconds", type=float, help="how long")
    parser.add_argument("every", type=float, nargs="?", metavar="EVERY_MS", help="between two wake-ups, ms")
    parser.add_argument("--stamp", type=int, metavar="PORT", help="of a reflector on all these addresses")
    return parser.parse_args()


def main() -> None:
    """Send, receive, count."""
    asked = arguments()
    targets, seconds = asked.targets, asked.seconds
    every = None if asked.every is None else asked.every / 1000
    if asked.stamp is None:
        packet, port, protocol = _HEADER.pack(8, 0, 0, 0, 1) + bytes(_SIZE - 8), 0, socket.IPPROTO_ICMP
    else:
        packet, port, protocol = stamp.pack_request(0, 0, UNSYNCHRONIZED, 1, _SIZE), asked.stamp, 0
    requests = [(packet, (address(number), port)) for number in range(targets)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, protocol) as sock:
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

"""A STAMP reflector behind a peer that learns late of a new NAT mapping: it answers to the port of before.

So do IKE peers (RFC 3948, RFC 7296 section 2.23): they send to the port that the other side's last packet
came from. Prints the source port of each packet. Usage: late_peer.py ADDRESS PORT
"""

import socket
import sys
from collections import Counter

from ipsecping.wire import stamp
from ipsecping.wire.ntp import ntp_from_unix


def main() -> None:
    """Answer for ever."""
    known: tuple[str, int] | None = None
    counted = Counter[int]()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((sys.argv[1], int(sys.argv[2])))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            data, source = sock.recvfrom(2048)
            sys.stdout.write(f"{source[1]}\n")
            sys.stdout.flush()
            sent = stamp.parse_sender(data)
            if sent is None:
                continue
            now = ntp_from_unix(10**18)
            number, echoed = counted[sent.ssid], (sent.sequence, sent.timestamp, sent.error_estimate)
            counted[sent.ssid] += 1
            reply = stamp.ReflectorPacket(number, now, 1, now, *echoed, 64, sent.ssid)
            sock.sendto(bytes(stamp.pack_reflector(reply, data)), known or source)
            known = source


if __name__ == "__main__":
    main()

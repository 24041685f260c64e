"""STAMP (RFC 8762) spoken by scapy's contrib.stamp over a plain UDP socket: a reflector and a sender.

    python -m tests.peers.scapy_stamp reflect [--stateless] ADDRESS PORT
    python -m tests.peers.scapy_stamp send ADDRESS PORT COUNT

The sender prints one JSON object for each answer: what scapy reads in it.
"""

import argparse
import json
import os
import socket
import time
from collections import Counter

os.environ["XDG_CACHE_HOME"] = os.environ["XDG_CONFIG_HOME"] = "/nonexistent"  # scapy need not write any

from scapy.contrib.stamp import (
    ErrorEstimate,
    STAMPSessionReflectorTestUnauthenticated,
    STAMPSessionSenderTestUnauthenticated,
)

SECONDS_1900_TO_1970 = 2_208_988_800
BASE_SIZE = 44
TIMEOUT = 5.0


def ntp_now() -> float:
    """As scapy's timestamp fields take it: seconds since 1900."""
    return time.time() + SECONDS_1900_TO_1970


def reflect(address: str, port: int, *, stateless: bool) -> None:
    """Answer every packet, for ever."""
    replies: Counter[tuple[str, int]] = Counter()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((address, port))
        while True:
            data, peer = sock.recvfrom(65_535)
            received = ntp_now()
            request = STAMPSessionSenderTestUnauthenticated(data[:BASE_SIZE])  # what follows is padding
            answer = STAMPSessionReflectorTestUnauthenticated(
                seq=request.seq if stateless else replies[peer],
                ts=ntp_now(),
                err_estimate=ErrorEstimate(S=0, Z=0, scale=32, multiplier=1),
                ssid=request.ssid,
                ts_rx=received,
                seq_sender=request.seq,
                err_estimate_sender=request.err_estimate,
                ttl_sender=64,
                tlv_objects=[],
            )
            answer.fields["ts_sender"] = request.fields["ts"]  # as it was: the attributes are rounded
            replies[peer] += 1
            sock.sendto(bytes(answer).ljust(len(data), b"\0"), peer)


def send(address: str, port: int, count: int) -> None:
    """Send packets one after the other and print what the answers say."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(TIMEOUT)
        sock.connect((address, port))
        for sequence in range(count):
            request = STAMPSessionSenderTestUnauthenticated(
                seq=sequence, ts=ntp_now(), err_estimate=ErrorEstimate(scale=20, multiplier=9), ssid=0
            )
            octets = bytes(request)
            sock.send(octets)
            data = sock.recv(65_535)
            answer = STAMPSessionReflectorTestUnauthenticated(data)
            print(
                json.dumps(
                    {
                        "sequence": answer.seq,
                        "sender_sequence": answer.seq_sender,
                        "octets_sent": len(octets),
                        "octets_received": len(data),
                        "sender_timestamp_kept": octets[4:12] == data[28:36],
                        "sender_error_estimate_kept": octets[12:14] == data[36:38],
                        "receive_before_transmit": answer.getfieldval("ts_rx") <= answer.getfieldval("ts"),
                        "transmit_age": ntp_now() - float(answer.ts),
                        "ttl": answer.ttl_sender,
                    }
                )
            )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("role", choices=("reflect", "send"))
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("count", type=int, nargs="?", default=1)
    parser.add_argument("--stateless", action="store_true")
    options = parser.parse_args()
    if options.role == "reflect":
        reflect(options.address, options.port, stateless=options.stateless)
    else:
        send(options.address, options.port, options.count)


if __name__ == "__main__":
    main()

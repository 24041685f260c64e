"""Packets that cost a reflector as much as they can: `python -m tests.api.hostile.noise PORT`.

From an address of its own that the reflector allows, `RATE` a second: four were once enough to silence it.
"""

import argparse
import os
import socket
import time

SOURCE = "127.99.0.1"
RATE = 200
_HEAD = os.urandom(4) + bytes(40)
PACKETS = (
    _HEAD + b"\x80\x02\xff\xf0" + b"\x80\x01\0\0" * 14_000,  # empty Location sub-TLVs
    _HEAD + b"\x80\x02\0\0" * 15_000,  # empty TLVs
    _HEAD + bytes(1_428),
    os.urandom(1_472),
    os.urandom(7),
    b"",
)


def main() -> None:
    """Send until ended."""
    parser = argparse.ArgumentParser(prog="python -m tests.api.hostile.noise", description=__doc__)
    parser.add_argument("port", type=int)
    told = parser.parse_args()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((SOURCE, 0))
        while True:
            for packet in PACKETS:
                sender.sendto(packet, ("127.0.0.1", told.port))
                time.sleep(1 / RATE)


if __name__ == "__main__":
    main()

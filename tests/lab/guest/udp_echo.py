"""A plain UDP echo responder: sends every datagram back where it came from.

Usage: udp_echo.py ADDRESS PORT
"""

import contextlib
import socket
import sys

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    server.bind((sys.argv[1], int(sys.argv[2])))
    while True:
        data, sender = server.recvfrom(65535)
        with contextlib.suppress(OSError):  # an unreachable sender is its own problem
            server.sendto(data, sender)

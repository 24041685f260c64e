"""A plain UDP echo responder: sends every datagram back where it came from.

Usage: udp_echo.py PORT ADDRESS...
"""

import contextlib
import select
import socket
import sys


def listening(address):
    server = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    server.bind((address, int(sys.argv[1])))
    return server


servers = [listening(address) for address in sys.argv[2:]]
while True:
    for server in select.select(servers, [], [])[0]:
        data, sender = server.recvfrom(65535)
        with contextlib.suppress(OSError):  # an unreachable sender is its own problem
            server.sendto(data, sender)

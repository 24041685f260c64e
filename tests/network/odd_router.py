"""Says "time exceeded" in the place of the kernel of the namespace it runs in, as some routers do.

`short`: quotes 8 octets behind the IP header, as RFC 792 has it. `mpls`: quotes 128 octets, and an MPLS label
stack (RFC 4950). `forged`: a payload that is not ours, whatever came. Run with the interface that packets
come in by, and the seconds after which it answers. The kernel's own errors, which lack the mark 1, are to be
dropped.
"""

import socket
import struct
import sys
from threading import Timer

_ETH_IP = 0x0800
_SO_MARK = 36


def checksum(data: bytes) -> int:
    data += bytes(len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data)) % 0xFFFF
    return ~total & 0xFFFF


def error(packet: bytes, habit: str) -> bytes:
    """The ICMP message about an IP packet."""
    header = 4 * (packet[0] & 0xF)
    if habit == "mpls":
        entries = struct.pack("!II", 24001 << 12 | 1 << 9 | 1, 16 << 12 | 1 << 8 | 2)
        stack = struct.pack("!HBB", 4 + len(entries), 1, 1) + entries
        extension = struct.pack("!HH", 0x2000, checksum(b"\x20\0\0\0" + stack)) + stack
        body = struct.pack("!BBHBBH", 11, 0, 0, 0, 32, 0) + packet[:128].ljust(128, b"\0") + extension
    elif habit == "forged":
        body = struct.pack("!BBHI", 11, 0, 0, 0) + packet[: header + 8] + b"\xff" * 32
    else:
        body = struct.pack("!BBHI", 11, 0, 0, 0) + packet[: header + 8]
    return body[:2] + struct.pack("!H", checksum(body)) + body[4:]


def main(habit: str, device: str, seconds: str) -> None:
    """Until it is ended."""
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_IP)) as heard,
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as said,
    ):
        heard.bind((device, _ETH_IP))
        said.setsockopt(socket.SOL_SOCKET, _SO_MARK, 1)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            packet, (_, _, kind, _, _) = heard.recvfrom(65_535)
            if kind == socket.PACKET_HOST and packet[8] == 1 and packet[9] in (1, 6, 17):
                answer = error(packet, habit), (socket.inet_ntoa(packet[12:16]), 0)
                Timer(float(seconds), said.sendto, answer).start()


if __name__ == "__main__":
    main(*sys.argv[1:])

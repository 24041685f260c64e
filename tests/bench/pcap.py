"""Read UDP packets over IPv4 from a capture file (libpcap format with nanosecond stamps), and no more."""

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC_NANOSECONDS = 0xA1B23C4D
LINKTYPE_ETHERNET = 1
ETHERTYPE_IPV4 = 0x0800
IP_PROTOCOL_UDP = 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Datagram:
    """One captured UDP packet; `time` in nanoseconds since the Unix epoch."""

    time: int
    source: str
    source_port: int
    destination: str
    destination_port: int
    payload: bytes


def datagrams(capture: bytes) -> Iterator[Datagram]:
    """The UDP packets of a capture, in its order. Raises ValueError for another format."""
    magic, *_, linktype = struct.unpack_from("<IHHiIII", capture)
    if magic != MAGIC_NANOSECONDS or linktype != LINKTYPE_ETHERNET:
        raise ValueError(f"not a little-endian nanosecond Ethernet capture: {magic:#x}, link type {linktype}")
    at = 24
    while at + 16 <= len(capture):
        seconds, nanoseconds, length, _ = struct.unpack_from("<4I", capture, at)
        frame = capture[at + 16 : at + 16 + length]
        at += 16 + length
        if len(frame) < 42 or struct.unpack_from("!H", frame, 12)[0] != ETHERTYPE_IPV4:
            continue
        header = (frame[14] & 0x0F) * 4
        if frame[23] != IP_PROTOCOL_UDP:
            continue
        source_port, destination_port, size = struct.unpack_from("!HHH", frame, 14 + header)
        yield Datagram(
            time=seconds * 1_000_000_000 + nanoseconds,
            source=socket.inet_ntoa(frame[26:30]),
            source_port=source_port,
            destination=socket.inet_ntoa(frame[30:34]),
            destination_port=destination_port,
            payload=frame[14 + header + 8 : 14 + header + size],
        )

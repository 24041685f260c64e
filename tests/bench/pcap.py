"""Read UDP packets from a capture file (libpcap format with nanosecond stamps), and no more."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

MAGIC_NANOSECONDS = 0xA1B23C4D
LINKTYPE_ETHERNET = 1
ETHERNET_HEADER = 14
ETHERTYPE_IPV4, ETHERTYPE_IPV6 = 0x0800, 0x86DD
IPV6_HEADER, UDP_HEADER = 40, 8
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
        found = _ip_header(frame)
        if found is None:
            continue
        source, destination, udp = found
        source_port, destination_port, size = struct.unpack_from("!HHH", udp)
        yield Datagram(
            time=seconds * 1_000_000_000 + nanoseconds,
            source=str(ip_address(source)),
            source_port=source_port,
            destination=str(ip_address(destination)),
            destination_port=destination_port,
            payload=udp[UDP_HEADER:size],
        )


def _ip_header(frame: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Source, destination and the UDP packet of a frame; None when there is none."""
    ethertype = int.from_bytes(frame[12:ETHERNET_HEADER], "big")
    packet = frame[ETHERNET_HEADER:]
    if ethertype == ETHERTYPE_IPV4 and len(packet) > 9 and packet[9] == IP_PROTOCOL_UDP:
        source, destination, udp = packet[12:16], packet[16:20], packet[(packet[0] & 0x0F) * 4 :]
    elif ethertype == ETHERTYPE_IPV6 and len(packet) > 6 and packet[6] == IP_PROTOCOL_UDP:
        source, destination, udp = packet[8:24], packet[24:IPV6_HEADER], packet[IPV6_HEADER:]
    else:
        return None
    return (source, destination, udp) if len(udp) >= UDP_HEADER else None

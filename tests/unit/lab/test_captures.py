"""What is read from a capture that the prober is held against."""

import struct
from ipaddress import ip_address

from ...bench.pcap import ETHERTYPE_IPV4, ETHERTYPE_IPV6, MAGIC_NANOSECONDS, datagrams

PORTS_AND_LENGTH = struct.pack("!HHHH", 40000, 862, 8 + 3, 0)
TCP, UDP = 6, 17


def ipv4(protocol: int, content: bytes) -> bytes:
    addresses = ip_address("10.244.0.7").packed + ip_address("10.50.1.10").packed
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(content), 0, 0, 64, protocol, 0) + addresses + content


def ipv6(protocol: int, content: bytes) -> bytes:
    addresses = ip_address("fd00:10:244::7").packed + ip_address("fd00:10:50:1::10").packed
    return struct.pack("!IHBB", 6 << 28, len(content), protocol, 64) + addresses + content


def capture(*frames: tuple[int, bytes]) -> bytes:
    """A file with one frame a second, of an EtherType and its content."""
    file = struct.pack("<IHHiIII", MAGIC_NANOSECONDS, 2, 4, 0, 0, 65535, 1)
    for second, (ethertype, content) in enumerate(frames):
        frame = bytes(12) + ethertype.to_bytes(2, "big") + content
        file += struct.pack("<4I", second, 5, len(frame), len(frame)) + frame
    return file


def test_datagrams_of_both_versions_of_ip_are_read() -> None:
    udp = PORTS_AND_LENGTH + b"abc"
    padded = ipv4(UDP, udp) + bytes(18)  # a frame has 60 bytes at least
    found = list(datagrams(capture((ETHERTYPE_IPV4, padded), (ETHERTYPE_IPV6, ipv6(UDP, udp)))))
    assert [each.time for each in found] == [5, 1_000_000_005]
    assert [(each.source, each.destination) for each in found] == [
        ("10.244.0.7", "10.50.1.10"),
        ("fd00:10:244::7", "fd00:10:50:1::10"),
    ]
    assert {(each.source_port, each.destination_port, each.payload) for each in found} == {
        (40000, 862, b"abc")
    }


def test_what_is_no_datagram_is_passed_over() -> None:
    others = [
        (ETHERTYPE_IPV4, ipv4(TCP, bytes(20))),
        (ETHERTYPE_IPV6, ipv6(TCP, bytes(20))),
        (0x0806, bytes(46)),
    ]
    cut = [(ETHERTYPE_IPV4, ipv4(UDP, PORTS_AND_LENGTH)[:24]), (ETHERTYPE_IPV6, b"")]
    assert list(datagrams(capture(*others, *cut))) == []

"""Hostile responders over UDP: echo, STAMP, DNS, IKE; and a host that complains by ICMP."""

import os
import random
import socket
import struct
from collections.abc import Iterable, Iterator

from .kinds import HOST, MANY, answer_datagrams, kind, listening

_STAMP_ANSWER = struct.Struct("!IQHHQIQHHB3x")


@kind
def echo_many(port: int) -> None:
    """Sends each packet back 10,000 times."""
    answer_datagrams(port, lambda data: (data for _ in range(MANY)))


@kind
def echo_garbage(port: int) -> None:
    """Answers each packet with 2,000 datagrams of random bytes."""
    noise = [os.urandom(random.randrange(1400)) for _ in range(2000)]
    answer_datagrams(port, lambda _: noise)


def _reflected(data: bytes, number: int, *, hold: int = 1000, size: int = 44, rest: bytes = b"") -> bytes:
    sequence, sent_at, error, ssid = struct.unpack_from("!IQHH", data)
    arrived_at = sent_at + 1000
    head = _STAMP_ANSWER.pack(
        number & 0xFFFFFFFF, arrived_at + hold & (1 << 64) - 1, error, ssid, arrived_at, sequence, sent_at,
        error, 0, 255,
    )  # fmt: skip
    return head.ljust(size, b"\0") + rest


@kind
def stamp_many(port: int) -> None:
    """Reflects each STAMP packet 10,000 times, each time with another number."""
    answer_datagrams(port, lambda data: (_reflected(data, number) for number in range(MANY)))


@kind
def stamp_lies(port: int) -> None:
    """Reflects with numbers that jump and times that run backwards or are centuries apart."""

    def answers(data: bytes) -> Iterable[bytes]:
        hold = random.choice((-(10**12), 1 << 62, 0, -1))
        yield _reflected(data, random.getrandbits(32), hold=hold)
        yield _reflected(data, random.getrandbits(32), hold=-hold)

    answer_datagrams(port, answers)


@kind
def stamp_tlvs(port: int) -> None:
    """Reflects with 60 KiB of empty TLVs."""
    tlvs = b"\x80\x02\0\0" * 15_000
    answer_datagrams(port, lambda data: [_reflected(data, 1, rest=tlvs)] * 4)


@kind
def stamp_sizes(port: int) -> None:
    """Reflects each STAMP packet in a few sizes that have nothing to do with its own."""

    def answers(data: bytes) -> Iterator[bytes]:
        for _ in range(3):
            yield _reflected(data, random.getrandbits(16), size=random.choice((44, len(data), 1400, 60_000)))

    answer_datagrams(port, answers)


def _dns(query: bytes, *, counts: tuple[int, int], rest: bytes) -> bytes:
    return query[:2] + b"\x81\x80" + struct.pack("!HHHH", *counts, 0, 0) + rest


@kind
def dns_pointers(port: int) -> None:
    """Answers with a question that is a chain of 16,000 pointers."""
    chain = b"".join((0xC000 | at - 2 if at > 12 else 0).to_bytes(2, "big") for at in range(12, 16_000, 2))
    answer_datagrams(port, lambda query: [_dns(query, counts=(1, 0), rest=chain + chain[-2:])] * 50)


@kind
def dns_records(port: int) -> None:
    """Answers with 65,535 records, as it says, each under a name of 127 labels."""
    record = b"\x01a" * 127 + b"\0" + b"\0\x10\0\1\0\0\0\0\0\0"
    answer_datagrams(
        port, lambda query: [_dns(query, counts=(1, 65_535), rest=query[12:] + record * 240)] * 50
    )


@kind
def dns_many(port: int) -> None:
    """Answers each query 10,000 times with an error."""
    answer_datagrams(port, lambda query: [query[:2] + b"\x81\x82" + query[4:]] * MANY)


def _ike(request: bytes, payloads: list[tuple[int, bytes]]) -> bytes:
    """An answer, behind the marker of port 4500 where the request has one."""
    marker, request = (request[:4], request[4:]) if request[:4] == bytes(4) else (b"", request)
    body, following = b"", 0
    for kind_, content in reversed(payloads):
        body = struct.pack("!BBH", following, 0, 4 + len(content)) + content + body
        following = kind_
    head = struct.pack("!8sQBBBBII", request[:8], 7, following, 0x20, 34, 0x20, 0, 28 + len(body))
    return marker + head + body


def _notify(kind_: int, data: bytes) -> tuple[int, bytes]:
    return 41, struct.pack("!BBH", 0, 0, kind_) + data


@kind
def ike_payloads(port: int) -> None:
    """Answers with a chain of 15,000 empty payloads, 100 times."""
    answer_datagrams(port, lambda request: [_ike(request, [(43, b"")] * 15_000)] * 100)


@kind
def ike_notifies(port: int) -> None:
    """Answers with 60 notifications of 1,000 bytes."""
    said = [_notify(16_388 + i % 2, os.urandom(1000)) for i in range(60)]
    answer_datagrams(port, lambda request: [_ike(request, said)])


@kind
def ike_cookies(port: int) -> None:
    """Asks for another cookie each time."""
    answer_datagrams(port, lambda request: [_ike(request, [_notify(16_390, os.urandom(64))])])


@kind
def ike_groups(port: int) -> None:
    """Refuses each key exchange method and names another."""
    groups = (14, 15, 16, 31)
    answer_datagrams(
        port, lambda request: [_ike(request, [_notify(17, random.choice(groups).to_bytes(2, "big"))])]
    )


@kind
def ike_many(port: int) -> None:
    """Answers each request with 10,000 messages that are none."""
    answer_datagrams(port, lambda request: (request for _ in range(MANY)))


@kind
def icmp_errors(port: int) -> None:
    """Has each packet refused by 10,000 ICMP errors, "host unreachable" (needs root)."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw,
    ):
        sock.bind((HOST, port))
        port = sock.getsockname()[1]
        listening(port)
        while True:
            data, (address, from_port) = sock.recvfrom(65_535)
            udp = struct.pack("!HHHH", from_port, port, 8 + len(data), 0) + data[:8]
            addresses = socket.inet_aton(address) + socket.inet_aton(HOST)
            quote = struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(data), 1, 0, 64, 17, 0) + addresses + udp
            error = struct.pack("!BBHI", 3, 1, 0, 0) + quote
            error = error[:2] + _checksum(error).to_bytes(2, "big") + error[4:]
            for _ in range(MANY):
                raw.sendto(error, (address, 0))


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    padded = data + bytes(len(data) % 2)
    total = sum(int.from_bytes(padded[at : at + 2], "big") for at in range(0, len(padded), 2))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF

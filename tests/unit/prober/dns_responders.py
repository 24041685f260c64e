"""DNS responders on loopback that answer as told, and what they answer with."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ipsecping.contract import DnsOptions, PlannedProbe, ProbeType, RoundResult

from .far_ends import measure, probe

NXDOMAIN, REFUSED = 3, 5
A_RECORD = bytes.fromhex("c00c 0001 0001 0000003c 0004 c0000201")
CNAME_THEN_A = bytes.fromhex("c00c 0005 0001 0000003c 0004 01 62 c0 0f") + A_RECORD
AAAA_RECORD = bytes.fromhex("c00c 001c 0001 0000003c 0010 20010db8000000000000000000000001")
Responder = Callable[[bytes], list[bytes]]


def response(
    query: bytes,
    *,
    rcode: int = 0,
    records: bytes = b"",
    count: int = 0,
    flags: int = 0x8180,
    question: bool = True,
) -> bytes:
    header = query[:2] + (flags | rcode).to_bytes(2, "big")
    counts = bytes((0, question, 0, count)) + bytes(4)
    return header + counts + (query[12:] if question else b"") + records


def good(query: bytes) -> bytes:
    return response(query, records=A_RECORD, count=1)


@asynccontextmanager
async def udp_server(responder: Responder, host: str = "127.0.0.1") -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        sock.setblocking(False)

        def respond() -> None:
            query, sender = sock.recvfrom(4096)
            for answer in responder(query):
                sock.sendto(answer, sender)

        loop.add_reader(sock, respond)
        try:
            yield sock.getsockname()[1]
        finally:
            loop.remove_reader(sock)


def dns_probe(port: int, **fields: int) -> PlannedProbe:
    return probe(ProbeType.DNS, port=port, options=DnsOptions(query="a.example"), **fields)


async def ask(responder: Responder, host: str = "127.0.0.1", **fields: int) -> RoundResult:
    async with udp_server(responder, host) as port:
        return await measure(dns_probe(port, **fields), host)

"""What a DNS probe can ask of an answer, over UDP and TCP."""

import asyncio
from typing import Any

import pytest

from ipsecping.contract import DnsOptions, LossReason, ProbeType, RecordType, RoundResult
from ipsecping.contract.methods.dns import Rcode, Transport
from ipsecping.wire import dns

from .dns_responders import A_RECORD, AAAA_RECORD, NXDOMAIN, Responder, good, response, udp_server
from .far_ends import Handler, measure, probe, tcp_server

TWO_ADDRESSES = A_RECORD + A_RECORD[:-4] + bytes((10, 0, 0, 1))


def over_tcp(responder: Responder) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        query = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
        for answer in responder(query):
            framed = len(answer).to_bytes(2, "big") + answer
            for octet in framed:  # however it is cut
                writer.write(bytes((octet,)))
                await writer.drain()

    return handler


async def asked(responder: Responder, transport: Transport, **options: Any) -> RoundResult:
    made = DnsOptions(query="a.example", transport=transport, **options)
    server = udp_server(responder) if transport is Transport.UDP else tcp_server(over_tcp(responder))
    async with server as port:
        return await measure(probe(ProbeType.DNS, port=port, options=made))


def two(query: bytes) -> list[bytes]:
    return [response(query, records=TWO_ADDRESSES, count=2)]


def one(query: bytes) -> list[bytes]:
    return [good(query)]


def nothing_there(query: bytes) -> list[bytes]:
    return [response(query, rcode=NXDOMAIN)]


def six(query: bytes) -> list[bytes]:
    return [response(query, records=AAAA_RECORD, count=1)]


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize(
    ("responder", "options", "good_answer"),
    [
        (one, {}, True),
        (one, {"networks": ("192.0.2.0/24",)}, True),
        (one, {"networks": ("192.0.2.2",)}, False),
        (two, {"networks": ("192.0.2.0/24",)}, False),
        (two, {"networks": ("192.0.2.0/24", "10.0.0.0/8")}, True),
        (six, {"record_type": RecordType.AAAA, "networks": ("2001:db8::/64",)}, True),
        (six, {"record_type": RecordType.AAAA, "networks": ("10.0.0.0/8",)}, False),
        (six, {"networks": ("::/0",)}, False),
        (nothing_there, {}, False),
        (nothing_there, {"rcodes": (Rcode.NXDOMAIN,)}, True),
        (one, {"rcodes": (Rcode.NXDOMAIN,)}, False),
    ],
)
async def test_codes_and_addresses_are_judged(
    transport: Transport, responder: Responder, options: dict[str, Any], good_answer: bool
) -> None:
    result = await asked(responder, transport, **options)
    assert result.losses == ({} if good_answer else {LossReason.UNEXPECTED_STATUS: 3})
    assert result.received == (3 if good_answer else 0)


@pytest.mark.parametrize("transport", Transport)
async def test_a_query_says_its_number_and_how_much_it_takes(transport: Transport) -> None:
    queries: list[bytes] = []

    def responder(query: bytes) -> list[bytes]:
        queries.append(query)
        question = query[12 : query.index(b"\0", 12) + 5]
        header = query[:2] + bytes.fromhex("8180 0001 0001 0000 0000")
        return [header + question + A_RECORD]

    result = await asked(responder, transport, sequence_label=True, edns_size=1232)
    assert result.received == 3
    numbers = sorted(int(query[14 : 13 + query[12]]) for query in queries if query[13:14] == b"s")
    assert [number - numbers[0] for number in numbers] == [0, 1, 2]
    assert {query[-11:] for query in queries} == {bytes.fromhex("00 0029 04d0 00000000 0000")}
    assert {query[10:12] for query in queries} == {b"\0\1"}


@pytest.mark.parametrize(
    "responder",
    [
        lambda query: [],
        lambda query: [b"\1"],
        lambda query: [query],
        lambda query: [bytes(2) + good(query)[2:] if query[:2] != bytes(2) else b""],
        lambda query: [good(query).replace(b"example", b"elpmaxe")],
    ],
    ids=["nothing", "one byte", "an echo", "another ID", "another question"],
)
async def test_over_tcp_whatever_is_no_answer_is_a_bad_one(responder: Responder) -> None:
    assert (await asked(responder, Transport.TCP)).losses == {LossReason.BAD_ANSWER: 3}


def test_every_type_and_code_that_can_be_asked_for_has_its_number() -> None:
    assert set(dns.TYPES) == {each.value for each in RecordType}
    assert [each.number for each in Rcode] == [0, 1, 2, 3, 4, 5]

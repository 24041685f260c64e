"""The DNS probe against responders on loopback that answer as told; vectors by RFC 1035."""

import socket
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract import LossReason, RecordType
from ipsecping.wire import dns

from .dns_responders import (
    A_RECORD,
    AAAA_RECORD,
    CNAME_THEN_A,
    NXDOMAIN,
    REFUSED,
    ask,
    dns_probe,
    good,
    response,
)
from .far_ends import LOOPBACK, closed_port, measure


@pytest.mark.parametrize("host", LOOPBACK)
async def test_a_record_as_asked_for_is_an_answer(host: str) -> None:
    result = await ask(lambda query: [good(query)], host)
    assert (result.sent, result.received, result.rtt.count, result.duplicates) == (3, 3, 3, 0)


@pytest.mark.parametrize(
    "answer",
    [
        lambda query: response(query, records=CNAME_THEN_A, count=2),
        lambda query: response(query.replace(b"\1a\7example", b"\1A\7eXaMpLe"), records=A_RECORD, count=1),
        lambda query: response(query, records=A_RECORD, count=2, flags=0x8380),
    ],
    ids=["behind a CNAME", "in another case", "truncated after it"],
)
async def test_a_record_is_found_wherever_it_stands(answer: Callable[[bytes], bytes]) -> None:
    assert (await ask(lambda query: [answer(query)])).received == 3


@pytest.mark.parametrize(
    "answer",
    [
        lambda query: response(query, rcode=NXDOMAIN),
        lambda query: response(query, rcode=REFUSED),
        lambda query: response(query, rcode=REFUSED, question=False),
        lambda query: response(query),
        lambda query: response(query, records=AAAA_RECORD, count=1),
        lambda query: response(query, flags=0x8380),
    ],
    ids=[
        "NXDOMAIN",
        "REFUSED",
        "REFUSED without question",
        "no record",
        "record of another type",
        "truncated, empty",
    ],
)
async def test_an_error_or_no_such_record_is_an_unexpected_status(answer: Callable[[bytes], bytes]) -> None:
    result = await ask(lambda query: [answer(query)])
    assert result.losses == {LossReason.UNEXPECTED_STATUS: 3}


@pytest.mark.parametrize(
    "answer",
    [
        lambda query: query,
        lambda query: query[:7],
        lambda query: response(query, records=A_RECORD[:-1], count=1),
        lambda query: response(query, records=b"\xc0\xff" + A_RECORD[2:], count=1),
        lambda query: response(query, records=b"\xc0\x1b", count=1),
    ],
    ids=["our own query echoed", "cut short", "record cut short", "pointer forward", "pointer to itself"],
)
async def test_a_message_that_is_no_response_is_a_bad_answer(answer: Callable[[bytes], bytes]) -> None:
    assert (await ask(lambda query: [answer(query)])).losses == {LossReason.BAD_ANSWER: 3}


@pytest.mark.parametrize(
    "answer",
    [
        lambda query: bytes((query[0] ^ 0x55, query[1])) + good(query)[2:],
        lambda query: good(query.replace(b"\1a\7", b"\1b\7")),
        lambda query: b"",
        lambda query: b"\0",
    ],
    ids=["wrong ID", "another question", "nothing", "one byte"],
)
async def test_an_answer_to_somebody_else_is_none(answer: Callable[[bytes], bytes]) -> None:
    result = await ask(lambda query: [answer(query)], timeout_ms=100)
    assert result.losses == {LossReason.TIMEOUT: 3}


async def test_what_is_foreign_hides_no_good_answer() -> None:
    result = await ask(lambda query: [good(query.replace(b"\1a\7", b"\1b\7")), b"garbage", good(query)])
    assert (result.received, result.duplicates) == (3, 0)


async def test_copies_of_an_answer_are_duplicates() -> None:
    result = await ask(lambda query: [good(query), good(query)])
    assert (result.received, result.duplicates) == (3, 3)


async def test_a_closed_port_refuses() -> None:
    result = await measure(dns_probe(closed_port(socket.SOCK_DGRAM)))
    assert result.losses == {LossReason.REFUSED: 3}
    (by_target,) = result.refused
    assert (by_target.packets, by_target.icmp, by_target.sender) == (3, (4, 3, 3), "127.0.0.1")


async def test_no_two_queries_of_a_session_share_an_id() -> None:
    seen: list[bytes] = []

    def note(query: bytes) -> list[bytes]:
        seen.append(query[:2])
        return [good(query)]

    await ask(note, count=50)
    assert len(set(seen)) == 50


def test_a_query_has_the_layout_of_rfc_1035_section_4_1() -> None:
    wire = bytes.fromhex("abcd 0100 0001 0000 0000 0000 01 61 07 6578616d706c65 00 001c 0001")
    assert dns.pack_query(dns.question("a.example", "AAAA"), 0xABCD) == wire
    assert dns.pack_query(dns.question("A.Example.", "AAAA"), 0xABCD) == wire
    assert dns.question(".", "NS") == dns.Question(b"\0", 2)


def test_every_record_type_of_the_contract_has_its_number() -> None:
    assert set(dns.TYPES) == set(RecordType)


@given(st.binary(max_size=600))
def test_no_octets_break_the_parser(data: bytes) -> None:
    for octets in (data, b"\xab\xcd\x81\x80\0\1\0\5\0\0\0\0" + data):
        assert id_of(octets) == (int.from_bytes(octets[:2], "big") if len(octets) >= 2 else None)


@given(st.integers(0, 2**16 - 1), st.binary(min_size=1, max_size=40), st.integers(2, 70))
def test_a_damaged_response_never_names_another_query(id_: int, damage: bytes, at: int) -> None:
    wire = bytearray(good(dns.pack_query(dns.question("a.example", "A"), id_)))
    wire[at : at + len(damage)] = damage
    assert id_of(bytes(wire)) == id_


def id_of(message: bytes) -> int | None:
    """The query that a message claims to answer, well-formed or not."""
    try:
        parsed = dns.parse_response(message)
    except dns.Malformed as error:
        return error.id
    return None if parsed is None else parsed.id

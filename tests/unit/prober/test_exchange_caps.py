"""What a conversation may cost at most: bytes, interim responses, labels, messages, log lines."""

import asyncio
import logging
import socket

import pytest

from ipsecping.contract import HttpOptions, LossReason, ProbeType, RoundResult, TcpOptions, TlsOptions
from ipsecping.measure.mtu_search import MtuSearch
from ipsecping.net.tcp import MAX_OCTETS, ExchangeFailed, Stream
from ipsecping.net.tls import unverified
from ipsecping.probes.ike_exchange import MAX_MESSAGES, ask_ports
from ipsecping.probes.telling import MINUTE, MOST, Telling
from ipsecping.wire import dns, http1

from .far_ends import Handler, measure, probe, silent, tcp_server


def endless(data: bytes) -> Handler:
    """Sends the same after each request, until the other end goes."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        while True:
            writer.write(data * (65_536 // len(data)))
            await writer.drain()

    return handler


async def fetch(handler: Handler) -> RoundResult:
    async with tcp_server(handler) as port:
        options = HttpOptions(url=f"http://127.0.0.1:{port}/", status_codes=(200,))
        return await measure(probe(ProbeType.HTTP, options=options))


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"HTTP/1.1 102 Processing\r\n\r\n", f"more than {http1.MAX_INTERIM} interim responses"),
        (b"HTTP/1.1 103 Early Hints\r\nA: " + b"b" * 60_000, "no final status line within 65536 bytes"),
        (b"HTTP/1.1 200 " + b"O" * 60_000, "a status line of more than 8192 bytes"),
    ],
)
async def test_an_endless_answer_is_a_bad_one_long_before_the_timeout_and_told_once(
    sent: bytes, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    result = await fetch(endless(sent))
    assert result.losses == {LossReason.BAD_ANSWER: 3}
    assert result.duration < 4_000_000_000  # the timeout is 5 s
    assert [record.getMessage() for record in caplog.records] == [f"127.0.0.1: BadAnswer: {told}"]


async def test_a_far_end_that_sends_without_end_leaves_time_for_others() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with tcp_server(endless(bytes(65_536))) as port:
        stream = Stream("127.0.0.1", port)
        await stream.connected()
        await stream.send(b"?")
        counting = asyncio.create_task(others())
        reads: list[int] = []

        async def read_on() -> None:
            while True:
                reads.append(len((await stream.receive()).data))

        with pytest.raises(ExchangeFailed, match=f"more than {MAX_OCTETS} bytes") as failure:
            await read_on()
        counting.cancel()
        stream.close()
    assert failure.value.reason is LossReason.BAD_ANSWER
    assert sum(reads) <= MAX_OCTETS
    assert turns >= len(reads)


async def test_a_handshake_without_end_is_given_up_at_the_cap(caplog: pytest.LogCaptureFixture) -> None:
    fragment = b"\x16\x03\x03\x40\x00" + b"\x0b\xff\xff\xff" + bytes(16_380)
    options = TcpOptions(tls=TlsOptions(verify=False))
    async with tcp_server(endless(fragment)) as port:
        result = await measure(probe(ProbeType.TCP, port=port, options=options))
    assert result.losses == {LossReason.TLS_FAILED: 3}
    assert result.duration < 4_000_000_000
    assert len(caplog.records) == 1


def test_the_far_end_cannot_choose_how_long_a_key_exchange_computes() -> None:
    assert not [cipher["name"] for cipher in unverified().get_ciphers() if cipher["name"].startswith("DHE")]


@pytest.mark.parametrize("code", ["200", "404"])
def test_up_to_the_cap_interim_responses_are_passed_over(code: str) -> None:
    reader = http1.StatusReader()
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    assert reader.feed(interim * http1.MAX_INTERIM) is None
    assert reader.feed(f"HTTP/1.1 {code} X\r\n".encode()) == int(code)


def test_a_question_of_pointers_alone_is_malformed_after_a_few() -> None:
    chain = b"".join((0xC000 | max(at - 2, 12)).to_bytes(2, "big") for at in range(12, 16_000, 2))
    tail = b"\xc0\x0c\0\1\0\1"
    header = b"\x12\x34\x81\x80\0\1\0\0\0\0\0\0"
    with pytest.raises(dns.Malformed):
        dns.parse_response(header + chain + tail)


def test_records_under_names_of_many_labels_are_given_up_after_some() -> None:
    query = dns.pack_query(dns.question("a.example", "A"), 7)
    record = b"\x01a" * 127 + b"\0" + bytes.fromhex("0001 0001 0000003c 0004 c0000201")
    header = query[:2] + b"\x81\x80\0\1\xff\xff\0\0\0\0"
    with pytest.raises(dns.Malformed, match=f"more than {dns.MAX_LABELS} labels"):
        dns.parse_response(header + query[12:] + record * 200)


def test_as_many_records_as_a_datagram_of_512_octets_holds_are_read() -> None:
    query = dns.pack_query(dns.question("a.example", "A"), 7)
    record = bytes.fromhex("c00c 0001 0001 0000003c 0004 c0000201")
    count = (512 - len(query)) // len(record)
    response = query[:2] + b"\x81\x80\0\1" + count.to_bytes(2, "big") + bytes(4) + query[12:] + record * count
    parsed = dns.parse_response(response)
    assert parsed is not None
    assert parsed.types == (1,) * count


async def test_a_gateway_that_answers_without_end_is_given_up_before_the_timeout() -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)

        def flood() -> None:
            data, source = sock.recvfrom(4096)
            for _ in range(2 * MAX_MESSAGES):
                sock.sendto(data, source)

        loop.add_reader(sock, flood)
        began = loop.time()
        (outcome,) = await ask_ports("127.0.0.1", timeout=30_000_000_000, ports=[sock.getsockname()[1]])
        loop.remove_reader(sock)
    assert outcome.reason is LossReason.BAD_ANSWER
    assert outcome.note == f"more than {MAX_MESSAGES} messages"
    assert loop.time() - began < 25


def test_messages_too_big_take_one_place_for_each_size() -> None:
    search = MtuSearch(low=576, high=1500, floor=72)
    probe = search.record(size=1400)
    for mtu in range(10_000, 0, -1):
        search.too_big(probe, mtu)
    assert search._told == {1400: 1}


def test_troubles_that_change_all_the_time_are_told_a_few_times_a_minute() -> None:
    telling = Telling()
    assert sum(telling.worth_telling(f"HTTP status {n}", now=n) for n in range(1000)) == MOST
    assert telling.worth_telling("HTTP status 500", now=MINUTE + 1)
    assert not telling.worth_telling("HTTP status 500", now=2 * MINUTE)


async def test_a_silent_far_end_is_no_bad_one(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with tcp_server(silent) as port:
        options = HttpOptions(url=f"http://127.0.0.1:{port}/", status_codes=(200,))
        result = await measure(probe(ProbeType.HTTP, options=options, timeout_ms=100))
    assert result.losses == {LossReason.TIMEOUT: 3}
    assert not caplog.records

"""What a TCP probe says and waits for, in clear, before TLS and behind it."""

import asyncio
import random
import ssl
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ipsecping.contract import LossReason, ProbeType, RoundResult, TcpOptions, TlsOptions
from ipsecping.contract.methods.tcp import StartTls, Step
from ipsecping.net.tcp import Chunk, ExchangeFailed
from ipsecping.probes.conversation import PIECE, Conversation
from ipsecping.wire import start_tls
from ipsecping.wire.start_tls import Refused

from ...plans import check_of
from .certificates import Pair, authority, issue
from .far_ends import Handler, measure, probe, prober, tcp_server


def scripted(*turns: bytes, heard: list[bytes] | None = None) -> Handler:
    """Says each turn, and hears a line in between."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for turn in turns:
            writer.write(turn)
            line = await reader.readline()
            if heard is not None:
                heard.append(line)
        await reader.read()

    return handler


async def talk(handler: Handler, *steps: Step, **fields: Any) -> RoundResult:
    async with tcp_server(handler) as port:
        options = TcpOptions(steps=steps)
        return await measure(probe(ProbeType.TCP, count=1, port=port, options=options, **fields))


async def test_steps_wait_for_lines_and_send_in_turn() -> None:
    heard: list[bytes] = []
    result = await talk(
        scripted(b"220-hello\r\n220 there\r\n", b"250-a\r\n250 ok", heard=heard),
        Step("^220 there$", "EHLO x\r\n"),
        Step("^250 ok", None),
        Step(None, "QUIT\r\n"),
    )
    assert (result.received, result.rtt.count) == (1, 1)
    assert heard == [b"EHLO x\r\n", b"QUIT\r\n"]


class Deluge:
    """A channel on which so many empty lines come at once, and then the end."""

    def __init__(self, lines: int) -> None:
        self._data = b"\n" * lines

    async def send(self, data: bytes) -> None:
        """Nothing is said to it."""

    async def receive(self) -> Chunk:
        data, self._data = self._data, b""
        return Chunk(data, 0)


async def test_others_get_their_turn_while_lines_without_number_are_looked_at() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    with pytest.raises(ExchangeFailed, match="closed before a line"):
        await Conversation(Deluge(16 * PIECE)).hold((Step("ready"),))  # type: ignore[arg-type]
    beside.cancel()
    assert turns >= 15


async def test_a_line_is_used_up_by_the_step_that_found_it() -> None:
    once = await talk(scripted(b"* OK\r\nother\r\n"), Step("OK"), Step("OK"), timeout_ms=300)
    assert once.losses == {LossReason.UNEXPECTED_STATUS: 1}
    beginning = await talk(scripted(b"a b\r\nb\r\n"), Step("a"), Step("^b"))
    assert beginning.received == 1


async def test_a_far_end_that_says_something_else_is_not_called_silent() -> None:
    wrong = await talk(scripted(b"HTTP/1.1 400 Bad Request\r\n"), Step("^SSH-2.0-"), timeout_ms=300)
    assert wrong.losses == {LossReason.UNEXPECTED_STATUS: 1}
    silent = await talk(scripted(b""), Step("^SSH-2.0-"), timeout_ms=300)
    assert silent.losses == {LossReason.TIMEOUT: 1}

    async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"go away\r\n")
        await writer.drain()

    assert (await talk(closes, Step("^SSH"))).losses == {LossReason.BAD_ANSWER: 1}


async def test_an_endless_talker_is_cut_off_and_text_that_costs_too_much_to_search_is_not_as_asked_for() -> (
    None
):
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"ab" * 8000)
            await writer.drain()

    assert (await talk(endless, Step("x"))).losses == {LossReason.BAD_ANSWER: 1}
    assert (await talk(endless, Step("(a|b)*a(a|b){60}c"))).received == 0
    text = bytes(random.Random(7).choices(b"ab", k=60_000))
    costly = await talk(scripted(text), Step("(a|b)*a(a|b){60}c"))
    assert (costly.invalid, costly.losses) == (None, {LossReason.UNEXPECTED_STATUS: 1})


def answered(dialogue: Generator[bytes, bytes, None], *answers: bytes, size: int = 10_000) -> list[bytes]:
    """What is said, when each answer comes in pieces of this size; ends with `TLS` where TLS begins."""
    said = [next(dialogue)]
    try:
        for piece in [answer[at : at + size] for answer in answers for at in range(0, len(answer), size)]:
            reply = dialogue.send(piece)
            said.append(reply)
    except StopIteration:
        said.append(b"TLS")
    return [each for each in said if each]


LDAP_OK = bytes.fromhex("300c02010178070a010004000400")
LDAP_OK_LONG = bytes.fromhex("3084000000100201017884000000070a010004000400")
LDAP_NO = bytes.fromhex("300c02010178070a013404000400")


@pytest.mark.parametrize("size", [1, 10_000])
def test_each_protocol_asks_for_tls_in_its_own_words(size: int) -> None:
    mail = (b"220-a\r\n220 b\r\n", b"250-x\r\n250 STARTTLS\r\n", b"220 go\r\n")
    assert answered(start_tls.smtp(), *mail, size=size) == [b"EHLO ipsecping\r\n", b"STARTTLS\r\n", b"TLS"]
    box = (b"* OK ready\r\n", b"* CAPABILITY a\r\na1 OK begin\r\n")
    assert answered(start_tls.imap(), *box, size=size) == [b"a1 STARTTLS\r\n", b"TLS"]
    assert answered(start_tls.postgres(), b"S") == [bytes.fromhex("0000000804d2162f"), b"TLS"]
    for message in (LDAP_OK, LDAP_OK_LONG):
        assert answered(start_tls.ldap(), message, size=size)[-1] == b"TLS"


@pytest.mark.parametrize(
    ("dialogue", "answers"),
    [
        (start_tls.smtp, [b"554 no\r\n"]),
        (start_tls.smtp, [b"220 a\r\n", b"250 a\r\n", b"454 no\r\n"]),
        (start_tls.smtp, [b"SSH-2.0-x\r\n"]),
        (start_tls.smtp, [b"220-" + b"x" * 9000, b"y"]),
        (start_tls.imap, [b"* OK a\r\n", b"a1 NO\r\n"]),
        (start_tls.postgres, [b"N"]),
        (start_tls.postgres, [b"Sinjected"]),
        (start_tls.ldap, [LDAP_NO]),
        (start_tls.ldap, [b"HTTP/1.1 400\r\n"]),
    ],
)
def test_whoever_offers_no_tls_is_refused(dialogue: Any, answers: list[bytes]) -> None:
    with pytest.raises(Refused):
        answered(dialogue(), *answers)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Pair]:
    ca = authority(tmp_path_factory.mktemp("pki") / "ours")
    return ca.certificate, issue(
        ca, "good", names="IP:127.0.0.1", start="20240101000000Z", end="20991231235958Z"
    )


async def test_tls_begins_behind_starttls_and_the_conversation_goes_on_within(
    pair: tuple[Path, Pair],
) -> None:
    ca, (certificate, key) = pair
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def postgres(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.write(b"S")
        with suppress(ssl.SSLError):  # who does not trust us says so
            await writer.start_tls(context)
            writer.write(b"ready\n")
            await reader.read()

    async with tcp_server(postgres) as port:
        options = TcpOptions(
            tls=TlsOptions(ca_file=str(ca)), start_tls=StartTls.POSTGRES, steps=(Step("^ready$"),)
        )
        result = await measure(probe(ProbeType.TCP, port=port, options=options))
        stranger = TcpOptions(tls=TlsOptions(), start_tls=StartTls.POSTGRES)
        check = check_of(probe(ProbeType.TCP, port=port, options=stranger), target="127.0.0.1")
        with prober() as made:
            (untrusted,) = await made.round(check)
            # The second look says STARTTLS too. A busy machine ends it after the round: the next one tells.
            told = untrusted
            async with asyncio.timeout(60):
                while "certificateExpiry" not in told.figures:
                    (told,) = await made.round(check)
    assert (result.received, "certificateExpiry" in result.figures) == (3, True)
    assert untrusted.losses == {LossReason.TLS_FAILED: 3}

"""The conversation with an agent about a diagnosis: one that answers, one that cannot, one that lies."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from ipsecping.contract.diagnosis_report import MAX_REPORT_BYTES
from ipsecping.contract.diagnosis_report_json import report_to_json, report_to_text
from ipsecping_operator.collect import diagnosing
from ipsecping_operator.collect.diagnosing import NotAnswered, Question, ReportRefused, report_of
from ipsecping_operator.collect.result_reader import Agent

from .builders import plan
from .reports import report

ASKED = Question(
    uid=plan().uid,
    namespace=plan().namespace,
    name=plan().name,
    path="default",
    nonce=plan().nonce,
    request="abcdef01",
)
BUSY = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 40\r\n\r\nanother diagnosis runs"


def answer(status: str, content: bytes = b"", **fields: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + content


DONE = answer("200 OK", report_to_text(report()).encode())
RUNS = answer("202 Accepted", Retry_After="0")


class FakeAgent:
    """Answers each request by the next of its answers, the last one for ever; keeps what it was asked."""

    def __init__(self, *answers: bytes | Callable[[bytes], bytes]) -> None:
        self.answers = list(answers)
        self.asked: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            self.asked.append(head + await reader.readexactly(int(length or 0)))
            given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            writer.write(given if isinstance(given, bytes) else given(self.asked[-1]))
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def agent(*answers: bytes | Callable[[bytes], bytes]) -> AsyncIterator[tuple[FakeAgent, Agent]]:
    fake = FakeAgent(*answers)
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with asyncio.timeout(20):
            yield fake, Agent(pod_uid="p", pod="hq-1", address="127.0.0.1", port=port)
    finally:
        server.close()


async def refusal(*answers: bytes, tokens: tuple[str, ...] = ("t",)) -> NotAnswered:
    async with agent(*answers) as (_, at):
        with pytest.raises(NotAnswered) as caught:
            await report_of(at, ASKED, tokens=tokens)
    return caught.value


async def test_a_diagnosis_is_begun_with_the_token_and_awaited() -> None:
    async with agent(RUNS, RUNS, DONE) as (fake, at):
        assert await report_of(at, ASKED, tokens=("secret",)) == report()
    begun, *looked = fake.asked
    head, _, content = begun.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/diagnoses HTTP/1.1\r\n")
    assert json.loads(content) == {
        "check": ASKED.uid,
        "path": "default",
        "nonce": ASKED.nonce,
        "request": "abcdef01",
    }
    assert all(each.startswith(b"GET /v1/diagnoses/abcdef01 HTTP/1.1\r\n") for each in looked)
    assert all(b"\r\nAuthorization: Bearer secret\r\n" in each for each in fake.asked)


async def test_the_token_before_is_shown_where_the_new_one_is_not_known_yet() -> None:
    async with agent(answer("401 Unauthorized"), RUNS, DONE) as (fake, at):
        await report_of(at, ASKED, tokens=("new", "old"))
    assert b"Bearer old" in fake.asked[-1]


@pytest.mark.parametrize(
    ("given", "said", "again"),
    [
        (answer("401 Unauthorized"), "does not know the operator's token (yet)", True),
        (answer("403 Forbidden", b"the plan names no token"), "it refuses: the plan names no token", True),
        (answer("404 Not Found", b"no such path"), "does not know this plan (yet): no such path", True),
        (answer("405 Method Not Allowed", b"GET and HEAD only"), "older than the operator", False),
        (answer("400 Bad Request", b"request: wrong"), "it answers 400 Bad Request: request: wrong", False),
        (answer("500 Oops", b"\x1b[31m\xff\r\n" * 200), r"it answers 500 Oops: \x1b[31m", False),
        (BUSY, "it is busy: another diagnosis runs", True),
        (b"\0" * 50 + b"\r\n\r\n", "no HTTP/1.1 status line", True),
        (b"", "ended within a head", True),
    ],
    ids=lambda value: "",
)
async def test_why_there_is_none_is_said_with_the_remedy(given: bytes, said: str, again: bool) -> None:
    error = await refusal(given)
    assert said in str(error)
    assert len(str(error)) <= 300
    assert str(error).isprintable()
    assert (error.again is not None) is again


async def test_the_agent_says_when_to_come_again_within_bounds() -> None:
    assert (await refusal(BUSY)).again == 40
    for asked, pause in (("999999999", 20), ("99999", 90), ("-1", 20), ("0", 1), ("soon", 20), ("²", 20)):
        busy = b"HTTP/1.1 429 Busy\r\nRetry-After: " + asked.encode("latin-1") + b"\r\n\r\n"
        assert (await refusal(busy)).again == pause, asked


async def test_nobody_there_is_tried_again() -> None:
    async with agent(DONE) as (_, at):
        pass
    with pytest.raises(NotAnswered, match="cannot connect") as caught:
        await report_of(at, ASKED, tokens=())
    assert caught.value.again


def forged(**changes: Any) -> bytes:
    return json.dumps(report_to_json(report()) | changes).encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "breaks the contract"),
        (b"[" * 3000, "breaks the contract"),
        (forged(version=2), "another release made it"),
        (forged(extra=1), "diagnosis: 'extra' is not a field of it"),
        (forged(summary="s" * 301), "breaks the contract: diagnosis.summary"),
        (forged(summary="\x1b[2J"), "diagnosis.summary"),
        (forged(outcome="Great"), "diagnosis.outcome"),
        (forged(uid="other"), "of another uid than was asked for"),
        (forged(namespace="kube-system"), "of another namespace than was asked for"),
        (forged(name="other"), "of another name than was asked for"),
        (forged(path="other"), "of another path than was asked for"),
        (forged(nonce="0" * 64), "of another nonce than was asked for"),
        (forged(request="other"), "of another request than was asked for"),
        (DONE[-200:], "breaks the contract"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_report_that_is_no_answer_is_refused(content: bytes, said: str) -> None:
    error = await refusal(RUNS, answer("200 OK", content))
    assert isinstance(error, ReportRefused)
    assert said in str(error)
    assert error.again is None


async def test_a_report_without_end_is_read_no_further_than_one_can_be() -> None:
    error = await refusal(RUNS, answer("200 OK", b" " * 10_000_000))
    assert f"{MAX_REPORT_BYTES + 1} bytes" in str(error)


@pytest.mark.real_time
async def test_a_report_that_comes_drop_by_drop_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosing, "CONNECT_SECONDS", 0.5)
    ended = asyncio.Event()

    class Dripping(FakeAgent):
        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if not self.asked:
                await super().serve(reader, writer)
                return
            try:
                writer.write(answer("200 OK"))
                while not reader.at_eof():
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.sleep(0.02)
            except ConnectionError:
                pass
            finally:
                writer.close()
                ended.set()

    server = await asyncio.start_server(Dripping(RUNS).serve, "127.0.0.1", 0)
    at = Agent(pod_uid="p", pod="hq-1", address="127.0.0.1", port=server.sockets[0].getsockname()[1])
    async with server:
        with pytest.raises(NotAnswered, match="it says nothing"):
            await report_of(at, ASKED, tokens=())
        await ended.wait()


@pytest.mark.real_time
async def test_one_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosing, "RUN_SECONDS", 0.5)
    error = await refusal(RUNS)
    assert "came to no end" in str(error)
    assert error.again is None


async def test_an_agent_that_has_forgotten_is_asked_again() -> None:
    assert (await refusal(RUNS, answer("404 Not Found"))).again


async def test_what_only_the_operator_knows_goes_with_the_question() -> None:
    known = {"paths": [{"name": "backup", "sent": 10, "answered": 0, "sameTarget": True}]}
    async with agent(RUNS, DONE) as (fake, at):
        await report_of(at, replace(ASKED, known=known), tokens=())
    assert json.loads(fake.asked[0].partition(b"\r\n\r\n")[2])["paths"] == known["paths"]


def test_what_is_asked_and_answered_by_a_path_of_another_name_differs() -> None:
    other = replace(ASKED, path="backup")
    with pytest.raises(ReportRefused, match="of another path"):
        other.check_answer(report())
    ASKED.check_answer(report())

"""One attempt to notify somebody, who may be slow, hostile, or not who he says."""

import asyncio
import base64
import ssl
import time
from pathlib import Path

import pytest

from ipsecping_operator.notification_settings import Credentials
from ipsecping_operator.notify.post import NotTaken, Poster

from ..field_certificates import CA_BASICS, SAN, SERVER, Form, Issued, Workshop
from .receiver import Receiver, answers

SECONDS = 1.0


async def post(receiver: Receiver, credentials: Credentials | None = None) -> None:
    poster = Poster(receiver.endpoint, credentials or Credentials(), seconds=SECONDS)
    await poster.post("", b"[]", {"x-own": "1"})


async def refused(receiver: Receiver, credentials: Credentials | None = None) -> NotTaken:
    began = time.monotonic()
    with pytest.raises(NotTaken) as error:
        await post(receiver, credentials)
    assert time.monotonic() - began < SECONDS + 5
    return error.value


async def test_what_is_taken_was_posted_with_its_fields_to_the_path_and_query() -> None:
    async with Receiver().listening() as receiver:
        await post(receiver)
    ((fields, content),) = receiver.came
    assert content == b"[]"
    assert fields["request"] == "POST /hook?x=1 HTTP/1.1"
    assert fields["x-own"] == "1"
    assert fields["content-type"] == "application/json"
    assert "authorization" not in fields


async def silence(_: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3 * SECONDS)


async def slow_head(writer: asyncio.StreamWriter) -> None:
    for octet in b"HTTP/1.1 200 OK\r\n" * 100:
        writer.write(bytes([octet]))
        await writer.drain()
        await asyncio.sleep(SECONDS / 20)


async def endless_head(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x: " + b"y" * 60_000 + b"\r\n")
        await writer.drain()


async def endless_content(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 500 No\r\n\r\n")
    while True:
        writer.write(b"z" * 65_536)
        await writer.drain()


async def endless_interim(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000)
        await writer.drain()


async def closes(writer: asyncio.StreamWriter) -> None:
    writer.close()


@pytest.mark.parametrize(
    ("behave", "said"),
    [
        (silence, "no answer within 1 s"),
        (slow_head, "no answer within 1 s"),
        (endless_head, "a head of more than 8192 bytes"),
        (endless_content, "answered 500 No: zzz"),
        (endless_interim, "answered 103"),
        (closes, "the connection ended within a head"),
        (answers(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "no HTTP/1.1 status line"),
        (answers(b"HTTP/1.1 500 \x1b[31m\x07\r\n\r\n\x1b]0;x\r\nline\x00"), r"answered 500 \x1b[31m\x07"),
        (answers(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n"), "answered 302 Found"),
        (
            answers(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"),
            "transfer coding other than chunked",
        ),
    ],
    ids=[
        "silence",
        "slow",
        "head",
        "content",
        "interim",
        "closes",
        "garbage",
        "control",
        "redirect",
        "coding",
    ],
)
async def test_a_hostile_receiver_costs_a_bounded_time_and_is_named_in_a_line(
    behave: object, said: str
) -> None:
    async with Receiver(behave=behave).listening() as receiver:  # type: ignore[arg-type]
        error = await refused(receiver)
    assert said in str(error)
    assert str(error).isprintable()
    assert len(str(error)) < 800
    assert not error.refused
    assert len(receiver.came) == 1, "nothing is followed"


async def test_what_can_never_be_taken_and_what_asks_for_patience_are_told_apart() -> None:
    async with Receiver(behave=answers(b"HTTP/1.1 400 Bad\r\n\r\nno such label")).listening() as receiver:
        error = await refused(receiver)
    assert (error.refused, str(error)) == (True, "answered 400 Bad: no such label")
    busy = answers(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n\r\n")
    async with Receiver(behave=busy).listening() as receiver:
        error = await refused(receiver)
    assert (error.refused, error.retry_after) == (False, 7.0)


async def test_nobody_who_listens_is_told_as_such() -> None:
    async with Receiver().listening() as receiver:
        pass
    assert str(await refused(receiver)).startswith("no connection: ")


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> tuple[Issued, Issued, Issued]:
    workshop = Workshop(tmp_path_factory.mktemp("tls"))
    ca = workshop.root(Form(extensions=(CA_BASICS,)))
    named = workshop.signed(Form(subject="/CN=a", extensions=(*SERVER, SAN)), ca)
    other = workshop.signed(
        Form(subject="/CN=b", extensions=(*SERVER, "subjectAltName=DNS:other.example")), ca
    )
    return ca, named, other


def server(of: Issued) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(of.certificate, of.key)
    return context


async def test_credentials_are_shown_over_tls_and_read_anew_each_time(
    issued: tuple[Issued, Issued, Issued], tmp_path: Path
) -> None:
    ca, named, _ = issued
    token, basic = tmp_path / "token", tmp_path / "basic"
    async with Receiver(tls=server(named)).listening() as receiver:
        for number in (1, 2):
            token.write_text(f"token-{number}\n")
            await post(receiver, Credentials(bearer_file=token, ca_file=ca.certificate))
        basic.write_text("me:secret\n")
        await post(receiver, Credentials(basic_auth_file=basic, ca_file=ca.certificate))
    shown = [fields["authorization"] for fields, _ in receiver.came]
    assert shown == [
        "Bearer token-1",
        "Bearer token-2",
        f"Basic {base64.b64encode(b'me:secret').decode()}",
    ]


@pytest.mark.parametrize("status", [b"401 Unauthorized", b"400 Bearer s3cr3t-token-of-ours"])
@pytest.mark.parametrize("ahead", [0, 400, 500])
async def test_a_receiver_that_shows_what_it_was_sent_gets_no_credentials_into_the_log(
    tmp_path: Path, status: bytes, ahead: int
) -> None:
    token, basic = tmp_path / "token", tmp_path / "basic"
    token.write_text("s3cr3t-token-of-ours")
    basic.write_text("me:hunter2-of-ours")
    shown = base64.b64encode(b"me:hunter2-of-ours").decode()
    for given, said in (
        (Credentials(bearer_file=token), "Authorization: Bearer s3cr3t-token-of-ours"),
        (Credentials(basic_auth_file=basic), f"Authorization: Basic {shown}"),
        (Credentials(basic_auth_file=basic), "wrong password: hunter2-of-ours"),
    ):
        echo = "x" * ahead + said
        answer = b"HTTP/1.1 " + (status if "Bearer" in said else b"401 No") + b"\r\n\r\n" + echo.encode()
        async with Receiver(answers(answer)).listening() as receiver:
            told = str(await refused(receiver, given))
        assert not any(part in told for part in ("s3cr3t-t", "hunter2-", shown[:8]))
        assert told.startswith("answered 4")
    async with Receiver(answers(b"HTTP/1.1 401 No\r\n\r\nwho are you?")).listening() as receiver:
        assert str(await refused(receiver, Credentials(bearer_file=token))) == "answered 401 No: who are you?"


async def test_a_receiver_that_shows_the_path_gets_none_of_it_into_the_log(tmp_path: Path) -> None:
    file = tmp_path / "url"
    for path, echo in (
        ("/services/T0-hunter2", "no hook T0-hunter2"),
        ("/in?key=hunter2%2F%2Fhunter2", "unknown key hunter2//hunter2"),
        ("/hunter", "Cannot POST /hunter"),
    ):
        async with Receiver(answers(b"HTTP/1.1 404 No\r\n\r\n" + echo.encode())).listening() as receiver:
            file.write_text(f"http://127.0.0.1:{receiver.port}{path}\n")
            with pytest.raises(NotTaken) as error:
                await Poster(file, Credentials()).post("", b"[]", {})
        assert str(error.value).startswith("answered 404")
        assert "hunter" not in str(error.value)


async def test_a_url_in_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    file = tmp_path / "url"
    async with Receiver().listening() as receiver:
        poster = Poster(file, Credentials())
        for path in ("/a?x=1", "/b"):
            file.write_text(f"http://127.0.0.1:{receiver.port}{path}\n")
            await poster.post("", b"[]", {})
    assert [fields["request"] for fields, _ in receiver.came] == [
        "POST /a?x=1 HTTP/1.1",
        "POST /b HTTP/1.1",
    ]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (None, "No such file"),
        ("", "does not hold one line"),
        ("https://me:hunter2@hook", "a URL with a user or password"),
        ("https://hook:hunter2/", "not a URL"),
        ("ftp://hook/hunter2", "not an http or https URL"),
        ("http://hook/hunter2", "no credentials are sent over http"),
    ],
)
async def test_a_url_in_a_file_that_cannot_be_used_is_not_repeated(
    url: str | None, said: str, tmp_path: Path
) -> None:
    file, token = tmp_path / "url", tmp_path / "token"
    token.write_text("token")
    if url is not None:
        file.write_text(url)
    poster = Poster(file, Credentials(bearer_file=token))
    with pytest.raises(NotTaken, match=said) as error:
        poster.check()
    assert str(file) in str(error.value)
    assert "hunter2" not in str(error.value)


async def test_who_is_not_the_one_who_was_named_gets_nothing(issued: tuple[Issued, Issued, Issued]) -> None:
    ca, named, other = issued
    async with Receiver(tls=server(other)).listening() as receiver:
        assert "certificate" in str(await refused(receiver, Credentials(ca_file=ca.certificate)))
    async with Receiver(tls=server(named)).listening() as unknown:
        assert "certificate" in str(await refused(unknown))
    async with Receiver().listening() as plain:
        plain.tls = server(named)  # it is asked for TLS, and speaks none
        assert str(await refused(plain))
    assert receiver.came == unknown.came == plain.came == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory"),
        (b"", "does not hold one line of printable ASCII"),
        (b"a\r\nX-Injected: 1", "does not hold one line of printable ASCII"),
        (b"x" * 70_000, "has more than 65536 bytes"),
        (b"no-colon", "does not hold USER:PASSWORD"),
    ],
    ids=["missing", "empty", "lines", "large", "no user"],
)
async def test_a_file_of_credentials_that_cannot_be_used_is_named_and_not_repeated(
    content: bytes | None, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "credentials"
    if content is not None:
        file.write_bytes(content)
    async with Receiver().listening() as receiver:
        error = await refused(receiver, Credentials(basic_auth_file=file))
    assert said in str(error)
    assert "Injected" not in str(error)
    assert "no-colon" not in str(error)
    assert receiver.came == []

"""What an HTTP probe can send, and what it can ask of the answer, against servers on loopback."""

import asyncio
import base64
import gzip
import logging
import random
import time
from pathlib import Path
from typing import Any

import pytest

from ipsecping.contract import HttpOptions, Invalidity, LossReason, ProbeType, RoundResult
from ipsecping.contract.methods.http import ConnectTo, Header, Method
from ipsecping.contract.web_url import WebUrl
from ipsecping.probes.http import Browser
from ipsecping.wire.http1 import MAX_BODY, NotHttp, ResponseReader

from ...plans import check_of
from .far_ends import Handler, measure, probe, prober, tcp_server


def site(pages: dict[str, bytes], requests: list[bytes] | None = None) -> Handler:
    """Answers each request target with its page; `%` in it is the server's own port."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(each[15:]) for each in head.split(b"\r\n") if each.startswith(b"Content-Length:")), 0
        )
        if requests is not None:
            requests.append(head + await reader.readexactly(length))
        port = str(writer.get_extra_info("sockname")[1]).encode()
        writer.write(pages[head.split(b" ")[1].decode()].replace(b"%", port))
        await writer.drain()

    return handler


def page(body: bytes, *fields: bytes, status: bytes = b"200 OK") -> bytes:
    lines = (b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *fields, b"", body)
    return b"\r\n".join(lines)


async def fetch(handler: Handler, **options: Any) -> RoundResult:
    async with tcp_server(handler) as port:
        made = HttpOptions(url=f"http://127.0.0.1:{port}/", **options)
        return await measure(probe(ProbeType.HTTP, count=1, options=made))


def read(pieces: list[bytes]) -> ResponseReader:
    reader = ResponseReader(without_body=False)
    for piece in pieces:
        reader.feed(piece)
    return reader


async def test_the_request_is_as_asked_for() -> None:
    requests: list[bytes] = []
    result = await fetch(
        site({"/": page(b"")}, requests),
        method=Method.POST,
        host="app.example",
        headers=(Header("X-Tenant", "a"), Header("user-agent", "me/1")),
        body='{"a": "ü"}',
        sequence_header=True,
    )
    assert result.received == 1
    head, _, body = requests[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST / HTTP/1.1"
    assert {b"Host: app.example", b"X-Tenant: a", b"user-agent: me/1", b"Content-Length: 11"} <= set(lines)
    assert not any(line.startswith(b"User-Agent:") for line in lines)
    assert any(line.startswith(b"X-IPsecPing: seq=1; time=1") for line in lines)
    assert body.decode() == '{"a": "ü"}'


async def test_the_target_is_connected_to_whatever_host_the_url_names() -> None:
    asked: list[str] = []
    requests: list[bytes] = []

    def find(name: str) -> list[str]:
        asked.append(name)
        return []

    async with tcp_server(site({"/": page(b"")}, requests)) as port:
        options = HttpOptions(url=f"http://app.example:{port}/", connect_to=ConnectTo.TARGET)
        with prober(find=find) as made:
            (result,) = await made.round(
                check_of(probe(ProbeType.HTTP, count=1, options=options), target="127.0.0.1")
            )
    assert (result.received, result.remote_ip, asked) == (1, "127.0.0.1", [])
    assert f"\r\nHost: app.example:{port}\r\n".encode() in requests[0]


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nall\r\n8\r\n is well\r\n0\r\n\r\n"
UNTIL_CLOSED = b"HTTP/1.1 200 OK\r\n\r\nall is well"


@pytest.mark.parametrize("answer", [page(b"all is well"), CHUNKED, UNTIL_CLOSED])
@pytest.mark.parametrize(
    ("options", "good"),
    [
        ({"body_matches": ("all is well$",)}, True),
        ({"body_matches": ("^all", "bad")}, False),
        ({"body_not_matches": ("bad",)}, True),
        ({"body_not_matches": ("(?i)WELL",)}, False),
    ],
)
async def test_the_body_is_judged_however_it_is_framed(
    answer: bytes, options: dict[str, Any], good: bool
) -> None:
    result = await fetch(site({"/": answer}), **options)
    assert (result.received, result.losses) == ((1, {}) if good else (0, {LossReason.UNEXPECTED_STATUS: 1}))


@pytest.mark.parametrize(
    ("options", "good"),
    [
        ({"header_matches": (Header("server", "^nginx"),)}, True),
        ({"header_matches": (Header("Via", "."),)}, False),
        ({"header_not_matches": (Header("Via", "."),)}, True),
        ({"header_not_matches": (Header("Server", "nginx"),)}, False),
    ],
)
async def test_header_fields_are_judged(options: dict[str, Any], good: bool) -> None:
    result = await fetch(site({"/": page(b"", b"Server: nginx/1.27")}), **options)
    assert result.received == good


async def test_a_compressed_body_is_judged_as_what_it_holds_and_no_more_of_it_than_is_allowed() -> None:
    # A fixed time: `site` puts its port in the place of each %, which the time might hold.
    bomb = gzip.compress(b"ok" + bytes(100 * MAX_BODY) + b"hidden", mtime=0)
    answer = page(bomb, b"Content-Encoding: gzip")
    requests: list[bytes] = []
    result = await fetch(
        site({"/": answer}, requests), gzip=True, body_matches=("^ok",), body_not_matches=("hidden",)
    )
    assert result.received == 1
    assert b"\r\nAccept-Encoding: gzip\r\n" in requests[0]
    unknown = site({"/": page(b"x", b"Content-Encoding: br")})
    assert (await fetch(unknown, body_matches=("x",))).losses == {LossReason.BAD_ANSWER: 1}


async def test_text_that_costs_a_pattern_too_much_is_what_the_far_end_gave() -> None:
    body = bytes(random.Random(7).choices(b"ab", k=60_000))
    result = await fetch(site({"/": page(body)}), body_matches=("(a|b)*a(a|b){60}c",))
    assert result.invalid is None
    assert result.losses == {LossReason.UNEXPECTED_STATUS: 1}


def redirect(where: bytes, status: bytes = b"302 Found") -> bytes:
    return page(b"", b"Location: " + where, status=status)


async def test_redirects_are_followed_on_the_same_host_so_many_times() -> None:
    pages = {"/": redirect(b"/a"), "/a": redirect(b"http://127.0.0.1:%/b"), "/b": page(b"end")}
    assert (await fetch(site(pages), max_redirects=2, body_matches=("end",))).received == 1
    assert (await fetch(site(pages), max_redirects=1)).losses == {LossReason.UNEXPECTED_STATUS: 1}
    assert (await fetch(site({"/": redirect(b"/")}), max_redirects=10)).received == 0


async def test_what_this_host_lets_pass_before_it_follows_a_redirect_is_in_no_round_trip(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Browser._redirected

    def late(self: Browser, url: WebUrl, locations: list[str]) -> WebUrl:
        time.sleep(0.5)
        return real(self, url, locations)

    monkeypatch.setattr(Browser, "_redirected", late)
    result = await fetch(site({"/": redirect(b"/a"), "/a": page(b"")}), max_redirects=1)
    assert result.received == 1
    assert result.rtt.count == 1
    assert 0 < (result.rtt.min or 0) < 400_000_000


@pytest.mark.parametrize("where", [b"http://127.0.0.2:%/", b"//elsewhere.example/", b"ftp://127.0.0.1/"])
async def test_a_redirect_to_another_host_or_protocol_is_not_followed(where: bytes) -> None:
    assert (await fetch(site({"/": redirect(where)}), max_redirects=3)).received == 0


async def test_a_redirect_that_is_no_get_repeats_its_body_only_where_it_has_to() -> None:
    for status, method, body in (
        (b"303 See Other", b"GET", b""),
        (b"307 Temporary Redirect", b"POST", b"content"),
    ):
        requests: list[bytes] = []
        pages = {"/": redirect(b"/b", status), "/b": page(b"")}
        await fetch(site(pages, requests), max_redirects=1, method=Method.POST, body="content")
        head, _, sent = requests[1].partition(b"\r\n\r\n")
        assert (head.split(b" ")[0], sent) == (method, body)


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
async def test_credentials_are_sent_from_their_file_and_never_to_another_origin(
    scheme: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    file = tmp_path / "secret"
    file.write_text("s3cret\n")
    here: list[bytes] = []
    there: list[bytes] = []
    options: dict[str, Any] = {"token_file": str(file)}
    if scheme == "Basic":
        options = {"username": "u", "password_file": str(file)}
    async with tcp_server(site({"/": page(b"")}, there)) as other:
        pages = {"/": redirect(b"/same"), "/same": redirect(f"http://127.0.0.1:{other}/".encode())}
        result = await fetch(
            site(pages, here),
            max_redirects=3,
            insecure_credentials=True,
            headers=(Header("Cookie", "a=b"),),
            **options,
        )
    assert result.received == 1
    sent = b"Bearer s3cret" if scheme == "Bearer" else b"Basic " + base64.b64encode(b"u:s3cret")
    assert [b"\r\nAuthorization: " + sent + b"\r\n" in each for each in here] == [True, True]
    assert [b"Authorization" in each or b"Cookie" in each for each in there] == [False]
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize("content", [None, "", "two\nlines", "hex:" + "ab" * 32, "x" * 10_000])
async def test_a_secret_that_cannot_be_used_is_our_fault_and_a_signing_key_is_never_sent(
    content: str | None, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_text(content)
    requests: list[bytes] = []
    result = await fetch(site({"/": page(b"")}, requests), token_file=str(file), insecure_credentials=True)
    assert (result.invalid, result.losses, requests) == (Invalidity.KEY_MISSING, {}, [])


@pytest.mark.parametrize(
    "octets",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: zz\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 9000,
        b"HTTP/1.1 200 OK\r\n folded: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 300 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000,
    ],
)
@pytest.mark.parametrize("size", [1, 100_000])
def test_a_response_that_breaks_the_rules_is_refused_whatever_its_pieces(octets: bytes, size: int) -> None:
    with pytest.raises(NotHttp):
        read([octets[at : at + size] for at in range(0, len(octets), size)])


async def test_a_body_that_is_cut_short_is_a_bad_answer_where_it_is_judged() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"
    assert (await fetch(site({"/": answer}), body_matches=("ok",))).losses == {LossReason.BAD_ANSWER: 1}
    assert (await fetch(site({"/": answer}))).received == 1

"""Servers that a module of blackbox_exporter is asked about: as it wants them, and wrong in one way each."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple


class Pki(NamedTuple):
    """A certificate for 127.0.0.1 that signs itself, and another one that nobody trusts."""

    trusted: Path
    other: Path

    def context(self, certificate: Path) -> ssl.SSLContext:
        """What a server with that certificate needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        return context


class Request(NamedTuple):
    """An HTTP request."""

    line: str
    fields: dict[str, str]
    body: bytes


class Server(NamedTuple):
    """One that a probe meets."""

    answer: "Callable[[asyncio.StreamReader, asyncio.StreamWriter, Pki], Any]"
    tls: str | None = None
    """Which certificate it shows before all; None: no TLS."""


def http(
    status: int = 200,
    body: bytes = b"",
    fields: dict[str, str] | None = None,
    *,
    wants: Callable[[Request], bool] = lambda _: True,
) -> Server:
    """A web server that answers so where a request is as it wants it, else by 400."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: Pki) -> None:
        line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        given = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines)}
        request = Request(line, given, await _body(reader, given))
        right = wants(request)
        if request.line.split()[1] == "/there":
            head = "HTTP/1.1 200 OK"
        else:
            head = f"HTTP/1.1 {status if right else 400} X"
        names = "".join(f"\r\n{name}: {value}" for name, value in (fields or {}).items())
        end = f"\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write((head + names + end).encode() + body)
        await writer.drain()

    return Server(serve)


async def _body(reader: asyncio.StreamReader, given: dict[str, str]) -> bytes:
    """A body of a length that is told, or in one chunk."""
    if "transfer-encoding" not in given:
        return await reader.readexactly(int(given.get("content-length", 0)))
    body = await reader.readexactly(int(await reader.readline(), 16))
    await reader.readuntil(b"0\r\n\r\n")
    return body


def lines(*said: str | None) -> Server:
    """A server that says the lines in turn, after having heard one where None stands: $ is its first word."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: Pki) -> None:
        heard = b"."
        for each in said:
            if each is None:
                heard = await reader.readline()
            else:
                writer.write(each.encode().replace(b"$", heard.split()[0]) + b"\r\n")
        await writer.drain()

    return Server(serve)


def start_tls(before: tuple[str | None, ...], after: tuple[str | None, ...], certificate: str) -> Server:
    """A server that turns to TLS in the midst of the conversation."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pki: Pki) -> None:
        await lines(*before).answer(reader, writer, pki)
        await writer.start_tls(pki.context(getattr(pki, certificate)))
        await lines(*after).answer(reader, writer, pki)

    return Server(serve)


DOWNLOADS = b"Download the latest version here"
OPEN = {"Access-Control-Allow-Origin": "example.com"}
SMTP = (
    ("220 mail ESMTP here", None, "250-mail", "250-STARTTLS", "250 OK", None, "220 go"),
    (None, "250-mail", "250-AUTH PLAIN", "250 OK"),
)
IMAP = (("* OK [CAPABILITY STARTTLS] ready", None, "$ OK begin"), (None, "* CAPABILITY IMAP4rev1", "$ OK"))


def _posted(request: Request) -> bool:
    return (
        request.line.startswith("POST ")
        and request.fields.get("content-type") == "application/json"
        and request.body == b"{}"
    )


def _logged_in(request: Request) -> bool:
    return (
        request.fields.get("authorization") == "Basic dXNlcm5hbWU6bXlzZWNyZXQ="
        and request.fields.get("host") == "login.example.com"
    )


SERVERS: dict[str, tuple[Server, dict[str, Server]]] = {
    "http_2xx": (http(204), {"unavailable": http(503), "not HTTP": lines("220 ftp")}),
    "redirected": (
        http(302, fields={"Location": "/there"}),
        {
            "for ever": http(302, fields={"Location": "/"}),
            "to nowhere": http(302, fields={"Location": "http://127.0.0.1:1/"}),
        },
    ),
    "http_2xx_example": (
        http(200, DOWNLOADS, OPEN),
        {
            "text missing": http(200, b"Welcome", OPEN),
            "wrong text": http(200, DOWNLOADS + b"\nCould not connect to database", OPEN),
            "a cookie": http(200, DOWNLOADS, OPEN | {"Set-Cookie": "a=b"}),
            "field missing": http(200, DOWNLOADS),
            "another field": http(200, DOWNLOADS, {"Access-Control-Allow-Origin": "a.example"}),
            "another host": http(200, DOWNLOADS, OPEN, wants=lambda r: r.fields["host"] == "a.example"),
        },
    ),
    "http_post_2xx": (http(wants=_posted), {"unwanted": http(405)}),
    "http_basic_auth_example": (http(wants=_logged_in), {"refused": http(401)}),
    "http_custom_ca_example": (
        http()._replace(tls="trusted"),
        {"unknown authority": http()._replace(tls="other"), "no TLS": http()},
    ),
    "http_gzip_with_accept_encoding": (
        http(
            body=gzip.compress(b"text"),
            wants=lambda request: request.fields.get("accept-encoding") == "gzip",
            fields={"Content-Encoding": "gzip"},
        ),
        {"unavailable": http(503)},
    ),
    "tls_connect": (
        lines("hello")._replace(tls="trusted"),
        {"unknown authority": lines("hello")._replace(tls="other"), "no TLS": lines("hello")},
    ),
    "tcp_connect_example": (lines(), {}),
    "ssh_banner": (lines("SSH-2.0-OpenSSH", None), {"FTP": lines("220 ftp", None)}),
    "pop3s_banner": (
        lines("+OK POP3")._replace(tls="trusted"),
        {"busy": lines("-ERR")._replace(tls="trusted"), "no TLS": lines("+OK POP3")},
    ),
    "smtp_starttls": (
        start_tls(*SMTP, "trusted"),
        {
            "no authentication": start_tls(SMTP[0], (None, "250-mail", "250 OK"), "trusted"),
            "unknown authority": start_tls(*SMTP, "other"),
            "no STARTTLS": lines("220 mail ESMTP here", None, "250 OK", None, "502 what"),
        },
    ),
    "imap_starttls": (
        start_tls(*IMAP, "trusted"),
        {
            "another version": start_tls(IMAP[0], (None, "* CAPABILITY IMAP2", "$ OK"), "trusted"),
            "unknown authority": start_tls(*IMAP, "other"),
        },
    ),
}
"""A good server and bad ones, by module; `redirected` is http_2xx again."""


@asynccontextmanager
async def serving(server: Server, pki: Pki) -> AsyncIterator[int]:
    """The server's port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await server.answer(reader, writer, pki)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            writer.close()

    context = None if server.tls is None else pki.context(getattr(pki, server.tls))
    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()

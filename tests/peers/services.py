"""Services that carry messages to a person: an API over HTTP, a mail server. They keep what comes."""

import base64
import json
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_MOST = 4 << 20
"""Bytes of a message."""


@dataclass(frozen=True)
class Call:
    """One request: path with query, header fields, and the JSON of its content."""

    path: str
    fields: dict[str, str]
    content: Any
    size: int


@dataclass
class Api:
    """An API that takes JSON, and says that it has."""

    calls: list[Call] = field(default_factory=list)

    @contextmanager
    def listening(self) -> Iterator[str]:
        """Listen on loopback; the URL, without a slash at its end."""
        calls = self.calls

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(min(int(self.headers["Content-Length"]), _MOST))
                calls.append(Call(self.path, dict(self.headers), json.loads(content), len(content)))
                self.send_response(202)
                self.end_headers()
                self.wfile.write(b'{"status": "success", "ok": true}')

            do_PUT = do_POST  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
            yield f"http://127.0.0.1:{port}"


@dataclass
class Exporter:
    """What a Prometheus scrapes: the lines as they are set."""

    lines: Sequence[str] = ()

    @contextmanager
    def listening(self) -> Iterator[str]:
        """Listen on loopback; host and port."""
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write("".join(f"{line}\n" for line in exporter.lines).encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
            yield f"127.0.0.1:{port}"


@dataclass
class Mailbox:
    """A mail server for submission (RFC 6409): STARTTLS first (RFC 3207), a login (RFC 4954), then mails."""

    tls: ssl.SSLContext
    mails: list[EmailMessage] = field(default_factory=list)
    logins: set[tuple[str, str]] = field(default_factory=set)
    """Users and passwords that were shown."""

    @contextmanager
    def listening(self) -> Iterator[int]:
        """Listen on loopback; the port."""

        class Session(_Session):
            mailbox = self

        with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)) as port:
            yield port


class _Session(socketserver.StreamRequestHandler):
    """One connection of a client that submits mails (RFC 5321)."""

    mailbox: Mailbox
    secured = False
    welcome = False

    def handle(self) -> None:
        self._say("220 mail ESMTP")
        while line := self.rfile.readline(1024).decode("ascii").strip():
            command, _, rest = line.partition(" ")
            self._say(*self._obey(command.upper(), rest))
            if command.upper() == "STARTTLS":
                self.request = self.mailbox.tls.wrap_socket(self.request, server_side=True)
                self.setup()
                self.secured = True
            elif command.upper() == "DATA":
                self.mailbox.mails.append(self._mail())
                self._say("250 taken")

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def _obey(self, command: str, rest: str) -> tuple[str, ...]:
        match command:
            case "EHLO":
                return ("250-mail", "250-AUTH PLAIN" if self.secured else "250-STARTTLS", "250 8BITMIME")
            case "STARTTLS":
                return ("220 go ahead",)
            case "AUTH" if self.secured:
                _, user, password = base64.b64decode(rest.split()[1]).decode().split("\0")
                self.mailbox.logins.add((user, password))
                self.welcome = True
                return ("235 welcome",)
            case "MAIL" | "RCPT" if self.welcome:
                return ("250 fine",)
            case "DATA" if self.welcome:
                return ("354 go on",)
            case "QUIT":
                return ("221 bye",)
        return ("530 not so",)

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    def _mail(self) -> EmailMessage:
        lines = list[bytes]()
        while (line := self.rfile.readline(_MOST)) not in (b".\r\n", b""):
            assert len(line) <= 1000, "a line of a mail has at most 998 octets (RFC 5322, section 2.1.1)"
            lines.append(line.removeprefix(b"."))
        parsed = BytesParser(policy=SMTP).parsebytes(b"".join(lines))
        assert isinstance(parsed, EmailMessage)
        return parsed


@contextmanager
def _serving(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def awaited(find: Callable[[], Any], *, seconds: float = 60.0) -> Any:
    """Return what is found once there is something. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not (found := find()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing came within {seconds:g} s")
        time.sleep(0.05)
    return found

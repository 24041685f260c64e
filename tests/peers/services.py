"""Services that carry messages to a person, on loopback: an API over HTTP, and a mail server. They keep what comes."""

import base64
import json
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
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

            do_PUT = do_POST

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
            yield f"http://127.0.0.1:{port}"


@dataclass
class Mailbox:
    """A mail server (RFC 5321) for submission: STARTTLS first (RFC 3207), then a login (RFC 4954), then mails."""

    tls: ssl.SSLContext
    mails: list[EmailMessage] = field(default_factory=list)
    logins: set[tuple[str, str]] = field(default_factory=set)
    """Users and passwords that were shown."""

    @contextmanager
    def listening(self) -> Iterator[int]:
        """Listen on loopback; the port."""
        mailbox = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self._say("220 mail ESMTP")
                secured = False
                while line := self.rfile.readline(1024).decode("ascii").strip():
                    command, _, rest = line.partition(" ")
                    match command.upper():
                        case "EHLO":
                            self._say("250-mail", "250-AUTH PLAIN" if secured else "250-STARTTLS", "250 8BITMIME")
                        case "STARTTLS":
                            self._say("220 go ahead")
                            self.request = mailbox.tls.wrap_socket(self.request, server_side=True)
                            self.setup()
                            secured = True
                        case "AUTH" if secured:
                            _, user, password = base64.b64decode(rest.split()[1]).decode().split("\0")
                            mailbox.logins.add((user, password))
                            self._say("235 welcome")
                        case "MAIL" | "RCPT" if mailbox.logins:
                            self._say("250 fine")
                        case "DATA":
                            self._say("354 go on")
                            mailbox.mails.append(self._mail())
                            self._say("250 taken")
                        case "QUIT":
                            self._say("221 bye")
                            return
                        case _:
                            self._say("530 not so")

            def _say(self, *lines: str) -> None:
                self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

            def _mail(self) -> EmailMessage:
                lines = list[bytes]()
                while (line := self.rfile.readline(_MOST)) not in (b".\r\n", b""):
                    assert len(line) <= 1000, "a line of a mail has at most 998 octets (RFC 5322, 2.1.1)"
                    lines.append(line.removeprefix(b"."))
                parsed = BytesParser(policy=SMTP).parsebytes(b"".join(lines))
                assert isinstance(parsed, EmailMessage)
                return parsed

        with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
            yield port


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

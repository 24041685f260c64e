"""Hostile HTTP servers."""

import socket
import time

from .kinds import answer_connections, for_ever, kind

OK = b"HTTP/1.1 200 OK\r\n"


def _after_request(port: int, first: bytes, rest: bytes = b"") -> None:
    def converse(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(first)
        if rest:
            for_ever(connection, rest)

    answer_connections(port, converse)


@kind
def http_interim(port: int) -> None:
    """Sends interim responses (1xx) without end."""
    _after_request(port, b"", b"HTTP/1.1 102 Processing\r\n\r\n")


@kind
def http_interim_head(port: int) -> None:
    """Sends one interim response whose header section never ends."""
    _after_request(port, b"HTTP/1.1 103 Early Hints\r\n", b"Link: </style.css>; rel=preload\r\n")


@kind
def http_head(port: int) -> None:
    """Sends the status asked for and a header section that never ends."""
    _after_request(port, OK, b"X: y\r\n")


@kind
def http_body(port: int) -> None:
    """Sends the status asked for and a body without end."""
    _after_request(port, OK + b"\r\n", bytes(65_536))


@kind
def http_status_line(port: int) -> None:
    """Sends a status line without end."""
    _after_request(port, b"HTTP/1.1 200 ", b"O" * 65_536)


@kind
def http_contradiction(port: int) -> None:
    """Sends the status asked for with two lengths, then other statuses without end."""
    lengths = (
        OK + b"Content-Length: 0\r\nContent-Length: 99999999999999999999\r\nTransfer-Encoding: x\r\n\r\n"
    )
    _after_request(port, lengths + b"\r\n", b"HTTP/1.1 503 No\r\n\r\n" + OK + b"\r\n")


@kind
def http_drip(port: int) -> None:
    """Sends an interim response byte by byte, 10,000 bytes a second, and never ends it."""

    def converse(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: ")
        while True:
            connection.sendall(b"<")
            time.sleep(0.0001)

    answer_connections(port, converse)


@kind
def http_garbage(port: int) -> None:
    """Sends zeros without end, before it was asked anything."""
    answer_connections(port, lambda connection: for_ever(connection, bytes(65_536)))


@kind
def tcp_silent(port: int) -> None:
    """Accepts and never says anything."""
    answer_connections(port, lambda _: time.sleep(3600))

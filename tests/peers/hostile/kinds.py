"""The registry of kinds, and the sockets that most of them need."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable

Kind = Callable[[int], None]
KINDS: dict[str, Kind] = {}
HOST = "127.0.0.1"
MANY = 10_000
"""So often one packet is answered."""


def kind(function: Kind) -> Kind:
    """Register a kind under its function's name."""
    KINDS[function.__name__.replace("_", "-")] = function
    return function


def listening(port: int) -> None:
    """Say that the target is ready."""
    print(f"listening on {HOST} port {port}", flush=True)


def answer_datagrams(port: int, answers: Callable[[bytes], Iterable[bytes]]) -> None:
    """Answer each datagram with all that `answers` makes of it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, port))
        listening(sock.getsockname()[1])
        while True:
            data, source = sock.recvfrom(65_535)
            for answer in answers(data):
                with contextlib.suppress(OSError):
                    sock.sendto(answer, source)


def answer_connections(port: int, converse: Callable[[socket.socket], None]) -> None:
    """Have a conversation on each connection, in a thread of its own, until the other end has enough."""

    def run(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            converse(connection)

    with socket.create_server((HOST, port), backlog=1024) as server:
        listening(server.getsockname()[1])
        while True:
            connection, _ = server.accept()
            threading.Thread(target=run, args=(connection,), daemon=True).start()


def for_ever(connection: socket.socket, data: bytes) -> None:
    """Send the same again and again, until the other end closes."""
    data *= 65_536 // len(data) or 1
    while True:
        connection.sendall(data)

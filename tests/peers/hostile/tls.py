"""Hostile TLS servers (they need the program openssl)."""

import contextlib
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from .kinds import HOST, answer_connections, for_ever, kind, listening

_HANDSHAKE, _ALERT, _DATA = 22, 21, 23


def _record(kind_: int, content: bytes) -> bytes:
    return bytes((kind_, 3, 3)) + len(content).to_bytes(2, "big") + content


def _after_hello(port: int, first: bytes, rest: bytes) -> None:
    def converse(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(first)
        for_ever(connection, rest)

    answer_connections(port, converse)


@kind
def tls_garbage(port: int) -> None:
    """Answers a ClientHello with zeros without end."""
    _after_hello(port, b"", bytes(65_536))


@kind
def tls_empty_records(port: int) -> None:
    """Answers a ClientHello with empty records without end."""
    _after_hello(port, b"", _record(_HANDSHAKE, b""))


@kind
def tls_alerts(port: int) -> None:
    """Answers a ClientHello with warnings without end."""
    _after_hello(port, b"", _record(_ALERT, b"\x01\x5a"))


@kind
def tls_fragments(port: int) -> None:
    """Answers a ClientHello with one message of 16 MiB in records of one byte."""
    _after_hello(port, _record(_HANDSHAKE, b"\x02\xff\xff\xff"), _record(_HANDSHAKE, b"\x03"))


@kind
def tls_drip(port: int) -> None:
    """Answers a ClientHello with a record that comes byte by byte."""

    def converse(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb")
        while True:
            connection.sendall(b"\x03")
            time.sleep(0.0001)

    answer_connections(port, converse)


@kind
def tls_dhe(port: int) -> None:
    """Speaks TLS 1.2 with DHE alone, with a prime of 8,192 bits."""
    with _certificate() as (chain, key, folder):
        primes = folder / "dh.pem"
        _openssl("genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe8192", "-out", primes)
        context = _context(chain, key)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("DHE")
        context.load_dh_params(str(primes))
        _handshake(port, context)


@kind
def tls_chain(port: int) -> None:
    """Presents a chain of certificates of 90 KiB."""
    with _certificate() as (chain, key, folder):
        other = folder / "other.pem"
        _openssl(*_REQUEST, "rsa:2048", "-keyout", folder / "other.key", "-out", other)
        text = other.read_text()
        chain.write_text(chain.read_text() + text * (90_000 // len(ssl.PEM_cert_to_DER_cert(text))))
        _handshake(port, _context(chain, key))


@kind
def tls_tickets(port: int) -> None:
    """Sends session tickets by the thousand after the handshake."""
    with _certificate() as (chain, key, _):
        context = _context(chain, key)
        context.num_tickets = 4000
        _handshake(port, context)


@kind
def tls_records(port: int) -> None:
    """Sends records of one byte without end after the handshake."""
    with _certificate() as (chain, key, _):
        _handshake(port, _context(chain, key), b"H")


@kind
def tls_key_updates(port: int) -> None:
    """Has the client change its keys (KeyUpdate, RFC 8446 section 4.6.3), time and again."""
    with _certificate() as (chain, key, _):
        command = ["openssl", "s_server", "-accept", f"{HOST}:{port}", "-cert", str(chain), "-key", str(key)]
        server = subprocess.Popen(
            [*command, "-tls1_3"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        assert server.stdin is not None
        try:
            time.sleep(0.3)
            listening(port)
            while True:
                server.stdin.write(b"K\n")
                server.stdin.flush()
                time.sleep(0.00005)
        finally:
            server.kill()
            server.wait()


@kind
def tls_retry(port: int) -> None:
    """Has the client make another key share (HelloRetryRequest), of the group that costs it most."""
    with _certificate() as (chain, key, _):
        command = ["openssl", "s_server", "-accept", f"{HOST}:{port}", "-cert", str(chain), "-key", str(key)]
        server = subprocess.Popen(
            [*command, "-tls1_3", "-groups", "ffdhe8192", "-quiet"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            time.sleep(0.3)
            listening(port)
            server.wait()
        finally:
            server.kill()
            server.wait()


_REQUEST = ("req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=hostile.example", "-newkey")


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@contextlib.contextmanager
def _certificate() -> Iterator[tuple[Path, Path, Path]]:
    """Chain and key, and the folder that they are in."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        chain, key = folder / "chain.pem", folder / "key.pem"
        _openssl(*_REQUEST, "rsa:2048", "-keyout", key, "-out", chain)
        yield chain, key, folder


def _context(chain: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context


def _handshake(port: int, context: ssl.SSLContext, rest: bytes = b"") -> None:
    def converse(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            while rest:
                tls.sendall(rest)
            while tls.recv(65_536):
                pass

    answer_connections(port, converse)

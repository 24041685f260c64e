"""Hostile clients: they torment whoever listens on a port."""

import contextlib
import os
import socket
import ssl
import time

from .kinds import HOST, for_ever, kind

_CONNECTIONS = 1000


@kind
def client_silent(port: int) -> None:
    """Opens 1,000 connections, says nothing, and opens again what is closed."""
    held: list[socket.socket] = []
    while True:
        with contextlib.suppress(OSError):
            held.append(socket.create_connection((HOST, port), timeout=1))
        if len(held) >= _CONNECTIONS:
            held.pop(0).close()
        time.sleep(0.001)


@kind
def client_flood(port: int) -> None:
    """Sends on one connection without end, and never reads."""
    while True:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=5) as connection:
            for_ever(connection, bytes(65_536))


@kind
def client_greedy(port: int) -> None:
    """Sends on one connection without end, and reads what comes back."""
    while True:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=5) as connection:
            while True:
                connection.sendall(bytes(16_384))
                connection.recv(65_536)


@kind
def client_tls_records(port: int) -> None:
    """Sends TLS records of one byte, 20,000 in one go, and never reads."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    while True:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=5) as connection:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(incoming, outgoing)
            while True:
                try:
                    tls.do_handshake()
                except ssl.SSLWantReadError:
                    connection.sendall(outgoing.read())
                    incoming.write(connection.recv(65_536))
                else:
                    break
            while True:
                for _ in range(20_000):
                    tls.write(b"x")
                connection.sendall(outgoing.read())


@kind
def client_tls_garbage(port: int) -> None:
    """Sends random bytes where a ClientHello is awaited, in one connection after the other."""
    while True:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=5) as connection:
            connection.sendall(b"\x16\x03\x01\x3f\xff\x01\x00\x3f\xfb" + os.urandom(16_384))
            connection.recv(65_536)


@kind
def client_datagrams(port: int) -> None:
    """Sends datagrams of random bytes and sizes without end."""
    noise = [os.urandom(size) for size in (0, 1, 40, 44, 112, 1400, 60_000)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        while True:
            for data in noise:
                with contextlib.suppress(OSError):
                    sock.sendto(data, (HOST, port))

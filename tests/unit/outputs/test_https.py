"""Outputs over TLS, to a server with a certificate of a private authority."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ipsecping.outputs.access import Access, tls_context
from ipsecping.outputs.errors import OutputError
from ipsecping.outputs.http import Connection, parse_url

from ..field_certificates import CA_BASICS, SAN, SERVER, Form, Issued, Workshop
from ..handshakes import server


class Quiet(BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def https(context: ssl.SSLContext) -> Iterator[int]:
    """A server for one connection; yields its port."""
    listening = HTTPServer(("127.0.0.1", 0), Quiet)
    listening.handle_error = lambda *_: None  # type: ignore[method-assign]  # a refused handshake
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    thread = threading.Thread(target=listening.handle_request)
    thread.start()
    try:
        yield listening.server_address[1]
    finally:
        thread.join()
        listening.server_close()


@pytest.fixture(scope="module")
def eks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Issued, Issued]:
    workshop = Workshop(tmp_path_factory.mktemp("eks"))
    ca = workshop.root(Form(extensions=(CA_BASICS,)))
    return ca, workshop.signed(Form(subject="/CN=gateway", extensions=(*SERVER, SAN)), ca)


def put(port: int) -> None:
    with Connection(parse_url(f"https://127.0.0.1:{port}"), seconds=5) as connection:
        connection.send("PUT", "/metrics", b"x 1", {})


def test_an_authority_as_that_of_eks_is_trusted_where_the_system_trusts_it(
    eks: tuple[Issued, Issued], monkeypatch: pytest.MonkeyPatch
) -> None:
    ca, leaf = eks
    monkeypatch.setenv("SSL_CERT_FILE", str(ca.certificate))
    with https(server(leaf.certificate, leaf.key)) as port:
        put(port)


def test_an_authority_that_nobody_named_is_refused_with_the_way_out(
    eks: tuple[Issued, Issued], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, leaf = eks
    stranger = Workshop(tmp_path).root(Form(subject="/CN=stranger", extensions=(CA_BASICS,)))
    monkeypatch.setenv("SSL_CERT_FILE", str(stranger.certificate))
    with (
        https(server(leaf.certificate, leaf.key)) as port,
        pytest.raises(OutputError, match=r"unable to get local issuer certificate .*SSL_CERT_FILE"),
    ):
        put(port)


def test_a_client_certificate_is_shown_where_the_server_asks_for_one(
    eks: tuple[Issued, Issued], tmp_path: Path
) -> None:
    ca, leaf = eks
    workshop = Workshop(tmp_path)
    clients = workshop.root(Form(subject="/CN=clients", extensions=(CA_BASICS,)))
    ours = workshop.signed(Form(subject="/CN=us", extensions=("extendedKeyUsage=clientAuth",)), clients)
    plain = tls_context(ca=ca.certificate, certificate=None, key=None)
    shown = tls_context(ca=ca.certificate, certificate=ours.certificate, key=ours.key)
    for context, refused in ((shown, False), (plain, True)):
        with (
            https(server(leaf.certificate, leaf.key, clients=clients.certificate)) as port,
            pytest.raises(OutputError) if refused else nullcontext(),
            Connection(
                parse_url(f"https://127.0.0.1:{port}"), Access(None, context), seconds=5
            ) as connection,
        ):
            connection.send("PUT", "/metrics", b"x 1", {})

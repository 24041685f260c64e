"""TCP, TLS and HTTP probes against `openssl s_server`; the certificate's end as openssl itself reads it."""

import asyncio
import calendar
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipsecping.cli.main import main
from ipsecping.cli.run import measure
from ipsecping.contract import (
    HttpOptions,
    LossReason,
    Options,
    Plan,
    PlannedProbe,
    ProbeType,
    RoundResult,
    TcpOptions,
    TlsOptions,
)

from ..peers.openssl import openssl, openssl_path
from ..plans import check_of
from ..ports import free_port
from ..result_figures import expiry_of
from .peer_process import running


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that signs itself; the key beside it has the suffix .key."""
    file = tmp_path_factory.mktemp("pki") / "server.pem"
    openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "90",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "-keyout", file.with_suffix(".key"), "-out", file,
    )  # fmt: skip
    return file


@pytest.fixture(params=["-tls1_2", "-tls1_3"])
def server(request: pytest.FixtureRequest, certificate: Path) -> Iterator[int]:
    """The port of a TLS server that answers GET with a page about the connection."""
    port = free_port(socket.SOCK_STREAM)
    with running(
        openssl_path(), "s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(certificate),
        "-key", str(certificate.with_suffix(".key")), "-www", request.param, ready="ACCEPT",
    ):  # fmt: skip
        yield port


def round_of(kind: ProbeType, options: Options, port: int | None = None) -> RoundResult:
    probe = PlannedProbe(
        name="p", type=kind, count=3, spacing_ms=50, timeout_ms=10_000, size=0, port=port, options=options
    )
    check = check_of(probe)
    (result,) = asyncio.run(measure(Plan(checks=(check,))))
    return result


def end_as_openssl_reads_it(certificate: Path) -> int:
    text = openssl("x509", "-in", certificate, "-noout", "-enddate")
    return calendar.timegm(time.strptime(text.strip(), "notAfter=%b %d %H:%M:%S %Y GMT"))


@pytest.mark.smoke
def test_a_handshake_is_an_answer_and_the_end_of_the_certificate_is_right(
    server: int, certificate: Path
) -> None:
    tls = TlsOptions(ca_file=str(certificate))
    result = round_of(ProbeType.TCP, TcpOptions(tls=tls), server)
    assert (result.received, result.losses) == (3, {})
    assert expiry_of(result) == end_as_openssl_reads_it(certificate)


def test_a_certificate_of_nobodys_is_not_trusted(server: int, certificate: Path) -> None:
    result = round_of(ProbeType.TCP, TcpOptions(tls=TlsOptions()), server)
    assert result.losses == {LossReason.TLS_FAILED: 3}
    assert expiry_of(result) == end_as_openssl_reads_it(certificate)


@pytest.mark.smoke
def test_a_page_is_fetched(server: int, certificate: Path) -> None:
    tls = TlsOptions(ca_file=str(certificate))
    result = round_of(ProbeType.HTTP, HttpOptions(url=f"https://127.0.0.1:{server}/", tls=tls))
    assert (result.received, result.losses) == (3, {})


def test_plain_http_to_a_tls_port_is_a_bad_answer(server: int) -> None:
    result = round_of(ProbeType.HTTP, HttpOptions(url=f"http://127.0.0.1:{server}/"))
    assert result.losses == {LossReason.BAD_ANSWER: 3}


def test_ping_measures_the_handshake(
    server: int, certificate: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"ping 127.0.0.1 --tcp {server} --tls --ca-file {certificate} -c 2 -i 50ms -W 10s --json"
    assert main(words.split()) == 0
    assert json.loads(capsys.readouterr().out)["received"] == 2

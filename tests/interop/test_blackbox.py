"""blackbox_exporter's example modules and our probes side by side: what it finds of a server, they find.

Each module is asked about a server that is as it should be and about others that are not in one way each, and
so is the probe that docs/probes.md maps it to.
"""

import asyncio
import gzip
import os
import re
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from ipsecping.contract import (
    DnsOptions,
    HttpOptions,
    Options,
    PlannedProbe,
    ProbeType,
    RecordType,
    TcpOptions,
    TlsOptions,
)
from ipsecping.contract.methods.dns import Transport
from ipsecping.contract.methods.http import Header, Method
from ipsecping.contract.methods.tcp import StartTls, Step
from ipsecping.net.clocks import Clock
from ipsecping.net.resolve import Resolver
from ipsecping.rounds.prober import PathProber

from ..peers import debian
from ..peers.openssl import openssl
from ..plans import check_of
from ..ports import free_port
from .peer_process import running

PACKAGE = "prometheus-blackbox-exporter"
GOOD_CODES = (200, 201, 202, 203, 204, 205, 206, 207, 208, 226)
SECONDS = 2
"""How long a server that stays silent is waited for."""


class Pki(NamedTuple):
    """A certificate for 127.0.0.1 that signs itself, and another one that nobody trusts."""

    trusted: Path
    other: Path

    def context(self, certificate: Path) -> ssl.SSLContext:
        """What a server with that certificate needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        return context


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    made = Pki(*(tmp_path_factory.mktemp("pki") / f"{name}.pem" for name in Pki._fields))
    for file in made:
        openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9", "-subj", "/CN=a",
            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", file.with_suffix(".key"), "-out", file,
        )  # fmt: skip
    return made


class Blackbox:
    """A running blackbox_exporter."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def succeeds(self, module: str, target: str) -> bool:
        """Whether its probe of the target finds nothing wrong."""
        return await asyncio.to_thread(self._ask, module, target)

    def _ask(self, module: str, target: str) -> bool:
        address = f"http://127.0.0.1:{self._port}/probe?module={module}&target={target}"
        with urllib.request.urlopen(address, timeout=30) as answer:
            found = re.search(r"^probe_success ([01])$", answer.read().decode(), re.MULTILINE)
        assert found is not None
        return found[1] == "1"


def _examples(program: Path) -> dict[str, Any]:
    """The modules of the package's two examples."""
    folder = program.parents[1] / "share" / "doc" / PACKAGE / "examples"
    modules = dict[str, Any]()
    for name in ("blackbox.yml", "example.yml"):
        modules |= yaml.safe_load((folder / name).read_text())["modules"]
    return modules


def _at_home(modules: dict[str, Any], pki: Pki) -> dict[str, Any]:
    """The modules, with what is of no use on loopback replaced: names, and where certificates are."""
    for module in modules.values():
        module["timeout"] = f"{SECONDS}s"
        if module["prober"] == "dns":
            module["dns"] |= {"query_name": "far.example", "preferred_ip_protocol": "ip4"}
    modules["http_custom_ca_example"]["http"]["tls_config"]["ca_file"] = str(pki.trusted)
    modules["pop3s_banner"]["tcp"]["query_response"] = [{"expect": r"^\+OK"}]  # in the example a bare +
    # Its example asks for and forbids the same address.
    answer = {"fail_if_not_matches_regexp": [r"\tA\t192\.0\.2\.1$"]}
    modules["dns_udp_example"]["dns"] |= {
        "validate_answer_rrs": answer, "validate_authority_rrs": {}, "validate_additional_rrs": {},
    }  # fmt: skip
    return modules


@pytest.fixture(scope="module")
def blackbox(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Blackbox]:
    program = Path(debian.program(PACKAGE, PACKAGE))
    file = tmp_path_factory.mktemp("blackbox") / "blackbox.yml"
    file.write_text(yaml.safe_dump({"modules": _at_home(_examples(program), pki)}))
    port = free_port(socket.SOCK_STREAM)
    command = [str(program), f"--config.file={file}", f"--web.listen-address=127.0.0.1:{port}"]
    environment = {**os.environ, "SSL_CERT_FILE": str(pki.trusted)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            while process.poll() is None:
                with socket.socket() as trying:
                    if trying.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            else:
                pytest.fail(f"{program} ended with {process.returncode}")
            yield Blackbox(port)
        finally:
            process.kill()


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


def ours(module: str, port: int, pki: Pki, folder: Path) -> PlannedProbe:
    """The probe that docs/probes.md maps the module to."""
    trusting = TlsOptions(ca_file=str(pki.trusted))
    url, secure = f"http://127.0.0.1:{port}/", f"https://127.0.0.1:{port}/"
    password = folder / "password"
    password.write_text("mysecret")

    def web(address: str = url, **more: Any) -> HttpOptions:
        return HttpOptions(url=address, status_codes=GOOD_CODES, max_redirects=10, **more)

    def talk(*steps: Step, tls: TlsOptions | None = None, start: StartTls | None = None) -> TcpOptions:
        return TcpOptions(tls=tls, start_tls=start, steps=steps)

    made: dict[str, Callable[[], Options]] = {
        "http_2xx": web,
        "redirected": web,
        "http_2xx_example": lambda: web(
            host="vhost.example.com",
            headers=(Header("Accept-Language", "en-US"), Header("Origin", "example.com")),
            body_matches=("Download the latest version here",),
            body_not_matches=("Could not connect to database",),
            header_matches=(Header("Access-Control-Allow-Origin", r"(\*|example\.com)"),),
            header_not_matches=(Header("Set-Cookie", ".*"),),
        ),
        "http_post_2xx": lambda: web(
            method=Method.POST, headers=(Header("Content-Type", "application/json"),), body="{}"
        ),
        "http_basic_auth_example": lambda: web(
            method=Method.POST,
            host="login.example.com",
            username="username",
            password_file=str(password),
            insecure_credentials=True,
        ),
        "http_custom_ca_example": lambda: web(secure, tls=trusting),
        "http_gzip_with_accept_encoding": lambda: web(gzip=True),
        "tls_connect": lambda: talk(tls=trusting),
        "tcp_connect_example": talk,
        "ssh_banner": lambda: talk(Step("^SSH-2.0-", "SSH-2.0-blackbox-ssh-check\n")),
        "pop3s_banner": lambda: talk(Step(r"^\+OK"), tls=trusting),
        "smtp_starttls": lambda: talk(
            Step(None, "EHLO prober\r\n"), Step("^250-AUTH", "QUIT\r\n"), tls=trusting, start=StartTls.SMTP
        ),
        "imap_starttls": lambda: talk(
            Step(None, ". capability\r\n"), Step("CAPABILITY IMAP4rev1"), tls=trusting, start=StartTls.IMAP
        ),
    }
    options = made[module]()
    web_probe = isinstance(options, HttpOptions)
    return planned(ProbeType.HTTP if web_probe else ProbeType.TCP, options, None if web_probe else port)


def planned(kind: ProbeType, options: Options | None, port: int | None, size: int = 0) -> PlannedProbe:
    """One packet a round."""
    return PlannedProbe(
        name="p", type=kind, count=1, spacing_ms=100, timeout_ms=SECONDS * 1000, size=size, port=port,
        options=options,
    )  # fmt: skip


async def succeeds(probe: PlannedProbe) -> bool:
    """Whether our probe finds nothing wrong."""
    prober = PathProber(Clock(), Resolver())
    try:
        (result,) = await prober.round(check_of(probe))
    finally:
        prober.close()
    assert result.invalid is None
    return (result.sent, result.received) == (1, 1)


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


def target_of(module: str, port: int) -> str:
    """As blackbox_exporter wants it."""
    if not module.startswith(("http", "redirected")):
        return f"127.0.0.1:{port}"
    return f"http{'s' if 'custom_ca' in module else ''}://127.0.0.1:{port}/"


BAD = [(module, name) for module, (_, bad) in SERVERS.items() for name in bad]


@pytest.mark.parametrize(("module", "name"), [*((module, None) for module in SERVERS), *BAD])
async def test_both_find_the_same_of_a_server(
    blackbox: Blackbox, pki: Pki, tmp_path: Path, module: str, name: str | None
) -> None:
    good, bad = SERVERS[module]
    theirs = "http_2xx" if module == "redirected" else module
    async with serving(good if name is None else bad[name], pki) as port:
        found = await blackbox.succeeds(theirs, target_of(module, port))
        assert await succeeds(ours(module, port, pki, tmp_path)) == found == (name is None)


@pytest.mark.parametrize("module", ["http_2xx", "tcp_connect_example", "tls_connect"])
async def test_both_miss_a_server_that_is_not_there(
    blackbox: Blackbox, pki: Pki, tmp_path: Path, module: str
) -> None:
    port = free_port(socket.SOCK_STREAM)
    assert not await blackbox.succeeds(module, target_of(module, port))
    assert not await succeeds(ours(module, port, pki, tmp_path))


async def test_both_are_answered_by_icmp(blackbox: Blackbox) -> None:
    if os.geteuid() != 0:
        pytest.skip("ICMP needs a raw or a ping socket")
    assert await blackbox.succeeds("icmp_example", "127.0.0.1")
    assert await succeeds(planned(ProbeType.ICMP, None, None, size=56))


RECORDS = {
    "good": ["--host-record=far.example,192.0.2.1", "--local=/example/"],
    "another address": ["--host-record=far.example,192.0.2.9", "--local=/example/"],
    "no such name": ["--local=/example/"],
}


@pytest.mark.parametrize("records", list(RECORDS))
async def test_both_find_the_same_of_a_name_server(blackbox: Blackbox, records: str) -> None:
    port = free_port(socket.SOCK_DGRAM)
    command = [
        debian.program("dnsmasq", "dnsmasq-base"), "--no-daemon", "--conf-file=/dev/null", f"--port={port}",
        "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--no-hosts", "--user=",
    ]  # fmt: skip

    def asking(**more: Any) -> PlannedProbe:
        return planned(ProbeType.DNS, DnsOptions(query="far.example", **more), port)

    probes = {
        "dns_udp_example": asking(networks=("192.0.2.1/32",)),
        "dns_tcp_example": asking(transport=Transport.TCP),
    }
    with running(*command, *RECORDS[records], ready="started"):
        for module, probe in probes.items():
            found = await blackbox.succeeds(module, f"127.0.0.1:{port}")
            assert await succeeds(probe) == found, module
            wanted = records == "good" or (records == "another address" and module == "dns_tcp_example")
            assert found == wanted
        if records == "no such name":
            assert not await blackbox.succeeds("dns_soa", f"127.0.0.1:{port}")
            assert not await succeeds(asking(record_type=RecordType.SOA))

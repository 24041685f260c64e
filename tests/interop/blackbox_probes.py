"""The probes that docs/probes.md maps the example modules of blackbox_exporter to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ipsecping.contract import HttpOptions, Options, PlannedProbe, ProbeType, TcpOptions, TlsOptions
from ipsecping.contract.methods.http import Header, Method
from ipsecping.contract.methods.tcp import StartTls, Step
from ipsecping.net.clocks import Clock
from ipsecping.net.resolve import Resolver
from ipsecping.rounds.prober import PathProber

from ..plans import check_of
from .blackbox_servers import Pki

GOOD_CODES = (200, 201, 202, 203, 204, 205, 206, 207, 208, 226)
SECONDS = 2
"""How long a server that stays silent is waited for."""


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

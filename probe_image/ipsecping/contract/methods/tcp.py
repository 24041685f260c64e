"""TCP connect (RFC 9293), with TLS and a conversation where asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple, Self

from .. import fields
from ..check import ProbeType
from ..fields import ContractError
from .expressions import is_unicode, read_pattern
from .spec import CONNECTION, Flag, MethodSpec, Options, Traffic
from .tls import CertificateExpiry, TlsOptions

MAX_STEPS = 16
MAX_SENT = 1024
"""Characters of a step."""
STEP = Traffic(2, 400)


class StartTls(StrEnum):
    """Protocols in which a client asks for TLS on a connection that began without."""

    SMTP = "SMTP"
    IMAP = "IMAP"
    POSTGRES = "Postgres"
    LDAP = "LDAP"


class Step(NamedTuple):
    """One step of a conversation: first wait for a line, then send. One of the two is there."""

    expect: str | None = None
    """Pattern that is looked for in each line that comes, without its line break."""
    send: str | None = None
    """Sent as it stands, in UTF-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpOptions(Options):
    """TCP connect, and TLS and a conversation where asked for."""

    tls: TlsOptions | None = None
    start_tls: StartTls | None = None
    """What is said before the TLS handshake; None: TLS begins at once."""
    steps: tuple[Step, ...] = ()
    """The conversation, after the handshake where there is one."""

    @classmethod
    def from_json(cls, source: Mapping[str, Any], path: str) -> Self:
        """See Options."""
        tls = source.get("tls")
        start = "startTLS" in source and source["startTLS"] is not None
        listed = fields.sequence(source.get("steps") or [], f"{path}.steps", at_most=MAX_STEPS)
        if start and tls is None:
            raise ContractError(f"{path}.startTLS: needs tls: {{}} is enough")
        return cls(
            tls=None if tls is None else TlsOptions.from_json(tls, f"{path}.tls"),
            start_tls=fields.member(source, "startTLS", path, StartTls) if start else None,
            steps=tuple(_step(each, f"{path}.steps[{i}]") for i, each in enumerate(listed)),
        )

    def to_json(self) -> dict[str, Any]:
        """See Options."""
        return fields.present(
            tls=None if self.tls is None else self.tls.to_json(),
            startTLS=None if self.start_tls is None else self.start_tls.value,
            steps=[fields.present(expect=each.expect, send=each.send) for each in self.steps] or None,
        )

    def named(self, host: str) -> Self:
        """See Options."""
        if self.tls is None or self.tls.server_name is not None:
            return self
        return replace(self, tls=replace(self.tls, server_name=host))


def _step(value: object, path: str) -> Step:
    source = fields.mapping(value, path)
    expect, send = source.get("expect"), source.get("send")
    if expect is None and send is None:
        raise ContractError(f"{path}: expect or send is needed")
    if send is not None and not (isinstance(send, str) and 0 < len(send) <= MAX_SENT and is_unicode(send)):
        raise ContractError(f"{path}.send: expected a text of 1 to {MAX_SENT} characters")
    return Step(None if expect is None else read_pattern(expect, f"{path}.expect"), send)


def _traffic(options: TcpOptions | None, size: int, turns: int) -> Traffic:
    if options is None:
        return CONNECTION.times(turns)
    sent = STEP.times(len(options.steps) + (3 if options.start_tls else 0))
    sent += Traffic(0, sum(len((each.send or "").encode()) for each in options.steps))
    if options.tls is not None:
        sent += options.tls.handshake
    return (CONNECTION + sent).times(turns)


def _asked_for(_: str, flags: Mapping[str, Any]) -> TcpOptions:
    given = fields.present(
        tls=TlsOptions.of_flags(flags).to_json() if flags["tls"] else None,
        startTLS=flags["starttls"],
        steps=flags["steps"],
    )
    return TcpOptions.from_json(given, "--tcp")


METHOD = MethodSpec(
    name=ProbeType.TCP,
    member="tcp",
    module="tcp",
    options=TcpOptions,
    has_flows=True,
    one_at_a_time=True,
    turn="connections",
    figures=(CertificateExpiry,),
    traffic=_traffic,
    flag=Flag("PORT", "connect to this TCP port", read=_asked_for),
)

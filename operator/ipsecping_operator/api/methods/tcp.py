"""TCP connect, TLS and a conversation."""

from typing import Annotated, Any

from pydantic import Field

from ipsecping.contract import ProbeType, TcpOptions
from ipsecping.contract.methods.tcp import MAX_SENT, MAX_STEPS, StartTls, Step
from ipsecping.contract.pattern import MAX_PATTERN

from ..rules import Model, Rule
from ..scalars import Port
from .base import Given, Method
from .tls import CERTIFICATE_EXPIRY, Tls, effective_tls, tls_options


class TcpStep(Model):
    """One step of a conversation: first wait for a line, then send."""

    expect: Annotated[str, Field(min_length=1, max_length=MAX_PATTERN)] | None = None
    """Regular expression that is looked for in each line that comes; other lines are passed over."""
    send: Annotated[str, Field(min_length=1, max_length=MAX_SENT)] | None = None
    """Text that is sent as it stands: end it with a line break ("\\r\\n") where the protocol wants one."""

    rules = (
        Rule(
            cel="has(self.expect) || has(self.send)",
            holds=lambda self: self.expect is not None or self.send is not None,
            reason="FieldValueRequired",
            message="expect or send is needed, or both",
        ),
    )


class Tcp(Method):
    """TCP connect, and a TLS handshake and a conversation where asked for."""

    port: Port
    """TCP port that is connected to."""
    tls: Tls | None = None
    """Adds a TLS handshake; `tls: {}` is enough. Default: none."""

    start_tls: Annotated[StartTls | None, Field(alias="startTLS")] = None
    """What is said before the TLS handshake: SMTP (RFC 3207), IMAP (RFC 9051), Postgres or LDAP (RFC 4511).
    Default: TLS begins at once."""
    steps: (
        Annotated[
            tuple[TcpStep, ...],
            Field(min_length=1, max_length=MAX_STEPS, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
        ]
        | None
    ) = None
    """A conversation after the connect and TLS, to be over in 0.9 x timeout. Default: none."""

    rules = (
        Rule(
            cel="!has(self.startTLS) || has(self.tls)",
            holds=lambda self: self.start_tls is None or self.tls is not None,
            field=".startTLS",
            reason="FieldValueForbidden",
            message="needs tls; {} is enough",
        ),
    )

    kind = ProbeType.TCP
    summary = "Measure the time to connect by TCP, with TLS and a conversation those too."
    status_fields = (CERTIFICATE_EXPIRY,)

    def options(self, given: Given) -> TcpOptions:
        """See Method."""
        return TcpOptions(
            tls=None if self.tls is None else tls_options(self.tls, given),
            start_tls=self.start_tls,
            steps=tuple(Step(each.expect, each.send) for each in self.steps or ()),
        )

    @classmethod
    def effective(cls, options: TcpOptions) -> dict[str, Any]:
        """See Method."""
        tls = {} if options.tls is None else {"tls": effective_tls(options.tls)}
        return options.to_json() | tls

"""The audit of a reflector."""

from typing import Annotated, Any

from pydantic import Field

from ipsecping import contract
from ipsecping.contract import AuditFinding, AuditOptions, AuditProtocol, ProbeType
from ipsecping.contract.audit_finding import LEAST_RATE, MOST_RATE

from ..rules import Rule
from ..scalars import Port
from .base import Given, Method, StatusField
from .stamp import StampAuth

Findings = Annotated[
    tuple[AuditFinding, ...],
    Field(max_length=len(AuditFinding), json_schema_extra={"x-kubernetes-list-type": "atomic"}),
]


class Audit(Method):
    """Packets that the reflector should not answer: unsigned, signed with another key, sent twice, an answer
    sent back, from the reflector's port or one below 1024, too short; in between right ones, which it
    answers. At most 200 packets, spaced, and no more often than once an hour at an interval: best by
    spec.schedule.cron. What it answers nevertheless are findings: Healthy is False with the reason
    AuditFailed, and names the option of ipsecping reflect that closes each."""

    port: Port | None = None
    """UDP port of the reflector. Default: 862."""
    protocol: AuditProtocol | None = None
    """What answers there: STAMP or UDPEcho. Default: STAMP."""
    auth: StampAuth | None = None
    """The keys of the reflector, with which right packets are signed. Default: they are not signed, which is
    a finding by itself where they are answered (AnswersUnsigned)."""
    rate: Annotated[int, Field(ge=LEAST_RATE, le=MOST_RATE)] | None = None
    """Packets a second that the reflector is meant to answer to one source, 5 to 40: 90 packets are sent
    within a second, and more answers than that are a finding. Default: that is not tested."""
    accept: Findings | None = None
    """Findings that are known and wanted, such as AnswersUnsigned of a router without authentication: the
    status names them, and the check is healthy nevertheless, at once. Default: none."""

    rules = (
        Rule(
            cel="!has(self.auth) || !has(self.protocol) || self.protocol == 'STAMP'",
            holds=lambda self: self.auth is None or self.protocol in (None, AuditProtocol.STAMP),
            field=".auth",
            reason="FieldValueForbidden",
            message="UDP echo has no authentication: remove it, or audit STAMP",
        ),
        Rule(
            cel="!has(self.protocol) || self.protocol != 'UDPEcho' || has(self.port)",
            holds=lambda self: self.protocol is not AuditProtocol.UDP_ECHO or self.port is not None,
            field=".port",
            reason="FieldValueRequired",
            message="is needed with protocol UDPEcho",
        ),
    )

    kind = ProbeType.AUDIT
    summary = "Audit a reflector: does it answer what it should not?"
    status_fields = (
        StatusField(
            name="auditFindings",
            annotation=Findings,
            description="What the reflector answers and should not, accepted or not; empty when all that was "
            "tested is closed. Of each the newest audit counts that could test it.",
            figure=contract.Audit,
            read=lambda figure: [each.value for each in figure.found],
        ),
        StatusField(
            name="auditNotTested",
            annotation=Findings,
            description="What no audit in the window could test: silence proves nothing while right packets "
            "go unanswered. Absent when all was tested.",
            figure=contract.Audit,
            read=lambda figure: [each.value for each in figure.not_tested] or None,
        ),
    )

    def options(self, given: Given) -> AuditOptions:
        """See Method."""
        return AuditOptions(
            protocol=self.protocol or AuditProtocol.STAMP,
            key_file=given.files.get("auth"),
            marked_keys=self.auth is not None,
            rate=self.rate,
        )

    @classmethod
    def effective(cls, options: AuditOptions) -> dict[str, Any]:
        """See Method."""
        content: dict[str, Any] = {"protocol": options.protocol.value}
        if options.rate is not None:
            content["rate"] = options.rate
        return content

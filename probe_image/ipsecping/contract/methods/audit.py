"""The audit of a reflector: does it answer what it should not?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from .. import fields
from ..audit_finding import LEAST_RATE, MOST_RATE, AuditFinding, AuditProtocol
from ..check import ProbeType
from ..fields import ContractError
from ..figure import Field, Figure, LabelledGauge
from . import stamp
from .spec import HEADERS, MethodSpec, Options, Traffic

MAX_PACKETS = 200
"""Of one audit, whatever it is asked for."""
IN_A_SECOND, IN_A_SECOND_OF_BURST = 20, 100
"""At most so many of them, also while a rate is tested."""
TURNS = 300
"""At the usual spacing, of packets that there is time for: at the least rate they leave half as fast."""
HOUR_MS = 3_600_000
_SERIES = (
    "1 for what the reflector answers and should not, 0 for what it was tested for and does not answer; "
    "absent while it could not be tested."
)
_MEMBERS: Mapping[str, AuditFinding] = {each.value: each for each in AuditFinding}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOptions(Options):
    """What is audited, and how much of it."""

    protocol: AuditProtocol = AuditProtocol.STAMP
    key_file: str | None = None
    """File with the keys of STAMP's authenticated mode; None: its packets are not signed."""
    marked_keys: bool = False
    """As in StampOptions."""
    rate: int | None = None
    """Packets a second that the reflector is meant to answer for each source; None: that is not tested."""

    @classmethod
    def from_json(cls, source: Mapping[str, Any], path: str) -> Self:
        """See Options."""
        made = cls(
            protocol=(
                AuditProtocol.STAMP
                if source.get("protocol") is None
                else fields.member(source, "protocol", path, AuditProtocol)
            ),
            key_file=fields.optional_text(source, "keyFile", path),
            marked_keys=fields.flag(source, "markedKeys", path),
            rate=fields.optional_integer(source, "rate", path, at_least=LEAST_RATE, at_most=MOST_RATE),
        )
        if made.key_file is not None and made.protocol is not AuditProtocol.STAMP:
            raise ContractError(f"{path}.keyFile: {made.protocol} has no keys")
        return made

    def to_json(self) -> dict[str, Any]:
        """See Options."""
        return fields.present(
            protocol=None if self.protocol is AuditProtocol.STAMP else self.protocol.value,
            keyFile=self.key_file,
            markedKeys=self.marked_keys or None,
            rate=self.rate,
        )

    def with_any_key(self) -> Self:
        """See Options."""
        return replace(self, marked_keys=False)


def _findings(value: object, path: str) -> tuple[AuditFinding, ...]:
    """A list of findings, each once. Raises ContractError."""
    if value is None:
        return ()
    items = fields.sequence(value, path, at_most=len(AuditFinding))
    for item in items:
        if not isinstance(item, str) or item not in _MEMBERS:
            raise ContractError(f"{path}: {fields.shown(item)} is not one of {', '.join(AuditFinding)}")
    if len(set(items)) < len(items):
        raise ContractError(f"{path}: the same finding appears twice")
    return tuple(_MEMBERS[item] for item in items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit(Figure):
    """What one audit came to: findings, what was tested and not found, and what could not be tested.

    What does not apply to the reflector is in none of them.
    """

    name: ClassVar[str] = "audit"
    position: ClassVar[int] = 15
    labelled: ClassVar[tuple[LabelledGauge, ...]] = (
        LabelledGauge(
            "ipsecping_audit_findings",
            _SERIES,
            "finding",
            lambda figure: {each: float(each in figure.found) for each in (*figure.found, *figure.closed)},
            _SERIES,
        ),
    )

    found: tuple[AuditFinding, ...] = ()
    closed: tuple[AuditFinding, ...] = ()
    not_tested: tuple[AuditFinding, ...] = ()

    @classmethod
    def from_json(cls, value: object, path: str) -> Self | None:
        """See Figure."""
        source = fields.mapping(value, path)
        return cls(
            found=_findings(source.get("found"), f"{path}.found"),
            closed=_findings(source.get("closed"), f"{path}.closed"),
            not_tested=_findings(source.get("notTested"), f"{path}.notTested"),
        )

    def to_json(self) -> object:
        """See Figure."""
        lists = {"found": self.found, "closed": self.closed, "notTested": self.not_tested}
        return {key: [each.value for each in findings] for key, findings in lists.items() if findings}

    def check(self, path: str, *, sent: int, received: int) -> None:
        """See Figure."""
        told = (*self.found, *self.closed, *self.not_tested)
        if not told:
            raise ContractError(f"{path}: nothing was looked for")
        if len(set(told)) < len(told) or not _MEMBERS.keys() >= set(told):
            raise ContractError(f"{path}: the same finding appears twice, or one that there is not")
        if not received and self.closed:
            raise ContractError(f"{path}: no right packet was answered, so that silence closes nothing")

    @classmethod
    def total(cls, newest_first: Iterable[Self]) -> Self | None:
        """Of each finding the newest audit that could test it counts: not to be tested closes nothing."""
        known: dict[AuditFinding, bool | None] = {}
        for each in newest_first:
            for answer, findings in ((True, each.found), (False, each.closed), (None, each.not_tested)):
                for finding in findings:
                    if known.get(finding) is None:
                        known[finding] = answer
        if not known:
            return None

        def those(answer: bool | None) -> tuple[AuditFinding, ...]:
            return tuple(each for each in AuditFinding if each in known and known[each] is answer)

        return cls(found=those(True), closed=those(False), not_tested=those(None))

    def fields(self) -> Mapping[str, Field | None]:
        """See Figure."""
        return {
            "audit_findings": ",".join(self.found),
            "audit_closed": len(self.closed),
            "audit_not_tested": len(self.not_tested),
        }

    def remark(self) -> str | None:
        """See Figure."""
        return f"the reflector {self.found[0].meaning}" if self.found else None


def _traffic(options: AuditOptions, size: int, turns: int) -> Traffic:
    packets = IN_A_SECOND if options.rate is None else IN_A_SECOND_OF_BURST
    return Traffic(1, HEADERS + stamp.AUTHENTICATED_PAYLOAD).times(packets)


METHOD = MethodSpec(
    name=ProbeType.AUDIT,
    member="audit",
    module="audit",
    options=AuditOptions,
    port=stamp.PORT,
    timed=False,
    paced=False,
    sends_count=False,
    turns=TURNS,
    least_interval_ms=HOUR_MS,
    figures=(Audit,),
    traffic=_traffic,
)

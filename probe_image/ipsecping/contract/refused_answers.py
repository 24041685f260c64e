"""Answers that came and were refused, by reason: a target that answers wrongly is not a path that loses."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Self

from . import fields
from .bounds import MAX_DUPLICATES
from .fields import ContractError, canonical_address, out_of_range, shown
from .figure import Counted, Field

MAX_OCTETS = MAX_PORT = 65_535
MAX_REFUSALS = 4
"""Kinds of refused answers that one result names; answers of further ones are left out."""


class Refusal(StrEnum):
    """Why an answer was refused."""

    TOO_SHORT = "TooShort"
    """It ends before all that a sender needs has come."""
    NOT_AN_ANSWER = "NotAnAnswer"
    """It is not in the probe's protocol."""
    UNKNOWN_NUMBER = "UnknownNumber"
    """It answers a number that no packet of the session has had."""
    WRONG_TIMESTAMP = "WrongTimestamp"
    """It answers one of our numbers, but does not copy that packet's timestamp."""
    OTHER_SOURCE = "OtherSource"
    """It answers one of our packets, but comes from another address or port than that went to."""
    TOO_LATE = "TooLate"
    """It is the answer to one of our packets, and came after that packet's timeout."""
    STAMP_ANSWER = "STAMPAnswer"
    """It is a STAMP reflector's, which took an echo's payload for a request."""
    SENT_BACK = "SentBack"
    """It is a STAMP request of ours: an echo service answers in place of a reflector."""
    FILTERED = "ReversePathFilter"
    """Not seen; but this host's reverse path filter has dropped as many packets as answers are missing."""

    @property
    def meaning(self) -> str:
        """In a few words, for a message to a person."""
        return _MEANINGS[self]


_MEANINGS = {
    Refusal.TOO_SHORT: "too short",
    Refusal.NOT_AN_ANSWER: "not in the probe's protocol",
    Refusal.UNKNOWN_NUMBER: "with a number never sent",
    Refusal.WRONG_TIMESTAMP: "without our timestamp",
    Refusal.OTHER_SOURCE: "not from the target",
    Refusal.TOO_LATE: "after the timeout",
    Refusal.STAMP_ANSWER: "of a STAMP reflector, which a probe of type stamp measures",
    Refusal.SENT_BACK: "our own packets from an echo service, which a probe of type udpEcho measures",
    Refusal.FILTERED: "perhaps by this host's reverse path filter (rp_filter), which dropped as many packets",
}


class RefusedKind(NamedTuple):
    """What is counted together."""

    reason: Refusal
    octets: int = 0
    """Of the payload; 0 where its length is not why."""
    source: str = ""
    """The address that it came from, where that is why."""
    port: int = 0
    """Its UDP port; 0: none."""

    def __str__(self) -> str:
        if self.source:
            port = f" port {self.port}" if self.port else ""
            return f"from {self.source}{port}, not from the address and port that were asked"
        return f"{self.octets} bytes, {self.reason.meaning}" if self.octets else self.reason.meaning


@dataclass(frozen=True, slots=True)
class RefusedAnswers(Counted):
    """Answers from the target that were refused, by `RefusedKind`."""

    name: ClassVar[str] = "refusedAnswers"
    position: ClassVar[int] = 60
    most: ClassVar[int] = 16

    @classmethod
    def of(cls, counts: Mapping[RefusedKind, int]) -> Self:
        """Return the figure of one round."""
        kept = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MAX_REFUSALS]
        return cls(MappingProxyType({kind: min(count, MAX_DUPLICATES) for kind, count in kept}))

    @classmethod
    def side_by_side(cls, flows: Sequence[Self]) -> Self | None:
        """See Figure."""
        added = cls.total(flows)
        return None if added is None else cls.of(added.counts)

    @classmethod
    def from_json(cls, value: object, path: str) -> Self | None:
        """See Figure."""
        counts = dict[RefusedKind, int]()
        for place, item in enumerate(fields.sequence(value, path, at_most=MAX_REFUSALS)):
            where = f"{path}[{place}]"
            source = fields.mapping(item, where)
            octets = fields.optional_integer(source, "octets", where, at_most=MAX_OCTETS) or 0
            kind = RefusedKind(
                fields.member(source, "reason", where, Refusal),
                octets,
                fields.optional_address(source, "source", where) or "",
                fields.optional_integer(source, "port", where, at_most=MAX_PORT) or 0,
            )
            if kind in counts:
                raise ContractError(f"{path}: the same kind appears twice")
            counts[kind] = fields.integer(source, "count", where, at_least=1, at_most=MAX_DUPLICATES)
        return cls(MappingProxyType(counts)) if counts else None

    def to_json(self) -> object:
        """See Figure."""
        return [
            fields.present(
                reason=kind.reason.value,
                octets=kind.octets or None,
                source=kind.source or None,
                port=kind.port or None,
                count=count,
            )
            for kind, count in self.counts.items()
        ]

    def check(self, path: str, *, sent: int, received: int) -> None:
        """See Figure."""
        if len(self.counts) > MAX_REFUSALS:
            raise ContractError(f"{path}: {len(self.counts)} kinds, at most {MAX_REFUSALS} are allowed")
        for kind, count in self.counts.items():
            if not 1 <= count <= MAX_DUPLICATES:
                raise out_of_range(count, path, 1, MAX_DUPLICATES)
            if not 0 <= kind.octets <= MAX_OCTETS:
                raise out_of_range(kind.octets, path, 0, MAX_OCTETS)
            if not 0 <= kind.port <= MAX_PORT:
                raise out_of_range(kind.port, path, 0, MAX_PORT)
            _check_source(kind, path)

    @property
    def by_reason(self) -> Mapping[Refusal, int]:
        """So many for each reason."""
        found = Counter[Refusal]()
        for kind, count in self.counts.items():
            found[kind.reason] += count
        return found

    def fields(self) -> Mapping[str, Field | None]:
        """See Figure."""
        return {"refused_answers": sum(self.counts.values())}

    def remark(self) -> str | None:
        """See Figure: how many, and of the commonest kind why."""
        if not self.counts:
            return None
        counts: Mapping[Any, int] = self.counts
        total, kind = sum(counts.values()), max(counts, key=lambda each: counts[each])
        came = "1 answer was" if total == 1 else f"{total} answers were"
        return f"{came} refused: {kind}"


def _check_source(kind: RefusedKind, path: str) -> None:
    if (kind.reason is Refusal.OTHER_SOURCE) != bool(kind.source):
        raise ContractError(f"{path}: {Refusal.OTHER_SOURCE}, and no other reason, names a source")
    if kind.port and not kind.source:
        raise ContractError(f"{path}: a port without its address")
    if kind.source and (canonical_address(kind.source) != kind.source or "%" in kind.source):
        raise ContractError(f"{path}: {shown(kind.source)} is not an IP address in canonical form")

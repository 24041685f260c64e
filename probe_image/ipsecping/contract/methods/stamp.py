"""STAMP (RFC 8762), with the source address that the reflector sees (RFC 8972 section 4.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Self

from .. import fields
from ..check import ProbeType
from ..fields import ContractError, canonical_address, out_of_range, shown
from ..figure import Counted, Field
from ..refused_answers import RefusedAnswers
from .spec import Flag, MethodSpec, Options

PORT = 862
"""RFC 8762 section 4.1, and RFC 8545."""
PAYLOAD, AUTHENTICATED_PAYLOAD = 44, 112
"""Bytes of a packet, RFC 8762 section 4.2.1; in authenticated mode, section 4.2.2."""
SOURCE_QUESTION, SEALED_SOURCE_QUESTION = 28, 48
"""Bytes that the question for the source address takes, and with the HMAC of the authenticated mode."""
MAX_SOURCES = 4
"""Distinct source addresses that one result names; of packets from more it is as if nothing had been told."""


def payload(*, signed: bool, asks: bool) -> int:
    """Return the least bytes of a packet that is signed, and of one that asks for the source address."""
    if signed:
        return AUTHENTICATED_PAYLOAD + (SEALED_SOURCE_QUESTION if asks else 0)
    return PAYLOAD + (SOURCE_QUESTION if asks else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class StampOptions(Options):
    """STAMP beyond its port."""

    key_file: str | None = None
    """File with the keys of the authenticated mode, the first of which signs; None: unauthenticated."""
    marked_keys: bool = False
    """Only keys in marked form count, see net.key_file: no password can be used as one."""
    ask_source: bool = False
    """Ask the reflector, in each packet, which source address it sees (RFC 8972 section 4.2)."""

    @classmethod
    def from_json(cls, source: Mapping[str, Any], path: str) -> Self:
        """See Options."""
        return cls(
            key_file=fields.optional_text(source, "keyFile", path),
            marked_keys=fields.flag(source, "markedKeys", path),
            ask_source=fields.flag(source, "askSource", path),
        )

    def to_json(self) -> dict[str, Any]:
        """See Options."""
        return fields.present(
            keyFile=self.key_file,
            markedKeys=self.marked_keys or None,
            askSource=self.ask_source or None,
        )

    def with_any_key(self) -> Self:
        """See Options."""
        return replace(self, marked_keys=False)

    def least_size(self, usual: int) -> int:
        """See Options."""
        return payload(signed=self.key_file is not None, asks=self.ask_source)


@dataclass(frozen=True, slots=True)
class Sources(Counted):
    """Source addresses that the reflector saw, and how many packets came from each, so far as it told.

    Those of rounds that the prober spoilt as well: where packets came from, its faults do not change.
    """

    name: ClassVar[str] = "sources"
    position: ClassVar[int] = 50
    most: ClassVar[int] = 16
    most_of_round: ClassVar[int | None] = MAX_SOURCES

    told: int = 0
    """Packets of valid rounds among `counts`: so many answers told an address that is kept."""

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> Self:
        """Return the figure of one round."""
        return cls(MappingProxyType(dict(counts)), sum(counts.values()))

    @classmethod
    def from_json(cls, value: object, path: str) -> Self | None:
        """See Figure."""
        source = fields.mapping(value, path)
        if len(source) > MAX_SOURCES:
            raise _too_many(source, path)
        read = {fields.address(key, path): count for key, count in source.items()}
        if len(read) < len(source):
            raise _twice(path)
        return cls.of({key: fields.integer(read, key, path) for key in read}) if read else None

    def to_json(self) -> object:
        """See Figure."""
        return dict(self.counts)

    def check(self, path: str, *, sent: int, received: int) -> None:
        """See Figure."""
        counts = self.counts
        if len(counts) > MAX_SOURCES:
            raise _too_many(counts, path)
        wrong = next((each for each in counts if canonical_address(each) is None or "%" in each), None)
        if wrong is not None:
            raise ContractError(f"{path}: {shown(wrong)} is not an IP address, or has a zone")
        if len({canonical_address(each) for each in counts}) < len(counts):
            raise _twice(path)
        if min(counts.values(), default=1) < 1:
            raise out_of_range(min(counts.values()), path, 1, received)
        if sum(counts.values()) > received:
            raise ContractError(f"{path}: more packets than the {received} received")

    def spoilt(self) -> Self | None:
        """See Figure."""
        return replace(self, told=0)

    @classmethod
    def made(cls, counts: Mapping[Any, int], parts: Sequence[tuple[Self, int]]) -> Self:
        """See Counted."""
        return cls(counts, sum(times * each.told for each, times in parts))

    def only(self, counts: Mapping[Any, int]) -> Self:
        """See Counted."""
        left_out = sum(self.counts.values()) - sum(counts.values())
        return replace(self, counts=counts, told=max(self.told - left_out, 0))

    def fields(self) -> Mapping[str, Field | None]:
        """See Figure."""
        return {"source_seen": ",".join(sorted(self.counts))}


def _too_many(sources: Mapping[str, Any], path: str) -> ContractError:
    return ContractError(f"{path}: {len(sources)} addresses, at most {MAX_SOURCES} are allowed")


def _twice(path: str) -> ContractError:
    return ContractError(f"{path}: the same address stands there twice")


def _asked_for(_: str, flags: Mapping[str, Any]) -> StampOptions:
    return StampOptions(key_file=flags["key_file"])


METHOD = MethodSpec(
    name=ProbeType.STAMP,
    member="stamp",
    module="stamp",
    fixes_port=True,
    has_flows=True,
    options=StampOptions,
    port=PORT,
    least_size=PAYLOAD,
    directed=True,
    figures=(Sources, RefusedAnswers),
    flag=Flag("PORT", "STAMP (RFC 8762) to this UDP port", read=_asked_for, position=10),
)

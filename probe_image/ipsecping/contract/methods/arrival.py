"""How STAMP packets arrived at the target, as the reflector tells: from where, how marked, how far."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Self

from .. import fields
from ..fields import ContractError, canonical_address, out_of_range, shown
from ..figure import Counted, Field, Gauge

MAX_VALUES = 4
"""Distinct values that one result names; of packets with more it is as if nothing had been told."""
MAX_TTL = 255
MAX_DSCP, MAX_ECN = 63, 3
_HOPS = re.compile("0|-?[1-9][0-9]{0,2}")


@dataclass(frozen=True, slots=True)
class Arrivals(Counted):
    """Packets by what the reflector saw of them, so far as it told.

    Those of rounds that the prober spoilt as well: how packets arrived, its faults do not change.
    """

    most: ClassVar[int] = 16
    most_of_round: ClassVar[int | None] = MAX_VALUES
    what: ClassVar[str]
    """What the reflector tells, for a message."""

    told: int = 0
    """Packets of valid rounds among `counts`: so many answers told a value that is kept."""

    @classmethod
    def of(cls, counts: Mapping[Any, int]) -> Self:
        """Return the figure of one round."""
        return cls(MappingProxyType(dict(counts)), sum(counts.values()))

    @classmethod
    def seen(cls, values: Iterable[Any]) -> Self | None:
        """Return the figure of these values, None standing for packets of which nothing is told.

        Of many values those seen most are kept, in their order, so that equal rounds have equal results.
        """
        counts = Counter(value for value in values if value is not None)
        most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MAX_VALUES]
        return cls.of(dict(sorted(most))) if most else None

    @classmethod
    def read(cls, counts: Mapping[Any, int], path: str) -> Self | None:
        """Return what was read from JSON. Raises ContractError."""
        if len(counts) > MAX_VALUES:
            raise _too_many(counts, path)
        return cls.of(counts) if counts else None

    def check(self, path: str, *, sent: int, received: int) -> None:
        """See Figure."""
        counts = self.counts
        if len(counts) > MAX_VALUES:
            raise _too_many(counts, path)
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

    @property
    def commonest(self) -> Any:
        """The value of most packets, the least of equals."""
        return min(self.counts, key=lambda value: (-self.counts[value], value))


@dataclass(frozen=True, slots=True)
class Sources(Arrivals):
    """Source addresses that the reflector saw (RFC 8972 section 4.2)."""

    name: ClassVar[str] = "sources"
    position: ClassVar[int] = 50
    what: ClassVar[str] = "the source address"

    @classmethod
    def from_json(cls, value: object, path: str) -> Self | None:
        """See Figure."""
        source = fields.mapping(value, path)
        if len(source) > MAX_VALUES:
            raise _too_many(source, path)
        read = {fields.address(key, path): count for key, count in source.items()}
        if len(read) < len(source):
            raise _twice(path)
        return cls.read({key: fields.integer(read, key, path) for key in read}, path)

    def to_json(self) -> object:
        """See Figure."""
        return dict(self.counts)

    def check(self, path: str, *, sent: int, received: int) -> None:
        """See Figure."""
        wrong = next((each for each in self.counts if canonical_address(each) is None or "%" in each), None)
        if wrong is not None:
            raise ContractError(f"{path}: {shown(wrong)} is not an IP address, or has a zone")
        if len({canonical_address(each) for each in self.counts}) < len(self.counts):
            raise _twice(path)
        Arrivals.check(self, path, sent=sent, received=received)

    def fields(self) -> Mapping[str, Field | None]:
        """See Figure."""
        return {"source_seen": ",".join(sorted(self.counts))}

    def remark(self) -> str | None:
        """See Figure."""
        return f"arrived from {', '.join(sorted(self.counts))}"


class Marking(NamedTuple):
    """The class of service of a packet that arrived."""

    dscp: int
    ecn: int
    """0: Not-ECT, 1: ECT(1), 2: ECT(0), 3: CE (RFC 3168)."""
    reply_refused: bool = False
    """The reflector's policy does not let the sender choose the answer's code point (the RP field)."""


@dataclass(frozen=True, slots=True)
class Markings(Arrivals):
    """DSCP and ECN that the reflector saw, by `Marking` (RFC 8972 section 4.4)."""

    name: ClassVar[str] = "markings"
    position: ClassVar[int] = 52
    what: ClassVar[str] = "DSCP and ECN"
    gauges: ClassVar[tuple[Gauge, ...]] = (
        Gauge(
            "ipsecping_dscp_seen",
            "DSCP that most packets arrived with at the target.",
            lambda figure: figure.commonest.dscp,
            of_invalid_rounds=True,
        ),
        Gauge(
            "ipsecping_ecn_seen",
            "ECN field that most packets arrived with at the target.",
            lambda figure: figure.commonest.ecn,
            of_invalid_rounds=True,
        ),
    )

    @classmethod
    def from_json(cls, value: object, path: str) -> Self | None:
        """See Figure."""
        counts = dict[Marking, int]()
        for place, item in enumerate(fields.sequence(value, path, at_most=MAX_VALUES)):
            where = f"{path}[{place}]"
            source = fields.mapping(item, where)
            marking = Marking(
                fields.integer(source, "dscp", where, at_least=0, at_most=MAX_DSCP),
                fields.integer(source, "ecn", where, at_least=0, at_most=MAX_ECN),
                fields.flag(source, "replyRefused", where),
            )
            if marking in counts:
                raise ContractError(f"{path}: the same marking appears twice")
            counts[marking] = fields.integer(source, "packets", where)
        return cls.read(counts, path)

    def to_json(self) -> object:
        """See Figure."""
        return [
            fields.present(
                dscp=each.dscp, ecn=each.ecn, replyRefused=each.reply_refused or None, packets=count
            )
            for each, count in self.counts.items()
        ]

    def check(self, path: str, *, sent: int, received: int) -> None:
        """See Figure."""
        for marking in self.counts:
            if not 0 <= marking.dscp <= MAX_DSCP:
                raise out_of_range(marking.dscp, path, 0, MAX_DSCP)
            if not 0 <= marking.ecn <= MAX_ECN:
                raise out_of_range(marking.ecn, path, 0, MAX_ECN)
        Arrivals.check(self, path, sent=sent, received=received)

    @property
    def dscps(self) -> list[int]:
        """Every code point seen, in ascending order."""
        return sorted({each.dscp for each in self.counts})

    @property
    def ecns(self) -> list[int]:
        """Every ECN field seen, in ascending order."""
        return sorted({each.ecn for each in self.counts})

    def fields(self) -> Mapping[str, Field | None]:
        """See Figure."""
        return {"dscp_seen": _listed(self.dscps), "ecn_seen": _listed(self.ecns)}

    def remark(self) -> str | None:
        """See Figure."""
        refused = any(each.reply_refused for each in self.counts)
        return f"arrived with DSCP {_listed(self.dscps)} and ECN {_listed(self.ecns)}" + (
            ", answered in the reflector's own class" if refused else ""
        )


@dataclass(frozen=True, slots=True)
class Hops(Arrivals):
    """Routers that packets passed on the way there: TTL sent, less the TTL that the reflector saw.

    Negative where something on the way set a higher TTL than was sent (RFC 8762 section 4.3.1).
    """

    name: ClassVar[str] = "hops"
    position: ClassVar[int] = 54
    what: ClassVar[str] = "the TTL that packets arrive with"
    gauges: ClassVar[tuple[Gauge, ...]] = (
        Gauge(
            "ipsecping_hops_seen",
            "Routers that most packets passed on the way to the target, by the TTL that it saw.",
            lambda figure: figure.commonest,
            of_invalid_rounds=True,
        ),
    )

    @classmethod
    def from_json(cls, value: object, path: str) -> Self | None:
        """See Figure."""
        source = fields.mapping(value, path)
        wrong = next((key for key in source if not _HOPS.fullmatch(key)), None)
        if wrong is not None:
            raise ContractError(f"{path}: {shown(wrong)} is not a number of hops")
        return cls.read({int(key): fields.integer(source, key, path) for key in source}, path)

    def to_json(self) -> object:
        """See Figure."""
        return {str(hops): count for hops, count in self.counts.items()}

    def check(self, path: str, *, sent: int, received: int) -> None:
        """See Figure."""
        wrong = next((each for each in self.counts if not -MAX_TTL <= each <= MAX_TTL), None)
        if wrong is not None:
            raise out_of_range(wrong, path, -MAX_TTL, MAX_TTL)
        Arrivals.check(self, path, sent=sent, received=received)

    def fields(self) -> Mapping[str, Field | None]:
        """See Figure."""
        return {"hops_seen": _listed(sorted(self.counts))}

    def remark(self) -> str | None:
        """See Figure."""
        seen = sorted(self.counts)
        return f"{_listed(seen)} {'hop' if seen == [1] else 'hops'} on the way there"


ARRIVALS: tuple[type[Arrivals], ...] = (Sources, Markings, Hops)
"""All of them, in the order in which they are shown."""


def _listed(values: Sequence[int]) -> str:
    return ",".join(map(str, values))


def _too_many(values: Mapping[Any, Any], path: str) -> ContractError:
    return ContractError(f"{path}: {len(values)} values, at most {MAX_VALUES} are allowed")


def _twice(path: str) -> ContractError:
    return ContractError(f"{path}: the same address appears twice")

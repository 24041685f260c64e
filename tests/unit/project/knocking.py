"""A probe type that nobody needs, complete: it knocks at a port, which says which of its doors was opened.

What the project has in contract/methods, probes and api/methods stands here in one module.
"""

import secrets
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any, ClassVar, Self

import pytest
from pydantic import Field

from ipsecping.contract import METHODS, ContractError, Figure, LossReason, MethodSpec, PlannedProbe, ProbeType
from ipsecping.contract import fields as read
from ipsecping.contract.figure import NO_FIGURES, Counted, Gauge, figures_by_name
from ipsecping.contract.figure import Field as OutputField
from ipsecping.contract.methods.spec import Flag, Options
from ipsecping.measure.ledger import Answer
from ipsecping.measure.packet import Packet
from ipsecping.net.clocks import Clock
from ipsecping.probes import registry
from ipsecping.probes.base import ProbeMethod
from ipsecping.probes.datagram import Codec, DatagramSession, Quoted, udp_session
from ipsecping_operator.api.methods import MODELS, Method, StatusField
from ipsecping_operator.api.scalars import Port, Text

# The declaration.

KNOCK = ProbeType("Knock")
NOT_HOME = LossReason("NotHome", "nobody opened the door", misanswered=True)
MAX_DOORS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class KnockOptions(Options):
    """What is said at the door."""

    word: str = "knock"

    @classmethod
    def from_json(cls, source: Mapping[str, Any], path: str) -> Self:
        """See Options."""
        return cls(word=read.optional_text(source, "word", path) or "knock")

    def to_json(self) -> dict[str, Any]:
        """See Options."""
        return {"word": self.word}


@dataclass(frozen=True, slots=True)
class Doors(Counted):
    """Doors that were opened, and how often."""

    name: ClassVar[str] = "doors"
    most: ClassVar[int] = MAX_DOORS
    gauges: ClassVar[tuple[Gauge, ...]] = (
        Gauge("ipsecping_open_doors", "Doors that were opened.", lambda figure: len(figure.counts)),
    )

    @classmethod
    def from_json(cls, value: object, path: str) -> Self | None:
        """See Figure."""
        source = read.mapping(value, path)
        if len(source) > MAX_DOORS or not all(read.is_token(door) for door in source):
            raise ContractError(f"{path}: more than {MAX_DOORS} doors, or such as there are not")
        return cls({door: read.integer(source, door, path, at_least=1) for door in source}) or None

    def to_json(self) -> object:
        """See Figure."""
        return dict(self.counts)

    def check(self, path: str, *, sent: int, received: int) -> None:
        """See Figure."""
        if not 0 < sum(self.counts.values()) <= received or len(self.counts) > MAX_DOORS:
            raise ContractError(f"{path}: {received} packets were answered")

    def fields(self) -> Mapping[str, OutputField | None]:
        """See Figure."""
        return {"doors": ",".join(sorted(self.counts))}

    def remark(self) -> str | None:
        """See Figure."""
        return f"doors {', '.join(sorted(self.counts))}"


DECLARATION = MethodSpec(
    name=KNOCK,
    member="knock",
    module="knock",
    options=KnockOptions,
    port=17,
    figures=(Doors,),
    reasons=(NOT_HOME,),
    flag=Flag("PORT", "knock at this port"),
)

# The measuring side.


class KnockCodec(Codec):
    """Asks `WORD COOKIE SEQUENCE`, and is answered `COOKIE SEQUENCE DOOR`, or without a door."""

    __slots__ = ("_cookie", "_doors", "_word")

    def __init__(self, word: str) -> None:
        self._word = word
        self._cookie = secrets.token_hex(8)
        self._doors: dict[int, str] = {}

    def token(self, realtime: int) -> int:
        """None is needed."""
        return 0

    def encode(self, sequence: int, token: int) -> bytes:
        """A knock."""
        return f"{self._word} {self._cookie} {sequence}".encode()

    def decode(self, data: bytes) -> Answer | None:
        """What the door says."""
        cookie, number, *door = data[:64].decode(errors="replace").split(" ")
        if cookie != self._cookie or not number.isascii() or not number.isdigit():
            return None
        if not door or not read.is_token(door[0]):
            return Answer(int(number), failure=NOT_HOME)
        self._doors[int(number)] = door[0]
        return Answer(int(number))

    def quoted(self, data: bytes) -> Quoted | None:
        """It is not looked for."""
        return Quoted()

    def figures(self, packets: Sequence[Packet]) -> Mapping[str, Figure]:
        """See Codec."""
        opened = Counter(self._doors.pop(each.sequence) for each in packets if each.sequence in self._doors)
        return figures_by_name(Doors(dict(opened))) if opened else NO_FIGURES


def open_session(probe: PlannedProbe, address: str, clock: Clock) -> DatagramSession:
    """See ProbeMethod."""
    assert isinstance(probe.options, KnockOptions)
    return udp_session(probe, address, clock, KnockCodec(probe.options.word))


# The API model.


class Knock(Method):
    """Knocks at a door."""

    port: Port | None = None
    """UDP port of the door. Default: 17."""
    word: Annotated[str, Field(min_length=1, max_length=20)] | None = None
    """What is said. Default: knock."""

    kind = KNOCK
    summary = "Measure by knocking."
    status_fields = (
        StatusField(
            name="doorsOpened",
            annotation=Annotated[
                tuple[Text, ...],
                Field(max_length=MAX_DOORS, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
            ],
            description="Doors that were opened.",
            figure=Doors,
            read=lambda figure: sorted(figure.counts),
        ),
    )


@contextmanager
def declared() -> Iterator[None]:
    """For as long as this lasts there is such a type."""
    module = ModuleType("ipsecping.probes.knock")
    module.METHOD = ProbeMethod(open=open_session)  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(METHODS, KNOCK, DECLARATION)
        patch.setitem(MODELS, KNOCK, Knock)
        patch.setitem(sys.modules, module.__name__, module)
        patch.setattr(registry, "_imported", {})
        yield

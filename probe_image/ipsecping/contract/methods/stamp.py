"""STAMP (RFC 8762), and how its packets arrive (RFC 8972 sections 4.2 and 4.4)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from .. import fields
from ..check import ProbeType
from ..refused_answers import RefusedAnswers
from .arrival import ARRIVALS, Arrivals
from .spec import Flag, MethodSpec, Options

PORT = 862
"""RFC 8762 section 4.1, and RFC 8545."""
PAYLOAD, AUTHENTICATED_PAYLOAD = 44, 112
"""Bytes of a packet, RFC 8762 section 4.2.1; in authenticated mode, section 4.2.2."""
SOURCE_QUESTION, DSCP_QUESTION, QUESTION_SEAL = 28, 8, 20
"""Bytes of three TLVs: the one that asks for the source address, the one that asks for DSCP and ECN, and the
HMAC TLV that is added to them in authenticated mode."""
HOPS_TTL = 64
"""The TTL that packets leave with whose hops are counted, where the plan names none."""


def payload(*, signed: bool, source: bool = False, dscp: bool = False) -> int:
    """Return the least bytes of a packet, which may be signed and may ask how it arrives."""
    asked = (SOURCE_QUESTION if source else 0) + (DSCP_QUESTION if dscp else 0)
    if signed:
        return AUTHENTICATED_PAYLOAD + asked + (QUESTION_SEAL if asked else 0)
    return PAYLOAD + asked


@dataclass(frozen=True, slots=True, kw_only=True)
class StampOptions(Options):
    """STAMP beyond its port."""

    key_file: str | None = None
    """File with the keys of the authenticated mode, the first of which signs; None: unauthenticated."""
    marked_keys: bool = False
    """Only keys in marked form count, see net.key_file: no password can be used as one."""
    ask_source: bool = False
    """Ask the reflector, in each packet, which source address it sees (RFC 8972 section 4.2)."""
    ask_dscp: bool = False
    """Ask it, in each packet, which DSCP and ECN it sees (RFC 8972 section 4.4)."""
    ask_hops: bool = False
    """Compare the TTL that it sees, which every answer has (RFC 8762 section 4.3.1), with the one sent."""

    @classmethod
    def from_json(cls, source: Mapping[str, Any], path: str) -> Self:
        """See Options."""
        return cls(
            key_file=fields.optional_text(source, "keyFile", path),
            marked_keys=fields.flag(source, "markedKeys", path),
            ask_source=fields.flag(source, "askSource", path),
            ask_dscp=fields.flag(source, "askDSCP", path),
            ask_hops=fields.flag(source, "askHops", path),
        )

    def to_json(self) -> dict[str, Any]:
        """See Options."""
        return fields.present(
            keyFile=self.key_file,
            markedKeys=self.marked_keys or None,
            askSource=self.ask_source or None,
            askDSCP=self.ask_dscp or None,
            askHops=self.ask_hops or None,
        )

    @property
    def asked(self) -> tuple[type[Arrivals], ...]:
        """How packets arrive, so far as it is asked for."""
        wanted = (self.ask_source, self.ask_dscp, self.ask_hops)
        return tuple(kind for kind, asked in zip(ARRIVALS, wanted, strict=True) if asked)

    def with_any_key(self) -> Self:
        """See Options."""
        return replace(self, marked_keys=False)

    def least_size(self, usual: int) -> int:
        """See Options."""
        return payload(signed=self.key_file is not None, source=self.ask_source, dscp=self.ask_dscp)


def _asked_for(_: str, flags: Mapping[str, Any]) -> StampOptions:
    return StampOptions(
        key_file=flags["key_file"],
        ask_source=flags["ask_source"],
        ask_dscp=flags["ask_dscp"],
        ask_hops=flags["ask_hops"],
    )


METHOD = MethodSpec(
    name=ProbeType.STAMP,
    member="stamp",
    module="stamp",
    fixes_port=True,
    has_flows=True,
    keeps_mapping=True,
    options=StampOptions,
    port=PORT,
    least_size=PAYLOAD,
    directed=True,
    figures=(*ARRIVALS, RefusedAnswers),
    flag=Flag("PORT", "STAMP (RFC 8762) to this UDP port", read=_asked_for, position=10),
)

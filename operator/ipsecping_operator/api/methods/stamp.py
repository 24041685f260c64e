"""STAMP."""

from typing import Annotated, Any

from pydantic import Field

from ipsecping.contract import Hops, Markings, ProbeType, Sources, StampOptions
from ipsecping.contract.methods.stamp import AUTHENTICATED_PAYLOAD, PAYLOAD, payload

from ..defaults import MAX_VALUES_SEEN
from ..mounted import SecretKey
from ..rules import Rule
from ..scalars import DataKey, ObjectName, Port, Text
from .base import Given, Method, StatusField
from .refused import REFUSED_ANSWERS

_SEEN = Field(max_length=MAX_VALUES_SEEN, json_schema_extra={"x-kubernetes-list-type": "atomic"})


class StampAuth(SecretKey):
    """Where the keys of STAMP's authenticated mode are (HMAC-SHA-256, RFC 8762 section 4.4)."""

    secret_name: ObjectName
    """Secret in the check's namespace, whose name begins with ipsecping- or is permitted by the operator
    (--allow-secrets). It is mounted into the probe pod by name; the operator does not read it. While it is
    missing, Ready is False with the reason KeyMissing."""
    key: DataKey
    """Key in the Secret's data that holds the STAMP keys, one a line: the first one signs, all are accepted.
    Each is hex:... or base64:... of at least 32 bytes; text needs the operator's permission
    (--allow-text-keys)."""

    use = "signs with"


class Stamp(Method):
    """STAMP, RFC 8762; TWAMP Light reflectors answer its unauthenticated mode too."""

    port: Port | None = None
    """UDP port of the Session-Reflector. Default: 862."""
    auth: StampAuth | None = None
    """Authenticated mode. Default: unauthenticated."""

    kind = ProbeType.STAMP
    summary = "Measure by a STAMP Session-Reflector, which tells loss by direction."
    probe_rules = (
        Rule(
            cel=f"!has(self.stamp) || !has(self.size) || self.size >= {PAYLOAD}",
            holds=lambda probe: _stamp_of(probe) is None or probe.size is None or probe.size >= PAYLOAD,
            field=".size",
            message=f"must be at least {PAYLOAD}, the size of a STAMP packet",
        ),
        Rule(
            cel="!has(self.stamp) || !has(self.stamp.auth) || !has(self.size) || "
            f"self.size < {PAYLOAD} || self.size >= {AUTHENTICATED_PAYLOAD}",
            holds=lambda probe: (
                not (
                    (stamp := _stamp_of(probe))
                    and stamp.auth
                    and probe.size is not None
                    and PAYLOAD <= probe.size < AUTHENTICATED_PAYLOAD
                )
            ),
            field=".size",
            message=f"must be at least {AUTHENTICATED_PAYLOAD} with stamp.auth, "
            "the size of an authenticated STAMP packet",
        ),
    )
    status_fields = (
        StatusField(
            name="sourceSeen",
            annotation=Annotated[tuple[Text, ...], _SEEN],
            description="Source addresses that the target saw, with verify.sourceSeen; absent while it "
            "tells none.",
            figure=Sources,
            read=lambda figure: sorted(figure.counts) or None,
        ),
        StatusField(
            name="dscpSeen",
            annotation=Annotated[tuple[int, ...], _SEEN],
            description="Code points that packets arrived with at the target, with verify.dscp; absent while "
            "it tells none.",
            figure=Markings,
            read=lambda figure: figure.dscps or None,
        ),
        StatusField(
            name="ecnSeen",
            annotation=Annotated[tuple[int, ...], _SEEN],
            description="ECN fields that packets arrived with at the target, with verify.dscp: 0 Not-ECT, "
            "1 ECT(1), 2 ECT(0), 3 CE (RFC 3168); absent while it tells none.",
            figure=Markings,
            read=lambda figure: figure.ecns or None,
        ),
        StatusField(
            name="hopsSeen",
            annotation=Annotated[tuple[int, ...], _SEEN],
            description="How many routers packets passed on the way to the target, with verify.hops: the TTL "
            "sent less the one that it saw, negative where that is higher; absent while it tells none.",
            figure=Hops,
            read=lambda figure: sorted(figure.counts) or None,
        ),
        REFUSED_ANSWERS,
    )

    def least_payload(self, *, source: bool, dscp: bool) -> int:
        """Return the least payload (bytes) of its packets, which may have to ask how they arrive."""
        return payload(signed=self.auth is not None, source=source, dscp=dscp)

    def options(self, given: Given) -> StampOptions:
        """See Method."""
        return StampOptions(
            key_file=given.files.get("auth"),
            marked_keys=self.auth is not None,
            ask_source=given.ask_source,
            ask_dscp=given.ask_dscp,
            ask_hops=given.ask_hops,
        )

    @classmethod
    def effective(cls, options: Any) -> dict[str, Any]:
        """See Method."""
        return {}


def _stamp_of(probe: Any) -> Stamp | None:
    found: Stamp | None = probe.given(Stamp)
    return found

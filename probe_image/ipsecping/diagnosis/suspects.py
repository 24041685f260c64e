"""Suspects: the causes that are left, those that nobody can tell apart without a gateway taken as one. Pure.

Silence of a whole tunnel looks the same to a pod whichever of a dozen causes it has, and what tells them
apart is the same look at the same machine. So they go by one name, that of an ambiguity group (IEEE 1522):
whoever reads a diagnosis has two places to look at and not fourteen names. The causes behind it stay known.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from .catalogue import ROWS
from .cause import Cause


class AmbiguityGroup(StrEnum):
    """Causes of silence that no evidence from a pod can tell apart."""

    GATEWAY_NOT_REACHED = "GatewayNotReached"
    NOT_ENCAPSULATED = "NotEncapsulated"
    """Known of our gateway, whose policies and SAs tell all of these apart."""
    TUNNEL_NOT_USED = "TunnelNotUsed"
    TUNNEL_BROKEN = "TunnelBroken"
    TARGET_CUT_OFF = "TargetCutOff"


Suspect = Cause | AmbiguityGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What the causes of an ambiguity group have in common."""

    title: str
    """As the title of a row."""
    told: str
    """What tells that it is one of these: where to look, and for what."""
    causes: frozenset[Cause]


_NO_POLICY = frozenset({Cause.SOURCE_TRANSLATED, Cause.SELECTOR_MISMATCH, Cause.POLICY_CONFLICT})
"""For which packets match no policy of the tunnel."""
_NO_SA = frozenset(
    {
        Cause.SA_MISSING,
        Cause.IKE_UNREACHABLE,
        Cause.IKE_AUTH_FAILED,
        Cause.IKE_PROPOSAL_MISMATCH,
        Cause.IKE_FRAGMENTS_LOST,
        Cause.REKEY_BROKEN,
        Cause.SA_OUT_OF_SYNC,
        Cause.SA_EXHAUSTED,
    }
)
"""For which our gateway may have no SA to send with."""

GROUPS: Mapping[AmbiguityGroup, Group] = MappingProxyType(
    {
        AmbiguityGroup.GATEWAY_NOT_REACHED: Group(
            title="our packets do not reach our gateway, because of a policy or a route on our own side",
            told="On the pod's node: they arrive from the pod, but do not leave towards our gateway.",
            causes=frozenset({Cause.LOCAL_POLICY_DENIED, Cause.NEAR_ROUTING_WRONG}),
        ),
        AmbiguityGroup.NOT_ENCAPSULATED: Group(
            title="our gateway does not encrypt our packets: no policy of this tunnel covers them, or it has "
            "no SA",
            told="On our gateway: no policy of this tunnel applies to them first, or it has no SA to send "
            "with.",
            causes=_NO_POLICY | _NO_SA,
        ),
        AmbiguityGroup.TUNNEL_NOT_USED: Group(
            title="packets do not enter the tunnel because of a policy, a selector, address translation or a "
            "route",
            told="On both gateways: there is an SA, but it counts no packets.",
            causes=_NO_POLICY | {Cause.RETURN_PATH_BROKEN},
        ),
        AmbiguityGroup.TUNNEL_BROKEN: Group(
            title="the tunnel carries nothing: an SA is missing or differs between the gateways, or ESP is "
            "blocked",
            told="On both gateways: there is no SA; or one gateway counts what it sends, but the other does "
            "not count it as received, or counts it as failed.",
            causes=_NO_SA | {Cause.ESP_BLOCKED, Cause.ESP_AUTH_FAILED, Cause.NAT_MAPPING_LOST},
        ),
        AmbiguityGroup.TARGET_CUT_OFF: Group(
            title="the far side does not pass packets on to the target, or its answers back",
            told="On the far gateway: the target answers a ping from there, or there is no route to it.",
            causes=frozenset(
                {
                    Cause.FAR_GATEWAY_DROPS,
                    Cause.PROTOCOL_FILTERED,
                    Cause.RETURN_PATH_BROKEN,
                }
            ),
        ),
    }
)


def suspects_of(causes: Sequence[Cause], *, silence: bool, encapsulates: bool | None) -> tuple[Suspect, ...]:
    """Return the causes in their order, of `silence` those of a group as the group.

    `encapsulates`: whether our gateway has an SA to send with. Where it is known to have none, it is the one
    place to look at. One cause of a group alone keeps its own name; a cause of two groups goes by the one
    with more of those that are left.
    """
    if not silence:
        return tuple(causes)
    return tuple(dict.fromkeys(_names(causes, encapsulates)))


def behind(suspect: Suspect, causes: Sequence[Cause], *, encapsulates: bool | None) -> tuple[Cause, ...]:
    """Return those of the causes that go by the suspect's name."""
    if isinstance(suspect, Cause):
        return (suspect,)
    named = dict(zip(causes, _names(causes, encapsulates), strict=True))
    return tuple(cause for cause in causes if named[cause] is suspect)


def title_of(suspect: Suspect) -> str:
    """Return what is at fault, for a person."""
    return ROWS[suspect].title if isinstance(suspect, Cause) else GROUPS[suspect].title


def meaning_of(suspect: Suspect) -> str:
    """Return what it means, or of a group what tells that it is one of its causes."""
    return ROWS[suspect].meaning if isinstance(suspect, Cause) else f"{suspect}: {GROUPS[suspect].told}"


_OF_THE_TUNNEL = frozenset({AmbiguityGroup.TUNNEL_NOT_USED, AmbiguityGroup.TUNNEL_BROKEN})


def _names(causes: Sequence[Cause], encapsulates: bool | None) -> Iterator[Suspect]:
    left = frozenset(causes)
    unfit = _OF_THE_TUNNEL if encapsulates is False else {AmbiguityGroup.NOT_ENCAPSULATED}
    groups = {name: group for name, group in GROUPS.items() if name not in unfit}
    size = {name: len(group.causes & left) for name, group in groups.items()}
    for cause in causes:
        of_it = [name for name, group in groups.items() if cause in group.causes and size[name] > 1]
        yield max(of_it, key=lambda name: size[name], default=cause)

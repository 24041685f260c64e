"""Facts of who refuses packets: this host, somebody on the way, or the target itself."""

from collections.abc import Iterable
from dataclasses import replace

from .evidence import HopKind, Part
from .fact import Fact, Refused, unknown
from .reading import PLACES, Reading
from .refusal import ErrorKind, PastError, PathError
from .tally import part_of

SECOND = 1_000_000_000
AT_ONCE = 100_000_000
"""Nanoseconds beyond the way to the far gateway and back. A host that is away is asked for thrice, a second
each time (RFC 4861 section 10, and Linux for ARP)."""


_REJECTED = (
    ErrorKind.PROHIBITED,
    ErrorKind.PORT_UNREACHABLE,
    ErrorKind.PROTOCOL_UNREACHABLE,
    ErrorKind.RESET,
)
"""What a firewall answers with; port unreachable is what Linux takes if no rule says otherwise."""


def refused_here(reading: Reading) -> Fact:
    """Whether this host, its node or our side's first router forbids the packets."""
    own = [error for error in reading.errors(ErrorKind.NOT_PERMITTED) if error.sender is None]
    near = [error for error in reading.errors(*_REJECTED) if error.sender in reading.near_side]
    gateway = rejected_by_our_gateway(reading)
    if not reading.methods:
        return unknown("the target was not measured")
    if own:
        return _told(reading, own, f"this host refused to send {_of(own, reading)} (EPERM)")
    if gateway and len(gateway) == len(near):
        return unknown(
            f"{_senders(gateway)} prohibits {_of(gateway, reading)}, but is our gateway: while the tunnel "
            "is down, a rule or route that lets nothing leave unencrypted does the same"
        )
    if near:
        said = f"{_senders(near)} on our side prohibits {_of(near, reading)}"
        return replace(_told_of_all(reading, near, said), refused=_who(reading, near))
    return Fact(False, "no ICMP error from our side refuses our packets")


def no_route_here(reading: Reading) -> Fact:
    """Whether this host or our side's first router has no route to the target."""
    if not reading.methods:
        return unknown("the target was not measured")
    own = [error for error in reading.errors(ErrorKind.NO_ROUTE) if error.sender is None]
    kinds = (ErrorKind.NET_UNREACHABLE, ErrorKind.HOST_UNREACHABLE)
    near = [error for error in reading.errors(*kinds) if error.sender in reading.near_side]
    gateway = unreachable_for_our_gateway(reading)
    if own:
        return _told(
            reading,
            own,
            f"this host refused to send {_of(own, reading)}: it has no route (ENETUNREACH), a blackhole "
            "route (EINVAL), or an IPsec policy without a security association (EREMOTE, ESRCH)",
        )
    if gateway and len(gateway) == len(near):
        return unknown(f"{_senders(gateway)} cannot reach the target, but is our gateway: {NO_WAY}")
    if near:
        said = f"{_senders(near)} on our side cannot reach the target or the next hop ({_of(near, reading)})"
        return replace(_told_of_all(reading, near, said), refused=_who(reading, near))
    return Fact(False, "no ICMP error from our side says that there is no route")


NO_WAY = "its route into the tunnel is missing, or is withdrawn while the tunnel is down"


def unreachable_for_our_gateway(reading: Reading) -> list[PathError]:
    """What our gateway says of a target that it cannot reach, where nothing shows that the tunnel is up.

    An interface of a tunnel that has no SA says so. So does a router whose route has gone with the tunnel,
    whatever that died of: routing protocols and monitors take it away.
    """
    told = _by_our_gateway(reading, ErrorKind.NET_UNREACHABLE, ErrorKind.HOST_UNREACHABLE)
    # It has asked for the target on a link of its own: there the route leads, and not into a tunnel.
    return [] if _delays(reading, told) and not _at_once(reading, told) else told


def rejected_by_our_gateway(reading: Reading) -> list[PathError]:
    """What our gateway rejects, where nothing shows that the tunnel is up.

    A rule or a route that lets nothing out in clear does so once it is down.
    """
    return _by_our_gateway(reading, *_REJECTED)


def _by_our_gateway(reading: Reading, *kinds: ErrorKind) -> list[PathError]:
    """What our gateway says so of packets to the target, where nothing shows that the tunnel is up."""
    if reading.target.answered or reading.answers(Part.FAR_INSIDE):
        return []
    return [error for error in reading.errors(*kinds) if error.sender in reading.our_gateways]


def gateway_unreachable(reading: Reading) -> Fact:
    """Whether a router says that the far gateway's public address cannot be reached."""
    if reading.control(Part.GATEWAY) is None:
        return unknown(f"{PLACES[Part.GATEWAY]} was not tested")
    batches = (batch for batch in reading.evidence.batches if batch.part is Part.GATEWAY)
    kinds = (ErrorKind.NET_UNREACHABLE, ErrorKind.HOST_UNREACHABLE)
    told = [error for batch in batches for error in batch.errors if error.kind in kinds]
    told = [error for error in told if _is_underlay(reading, error)]
    if not told:
        return Fact(False, "no router says that the far gateway is unreachable")
    said = f"{_senders(told)} says that {reading.named(Part.GATEWAY)} cannot be reached"
    return replace(_told(reading, told, said), methods=None)


def refused_by_target(reading: Reading) -> Fact:
    """Whether the target itself refuses: port unreachable, or a reset."""
    kinds = (ErrorKind.PORT_UNREACHABLE, ErrorKind.PROTOCOL_UNREACHABLE, ErrorKind.RESET)
    told = [error for error in reading.errors(*kinds) if error.sender == reading.evidence.address]
    if not told:
        return (
            Fact(False, "the target refuses nothing")
            if reading.methods
            else unknown("the target was not measured")
        )
    said = f"the target itself refused {_of(told, reading)} ({_kinds(told)})"
    if all(error.kind is ErrorKind.RESET for error in told) and not reading.target.answered:
        said += ", or a firewall in its name, since nothing else gets an answer"
    return _told(reading, told, said)


def host_unreachable(reading: Reading) -> Fact:
    """Whether a router on the target's side says that the host does not answer on its link."""
    told = [error for error in reading.errors(ErrorKind.HOST_UNREACHABLE) if _is_far(reading, error)]
    if not told:
        return (
            Fact(False, "no router says that the host is unreachable")
            if reading.methods
            else unknown("the target was not measured")
        )
    said = f"{_senders(told)} says that the target's host is unreachable ({_of(told, reading)})"
    if _at_once(reading, told):
        return unknown(f"{said}, but at once, without looking for it: it may have no route instead")
    # It is the host that is away, whatever the method.
    return replace(_told(reading, told, said), methods=None)


def _at_once(reading: Reading, told: list[PathError]) -> bool:
    """Whether a router says so sooner than it can know: it asks for a link address for some seconds."""
    usual = [batch.rtt_min or 0 for batch in part_of(reading.evidence, Part.FAR_INSIDE)]
    return any(delay < max(usual, default=0) + AT_ONCE for delay in _delays(reading, told))


def _delays(reading: Reading, told: list[PathError]) -> list[int]:
    """How long those who say so took, as far as is known."""
    senders = {error.sender for error in told}
    hops = reading.evidence.hops or ()
    times = [hop.rtt for hop in hops if hop.kind is HopKind.UNREACHABLE and hop.address in senders]
    # One round may hear of a host that others have asked for: what took longest tells.
    past = [error.delay or 0 for error in told if isinstance(error, PastError)]
    times += [max(past)] if past else []
    return [time for time in times if time is not None]


def routing_loops(reading: Reading) -> Fact:
    """Whether packets that were sent with a full TTL use it up, so that there is a routing loop."""
    told = list(reading.errors(ErrorKind.TIME_EXCEEDED))
    if not reading.methods:
        return unknown("the target was not measured")
    if not told:
        return Fact(False, "no packet used up its TTL")
    return _told(reading, told, f"at {_senders(told)} the TTL of {_of(told, reading)} was used up")


def prohibited_by_far_gateway(reading: Reading) -> Fact:
    """Whether the far gateway forbids the packets, or a router behind it has no route for them."""
    kinds = (*_REJECTED, ErrorKind.NET_UNREACHABLE)
    told = [error for error in reading.errors(*kinds) if error.sender in reading.far_gateways]
    told += [
        error
        for error in reading.errors(ErrorKind.NET_UNREACHABLE)
        if _is_far(reading, error) and error.sender not in reading.far_gateways
    ]
    if not reading.methods:
        return unknown("the target was not measured")
    if not told:
        return Fact(False, "no ICMP error from the far side refuses our packets")
    said = f"the far side ({_senders(told)}) refuses {_of(told, reading)} ({_kinds(told)})"
    return replace(_told_of_all(reading, told, said), refused=_why(told))


def prohibited_on_the_way(reading: Reading) -> Fact:
    """Whether somebody else, or the target's own firewall, forbids the packets."""
    if not reading.methods:
        return unknown("the target was not measured")
    others = {*reading.near_side, *reading.far_gateways}
    told = [
        error for error in reading.errors(ErrorKind.PROHIBITED) if error.sender and error.sender not in others
    ]
    told += [
        error
        for error in reading.errors(*_REJECTED[1:])
        if error.sender and error.sender != reading.evidence.address and error.sender not in others
    ]
    if not told:
        return Fact(False, "no ICMP error from a firewall on the way refuses our packets")
    said = f"{_senders(told)} refuses {_of(told, reading)} ({_kinds(told)})"
    return replace(_told_of_all(reading, told, said), refused=Refused.BY_A_RULE)


def _who(reading: Reading, told: list[PathError]) -> Refused | None:
    """Whether all who say so are our gateway: what is before it has done its part."""
    return Refused.BY_OUR_GATEWAY if {error.sender for error in told} <= reading.our_gateways else None


def _why(told: list[PathError]) -> Refused | None:
    """Whether a route is missing or a rule refuses, where all errors say the same."""
    routeless = {error.kind is ErrorKind.NET_UNREACHABLE for error in told}
    if len(routeless) > 1:
        return None
    return Refused.WITHOUT_ROUTE if True in routeless else Refused.BY_A_RULE


def _is_far(reading: Reading, error: PathError) -> bool:
    if error.sender is None or error.sender in reading.near_side:
        return False
    return not reading.holds(reading.evidence.expected.underlay, error.sender)


def _is_underlay(reading: Reading, error: PathError) -> bool:
    """Whether who says something of the far gateway is none of ours: a cluster that knows no way to public
    addresses says nothing of the line."""
    if error.sender is None or error.sender in reading.near_side:
        return False
    expected = reading.evidence.expected
    if reading.holds(expected.underlay, error.sender):
        return True
    return reading.knows_far_gateway and not reading.holds(expected.inside, error.sender)


def _told(reading: Reading, errors: list[PathError], said: str) -> Fact:
    if whole_quotes(errors):
        return Fact(True, said, reading.methods_with(errors))
    return Fact(True, f"{said}{_CUT_SHORT}", reading.methods_with(errors), cut_short=True)


_CUT_SHORT = "; but it quotes so little of our packets that anybody may have forged it"


def whole_quotes(errors: Iterable[PathError]) -> list[PathError]:
    """Return those that nobody can have made up who has not seen a packet of ours."""
    return [error for error in errors if not error.cut_short]


def _told_of_all(reading: Reading, errors: list[PathError], said: str) -> Fact:
    """Of all methods where nothing is answered, but for those that others refuse: of a refuser's few errors
    some methods may have got none."""
    fact = _told(reading, errors, said)
    if reading.target.answered:
        return fact
    others = [error for error in reading.errors(*ErrorKind) if error not in errors]
    own = reading.methods_with(errors)
    return replace(fact, methods=own | (frozenset(reading.methods) - reading.methods_with(others)))


def _senders(errors: list[PathError]) -> str:
    return ", ".join(sorted({str(error.sender) for error in errors})[:3])


def _kinds(errors: list[PathError]) -> str:
    return ", ".join(sorted({error.kind.value for error in errors}))


def _of(errors: list[PathError], reading: Reading) -> str:
    past = [error for error in errors if isinstance(error, PastError)]
    now = sum(error.count for error in errors) - sum(error.count for error in past)
    said = [f"{now} of {reading.target.sent} packets"] if now else []
    if past:
        age = (reading.evidence.at - max(error.until for error in past)) // SECOND
        when = f"the last one {age} s earlier" if age > 0 else "meanwhile"
        said.append(f"{sum(error.count for error in past)} packets of rounds, {when}")
    return " and ".join(said)

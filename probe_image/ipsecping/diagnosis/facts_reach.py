"""Facts of who answers, and how far packets get."""

from collections.abc import Callable, Sequence

from ..contract import ProbeType
from . import statistics
from .evidence import IkeAnswer, NameAnswer, Part
from .fact import Fact, unknown
from .reading import PLACES, Reading
from .refusal import ErrorKind

IKE_TRANSMISSIONS = 3
"""How often each port is asked before it is called silent (RFC 7296 section 2.1)."""


def prober_unfit(reading: Reading) -> Fact:
    """Whether the prober, its host or the reflector disturbed the measurement."""
    host, reflector = reading.evidence.host, reading.evidence.reflector
    if reflector is not None and reflector.dropped >= max(2, reading.target.lost // 2):
        return Fact(True, f"the reflector itself dropped {reflector.dropped} of {reflector.expected} packets")
    if host is None or not host.rounds:
        return unknown("it was not checked whether this host can measure")
    bad = sum(host.invalid.values())
    if bad * 10 >= host.rounds:
        why = ", ".join(sorted(host.invalid))
        return Fact(True, f"{bad} of {host.rounds} rounds were spoiled by the prober or its host ({why})")
    return Fact(False, f"the prober kept time in {host.rounds - bad} of {host.rounds} rounds")


def name_failed(reading: Reading) -> Fact:
    """Whether the target's name has no address."""
    names = reading.evidence.names
    if names is None:
        return unknown("the name was not looked up")
    asked = f"{reading.evidence.target}" + (f" at {names.server}" if names.server else "")
    if names.answer is NameAnswer.NO_SUCH_NAME:
        return Fact(True, f"the resolver says that there is no such name: {asked}")
    if names.answer is NameAnswer.FAILED:
        return Fact(True, f"the resolver did not answer for {asked}")
    return Fact(
        False, "the target is an address" if names.answer is NameAnswer.ADDRESS else "the name resolves"
    )


def address_changed(reading: Reading) -> Fact:
    """Whether the name has only addresses that it did not have in the last healthy round."""
    names = reading.evidence.names
    if names is not None and names.answer is NameAnswer.ADDRESS:
        return Fact(False, "the target is an address")
    if names is None or names.answer is not NameAnswer.RESOLVED or not names.before:
        return unknown("no earlier address of the name is known")
    changed = not set(names.now) & set(names.before)
    was, now = ", ".join(names.before[:3]), ", ".join(names.now[:3]) or "nothing"
    return Fact(changed, f"the name stood for {was} before, and stands for {now} now")


def of_control(reading: Reading, part: Part) -> Fact:
    """Whether a control address answers."""
    found, answers = reading.control(part), reading.answers(part)
    if found is None:
        return unknown(f"{PLACES[part]} was not tested")
    said = f"{reading.named(part)}: {found.answered} of {found.sent} answered"
    baseline = reading.evidence.baseline
    if answers is None and baseline is not None and part in baseline.silent:
        return unknown(f"{said}, which proves nothing: it did not answer before either")
    if answers is None:
        return unknown(
            f"{said}, which proves nothing: it is not known to answer, or was sent too few packets"
        )
    if not answers and baseline is not None and part in baseline.answered_at:
        ago = max(reading.evidence.at - baseline.answered_at[part], 0) // 1_000_000_000
        return Fact(False, f"{said}; it answered {_ago(ago)} earlier")
    return Fact(answers, said)


def _ago(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


def control_answers(part: Part) -> Callable[[Reading], Fact]:
    """Return the question whether one control answers."""

    def ask(reading: Reading) -> Fact:
        return of_control(reading, part)

    ask.__doc__ = f"Whether {PLACES[part]} answers."
    return ask


def reaches_near_gateway(reading: Reading) -> Fact:
    """Whether our gateway is among the hops of packets to the target, or refuses them, so that they get
    past the node."""
    hops, ours = reading.evidence.hops, reading.evidence.expected.controls.get(Part.NEAR_INSIDE)
    said = {error.kind.value for error in reading.errors(*ErrorKind) if error.sender == ours}
    if ours is not None and said:
        kinds = ", ".join(sorted(said))
        return Fact(True, f"packets to the target reach our gateway ({ours}), which says {kinds}")
    oversized = reading.evidence.oversized
    if oversized is not None and any(each.router == ours for each in oversized.told):
        return Fact(True, f"our gateway ({ours}) refuses packets to the target that are too big for it")
    if hops is None or ours is None:
        return unknown("the hops were not traced, or our gateway's inside address is not known")
    found = [hop.ttl for hop in hops if hop.address == ours]
    if not found:
        return unknown("our gateway is not among the hops that answered")
    return Fact(True, f"packets to the target reach our gateway ({ours}, hop {min(found)})")


def gateway_answers(reading: Reading) -> Fact:
    """Whether the far gateway answers outside of the tunnel, by ICMP or by IKE."""
    fact = of_control(reading, Part.GATEWAY)
    if fact.value:
        return fact
    if reading.ike_answers:
        return Fact(True, ike_answers(reading).text)
    if reading.ike_answers is None:
        return unknown(f"{fact.text}; IKE was not tested")
    return fact


def ike_answers(reading: Reading) -> Fact:
    """Whether the far IKE daemon answers a stranger; silence counts only if it is known to answer."""
    ike, baseline = reading.evidence.ike, reading.evidence.baseline
    if ike is None:
        return unknown("IKE was not tested")
    said = "IKE: " + ", ".join(f"UDP {port} {answer.lower()}" for port, answer in sorted(ike.ports.items()))
    if reading.ike_answers:
        return Fact(True, said)
    if baseline is None or Part.IKE not in baseline.controls:
        return unknown(f"{said}, which proves nothing: many gateways do not answer strangers")
    if _may_be_chance(reading, tuple(ike.ports)):
        return unknown(f"{said}, which may be chance, since so much is lost: {reading.lossy.said}")
    return Fact(False, said)


def nat_on_the_way(reading: Reading) -> Fact:
    """Whether IKE has detected NAT between here and the far gateway."""
    ike = reading.evidence.ike
    if ike is None or ike.nat is None:
        return unknown("NAT detection was not tried, or got no answer")
    return Fact(ike.nat, f"IKE sees {'a' if ike.nat else 'no'} NAT on the way")


def far_network_answers(reading: Reading) -> Fact:
    """Whether the far gateway answers at an address of the target's own network."""
    fact, address = of_control(reading, Part.FAR_INSIDE), reading.evidence.address
    control = reading.evidence.expected.controls.get(Part.FAR_INSIDE)
    if not fact.value or address is None or control is None:
        return fact
    if reading.near_each_other(control, address):
        return fact
    return unknown(f"{reading.named(Part.FAR_INSIDE)} answers, but lies in another network than the target")


def same_target_answers(reading: Reading) -> Fact:
    """Whether the target answers by another path."""
    same = [path for path in reading.evidence.paths or () if path.same_target and path.sent]
    if not same:
        return unknown("no other path leads to the same target")
    best = max(same, key=lambda path: path.answered / path.sent)
    return Fact(
        best.answered > 0, f"path {best.name} to the same target: {best.answered} of {best.sent} answered"
    )


def another_method_answers(reading: Reading) -> Fact:
    """Whether the target answers by some method; unknown if the only one that was tried is silent."""
    if not reading.methods:
        return unknown("the target was not measured")
    parts = ", ".join(f"{kind} {each.answered} of {each.sent}" for kind, each in reading.methods.items())
    if reading.target.answered or reading.target.misanswered:
        return Fact(True, f"answered by the target: {parts}")
    if len(reading.methods) < 2:
        return unknown(f"only one method was tried: {parts}")
    return Fact(False, f"the target answers by no method: {parts}")


def method_known_to_answer(reading: Reading) -> Fact:
    """Whether at least two methods that got answers when the path was healthy are all silent."""
    baseline = reading.evidence.baseline
    if baseline is None or not reading.methods:
        return unknown("it is not known by which methods the target answered before")
    known = [kind for kind, each in reading.methods.items() if kind in baseline.methods and not each.answered]
    if len(known) < 2:
        return unknown("fewer than two of the methods that got answers before are silent")
    return Fact(True, f"{' and '.join(known)} got answers when the path was healthy, and now all are silent")


def requests_arrive(reading: Reading) -> Fact:
    """Whether the reflector receives the packets that are not answered; only if the target is silent."""
    found = reading.evidence.reflector
    if found is None or not found.expected:
        return unknown("what the reflector itself counted is not known")
    said = f"the reflector counted {found.received} of our {found.expected} packets"
    if found.received >= 0.9 * found.expected:
        return Fact(True, said)
    if not found.received and found.expected >= 20:
        return Fact(False, said)
    return unknown(f"{said}, which proves nothing")


def responder_keeps_up(reading: Reading) -> Fact:
    """Whether the reflector answers all packets that it receives."""
    found = reading.evidence.reflector
    if found is None or not found.received:
        return unknown("what the reflector itself counted is not known")
    said = f"the reflector answered {found.answered} of the {found.received} packets that it received"
    return Fact(found.answered == found.received and not found.dropped, said)


def misanswered(reading: Reading) -> Fact:
    """Whether the target answers, but wrongly."""
    if not reading.methods:
        return unknown("the target was not measured")
    if not reading.target.misanswered:
        return Fact(False, "no wrong answers")
    wrong = {kind: each for kind, each in reading.methods.items() if each.misanswered}
    said = [
        f"{kind} {each.misanswered} of {each.sent} ({_reasons(reading, kind)})"
        for kind, each in wrong.items()
    ]
    return Fact(True, f"wrong answers: {', '.join(said)}")


def _reasons(reading: Reading, kind: ProbeType) -> str:
    found = {reason for batch in reading.batches if batch.type is kind for reason in batch.misanswered}
    return ", ".join(sorted(found))


def ports_that_differ(reading: Reading) -> tuple[list[int], list[int]]:
    """Return the ports on which IKE answers, and those on which it does not by more than chance."""
    ports = {} if reading.evidence.ike is None else reading.evidence.ike.ports
    answered = sorted(port for port, answer in ports.items() if answer is IkeAnswer.ANSWERED)
    others = sorted(set(ports) - set(answered))
    return answered, [port for port in others if not _may_be_chance(reading, (port,))]


def _may_be_chance(reading: Reading, ports: Sequence[int]) -> bool:
    """Whether loss of the path, as packets to the target show it, may be why none of these ports answers."""
    ike, loss = reading.evidence.ike, reading.lossy
    if ike is None or not loss.answered or any(ike.ports[port] is IkeAnswer.REFUSED for port in ports):
        return False
    return loss.ratio ** (IKE_TRANSMISSIONS * len(ports)) > statistics.SIGNIFICANT


def icmp_is_filtered(reading: Reading) -> bool:
    """Whether ICMP alone is silent, and is not known to have been answered before: no fault of the tunnel."""
    baseline = reading.evidence.baseline
    known = baseline is not None and ProbeType.ICMP in baseline.methods
    return reading.dead_methods == (ProbeType.ICMP,) and not known

"""Facts of size, delay and content: the path MTU, fragments, a longer way, sources, leaks, first packets."""

from collections.abc import Iterator
from ipaddress import ip_address

from ..addresses import without_zone
from ..contract.targets import Address
from . import facts_loss, facts_refused
from .evidence import Batch, Hop, HopKind, Part, PastRound
from .fact import Fact, unknown
from .reading import Reading
from .refusal import ErrorKind
from .tally import part_of, tally

STEP = 2_000_000
"""Nanoseconds, or a fifth of the delay where that is more, that the least delay has to rise by."""
FIRST_ROUNDS = 3
"""Rounds that begin with a loss, and lose nothing else, at least."""
PAUSES = 2
"""Long ones that all break something, and short ones that all break nothing, at least."""
ON_DEMAND_PACKETS, ON_DEMAND_TIME = 3, 2_000_000_000
"""What the start of an on-demand SA may cost; more is a fault."""


def mtu_wanted(reading: Reading) -> int | None:
    """Return the path MTU that the spec asks for, else that of the healthy path; None: neither is known."""
    baseline = reading.evidence.baseline
    return reading.evidence.expected.path_mtu or (None if baseline is None else baseline.path_mtu)


def large_lost_untold(reading: Reading) -> Fact:
    """Whether packets above the path MTU are lost without an ICMP error."""
    return _too_large(reading, told=False)


def large_refused_told(reading: Reading) -> Fact:
    """Whether a router says that packets above the path MTU are too big."""
    return _too_large(reading, told=True)


def _too_large(reading: Reading, *, told: bool) -> Fact:
    found = reading.evidence.path_mtu
    if found is None:
        return unknown("the path MTU was not searched")
    if not told and (hidden := size_hidden(reading)) is not None:
        return unknown(hidden)
    passed = _larger_that_passed(reading)
    if passed is not None and not told:
        return unknown(f"packets above the path MTU were answered now and then: {passed}")
    wanted = mtu_wanted(reading)
    as_usual = wanted is None or found.forward is None or found.forward >= wanted
    if told and found.reverse is not None and found.reverse_told is None and as_usual:
        # The way there is told of its limit, that of encryption as a rule, which says nothing of the other.
        return unknown(
            "it is not known whether the target gets ICMP errors for packets that are too large for the "
            "way back"
        )
    ways = ((found.forward, found.forward_told, "there"), (found.reverse, found.reverse_told, "back"))
    hits = [
        f"{size} bytes on the way {way}"
        for size, is_told, way in ways
        if is_told is told and size is not None
    ]
    if hits:
        how = (
            ("and ICMP errors say so (packet too big)")
            if told
            else "and larger packets are lost without an ICMP error"
        )
        return Fact(True, f"path MTU {', '.join(hits)}, {how}")
    known = [is_told for _, is_told, _ in ways if is_told is not None]
    return (
        Fact(
            False,
            ("no packet that was too large was lost without an ICMP error")
            if not told
            else "no packet-too-big message came",
        )
        if (known)
        else unknown("it is not known whether an ICMP error comes for packets that are too large")
    )


def size_hidden(reading: Reading) -> str | None:
    """Why a limit of size that nobody told of is not believed; None: it is.

    What lets only so many bytes a second pass (a policer's bucket, a full queue) loses large packets first,
    at whatever size is tried.
    """
    return reading.once(_size_hidden)


def _size_hidden(reading: Reading) -> str | None:
    found, by_rate = reading.evidence.path_mtu, reading.once(facts_loss.loss_by_rate)
    untold = found is not None and any(
        size is not None and told is not True
        for size, told in ((found.forward, found.forward_told), (found.reverse, found.reverse_told))
    )
    if not untold or not by_rate.value:
        return None
    return f"the path loses packets above a rate, and large ones first: {by_rate.text}"


def _larger_that_passed(reading: Reading) -> str | None:
    """Whether large packets passed that the search found too large: it was loss then, and no limit."""
    found = reading.evidence.path_mtu
    limits = [] if found is None else [size for size in (found.forward, found.reverse) if size is not None]
    larger = [batch for batch in part_of(reading.evidence, Part.BULK) if limits and batch.size > min(limits)]
    total = tally(larger)
    return f"{max(batch.size for batch in larger)} bytes, {total.said}" if total.answered else None


def path_mtu_as_wanted(reading: Reading) -> Fact:
    """Whether the path MTU is what it was, or what the spec asks for."""
    found, wanted = reading.evidence.path_mtu, mtu_wanted(reading)
    sizes = [] if found is None else [size for size in (found.forward, found.reverse) if size is not None]
    if not sizes:
        return unknown("the path MTU was not searched, or the search found nothing")
    if (hidden := size_hidden(reading)) is not None:
        return unknown(hidden)
    least = min(sizes)
    if wanted is None:
        return unknown(f"path MTU {least}; not known what it should be")
    return Fact(least >= wanted, f"path MTU {least}, required at least {wanted}")


def fragments_lost(reading: Reading) -> Fact:
    """Whether packets that have to be fragmented are all lost, while unfragmented ones pass."""
    batches = part_of(reading.evidence, Part.FRAGMENTS)
    if not batches:
        return unknown("fragmented packets were not sent")
    found, whole = tally(batches), reading.lossy
    said = f"fragmented packets of {max(batch.size for batch in batches)} bytes: {found.said}"
    lost = not found.answered and whole.answered > 0 and found.differs(whole)
    return Fact(lost, f"{said}; unfragmented ones: {whole.said}" if lost else said)


def delay_stepped(reading: Reading) -> Fact:
    """Whether the least delay is larger than when the path was last healthy, by more than chance explains."""
    baseline = reading.evidence.baseline
    found = [batch for batch in reading.measured if batch.rtt_min is not None]
    if baseline is None or baseline.rtt_min is None or not found:
        return unknown("the delay of the healthy path is not known")
    least = min(batch.rtt_min for batch in found if batch.rtt_min is not None)
    usual = max((batch.rtt_p50 for batch in found if batch.rtt_p50 is not None), default=least)
    said = f"least round-trip time {least / 1e6:.1f} ms, when healthy {baseline.rtt_min / 1e6:.1f} ms"
    # Of packets that are delayed unequally, few may happen to take as little as the way itself.
    by_chance = (usual - least) // 2
    return Fact(least - baseline.rtt_min > max(STEP, baseline.rtt_min // 5, by_chance), said)


def source_differs(reading: Reading) -> Fact:
    """Whether the reflector sees our packets come from an unexpected address."""
    expected = reading.evidence.expected.sources
    seen = {source for batch in reading.batches for source in batch.sources}
    if not expected or not seen:
        return unknown(
            "the source address that the reflector sees is not known, or it is not known which one to expect"
        )
    others = sorted(source for source in seen if not reading.holds(expected, source))
    if others:
        return Fact(
            True, f"the reflector sees packets from {others[0]}, but expected {', '.join(expected[:3])}"
        )
    return Fact(False, f"the reflector sees our own address {min(seen)}")


_FORGED = ", unless the ICMP error is forged"
"""Whoever sees our packets can do that, also behind the tunnel."""


def seen_in_clear(reading: Reading) -> Fact:
    """Whether a router between the gateways quotes our inner packet, so that it has seen it unencrypted.

    It does so in an error about a packet to the target, or about one with a small TTL.
    """
    underlay = reading.evidence.expected.underlay
    told = facts_refused.whole_quotes(reading.errors(*ErrorKind))
    senders = {error.sender for error in told if error.sender is not None}
    if not reading.knows_far_gateway:
        senders = set()  # it may be the far gateway, which refuses what it has decrypted
    known = set(reading.evidence.expected.controls.values())
    strangers = sorted(each for each in senders - known if reading.holds(underlay, each))
    if strangers:
        return Fact(
            True,
            f"{strangers[0]}, between the gateways, refused packets to the target, so it saw them "
            f"unencrypted{_FORGED}",
        )
    if reading.evidence.hops is None:
        return unknown("the hops were not traced")
    hop = next(_in_clear(reading), None)
    if hop is None:
        return Fact(False, "no router between the gateways quoted our packet")
    return Fact(
        True,
        f"{hop.address}, hop {hop.ttl}, between the gateways, quoted our packet, so it saw it "
        f"unencrypted{_FORGED}",
    )


def _in_clear(reading: Reading) -> Iterator[Hop]:
    """In the declared underlay it is sure; elsewhere only for a public address behind our gateway's hop.

    The far gateway quotes what it has decrypted: where its address is not known, it may be the last of them.
    """
    found = list(_outside(reading))
    if reading.knows_far_gateway:
        yield from found
        return
    last = max(found, key=lambda hop: hop.ttl, default=None)
    yield from (hop for hop in found if last is not None and hop.address != last.address)


def _outside(reading: Reading) -> Iterator[Hop]:
    expected = reading.evidence.expected
    known = {*expected.controls.values(), reading.evidence.address}
    ours = expected.controls.get(Part.NEAR_INSIDE)
    hops = reading.evidence.hops or ()
    near = [hop.ttl for hop in hops if ours is not None and hop.address == ours]
    far = expected.controls.get(Part.FAR_INSIDE)
    through = [hop for hop in hops if hop.kind is HopKind.REACHED or (far is not None and hop.address == far)]
    for hop in sorted(hops, key=lambda each: each.ttl):
        if any(hop.type is each.type and hop.ttl > each.ttl for each in through):
            continue  # packets that get so far have been decrypted
        if not hop.quoted or hop.address is None or hop.address in known or hop.kind is HopKind.REACHED:
            continue
        if reading.holds(expected.inside, hop.address):
            continue
        parsed: Address = ip_address(without_zone(hop.address))
        behind = bool(near) and hop.ttl > min(near) and Part.GATEWAY in expected.controls
        if reading.holds(expected.underlay, hop.address) or (behind and parsed.is_global):
            yield hop


def first_lost_back(reading: Reading) -> Fact:
    """Whether it is the way back that loses the first packets after a pause."""
    found = first_lost(reading)
    if found is None:
        return unknown("no losses after pauses, or their direction is not known")
    forward, reverse, said = found
    if forward == reverse:
        return unknown(f"{said}; the direction is not known")
    return Fact(reverse > forward, f"{said}, {forward} on the way there and {reverse} on the way back")


def first_lost(reading: Reading) -> tuple[int, int, str] | None:
    """Return packets lost there and back in rounds that lose their first ones alone; None: there are none.

    Zero each: the directions are not known.
    """
    runs = [
        (run.forward_lost or 0, run.reverse_lost or 0, _prefix(run.answers or "")) for run in _runs(reading)
    ]
    bad = [run for run in runs if run[2]]
    if not bad or None in {run[2] for run in runs}:
        return None
    after = _pause_that_matters(reading)
    if len(bad) < FIRST_ROUNDS and after is None:
        return None
    longest = max(run[2] or 0 for run in bad)
    first = "first packet" if longest == 1 else f"first {longest} packets"
    said = f"{len(bad)} of {len(runs)} rounds lost only their {first} after a pause"
    if after is not None:
        pauses = f"each pause of {after / 1e9:.0f} s or longer, and after no shorter one"
        said = f"bursts lost their {first} after {pauses}"
    return sum(run[0] for run in bad), sum(run[1] for run in bad), said


def _pause_that_matters(reading: Reading) -> int | None:
    """Return the shortest pause that bursts lose their first packets after; None: longer ones do not all.

    At least two such, and as many without loss after shorter ones: else it may be chance.
    """
    bursts = part_of(reading.evidence, Part.IDLE)
    ordered = sorted(bursts, key=lambda burst: burst.idle or 0)
    bad = [burst.idle or 0 for burst in ordered if _prefix(burst.answers or "")]
    clean = [burst.idle or 0 for burst in ordered if burst.answers and "0" not in burst.answers]
    if len(bad) < PAUSES or len(clean) < PAUSES or len(bad) + len(clean) < len(bursts):
        return None
    return bad[0] if clean[-1] < bad[0] else None


def longest_start(reading: Reading) -> tuple[int, int]:
    """Return how many first packets were lost at most, and how long that took (nanoseconds)."""
    starts = [(_prefix(run.answers or "") or 0, run.spacing) for run in _runs(reading)]
    return max(((count, count * spacing) for count, spacing in starts), default=(0, 0))


def _runs(reading: Reading) -> list[Batch | PastRound]:
    """Return packets in a row of which it is known which were lost: past rounds, and those after a pause."""
    runs: list[Batch | PastRound] = [*(reading.evidence.rounds or ()), *part_of(reading.evidence, Part.IDLE)]
    return [run for run in runs if run.answers]


def _prefix(answers: str) -> int | None:
    """How many packets are lost at the beginning; None: others are lost as well, or all."""
    first = len(answers) - len(answers.lstrip("0"))
    return None if "0" in answers[first:] or first == len(answers) else first

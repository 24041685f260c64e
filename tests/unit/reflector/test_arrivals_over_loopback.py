"""What reflectors tell of packets that arrive over loopback: DSCP and ECN, and how far they came."""

from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from ipsecping.contract import Hops, Marking, Markings, PlannedProbe, RoundResult
from ipsecping.host.key_file import KeyFile
from ipsecping.reflector.admission import Admission
from ipsecping.reflector.keys import KeyRing
from ipsecping.reflector.responder import StampResponder
from ipsecping.reflector.server import Listener
from ipsecping.reflector.sessions import SessionTable
from ipsecping.wire import stamp
from ipsecping.wire.ntp import UNSYNCHRONIZED

from ...result_figures import sources_of
from .sessions import (
    OLD,
    check_with,
    foreign_reflector,
    one_round,
    planned,
    prober_round,
    reflector,
    write_keys,
)


def markings_of(result: RoundResult) -> dict[Marking, int]:
    found = result.figure(Markings)
    return {} if found is None else dict(found.counts)


def hops_of(result: RoundResult) -> dict[int, int]:
    found = result.figure(Hops)
    return {} if found is None else dict(found.counts)


@pytest.mark.parametrize("signed", [False, True], ids=["unauthenticated", "authenticated"])
@pytest.mark.parametrize(("permit", "refused"), [(True, False), (False, True)], ids=["permitted", "RP"])
async def test_the_result_names_the_marking_and_the_hops_that_the_reflector_saw(
    tmp_path: Path, signed: bool, permit: bool, refused: bool
) -> None:
    keys = tmp_path / "stamp.keys"
    write_keys(keys, OLD)
    async with reflector(KeyRing(KeyFile(keys)) if signed else None, permit_dscp=permit) as listener:
        probe = planned(
            listener.port,
            keys if signed else None,
            size=168,
            dscp=46,
            ask_source=True,
            ask_dscp=True,
            ask_hops=True,
        )
        result = await one_round(probe)
    assert result.received == 3
    assert markings_of(result) == {Marking(46, 0, refused): 3}
    assert hops_of(result) == {0: 3}
    assert sources_of(result) == {"127.0.0.1": 3}


async def test_ipv6_packets_are_told_of_as_well() -> None:
    listener = Listener(
        "::1",
        0,
        lambda port: StampResponder(
            admission=Admission(allow=[ip_network("::1/128")], rate=10_000, total_rate=10_000),
            sessions=SessionTable(),
            own_ports={port},
            error_estimate=lambda _: UNSYNCHRONIZED,
        ),
    )
    try:
        probe = replace(planned(listener.port, dscp=34, ask_dscp=True, ask_hops=True), ttl=17)
        result = await prober_round(replace(check_with(probe), target="::1"))
    finally:
        listener.close()
    assert markings_of(result) == {Marking(34, 0): 3}
    assert hops_of(result) == {0: 3}


def answering(request: bytes, number: int, *, ttl: int) -> bytes:
    """A stateful reflector of RFC 8762 alone: TLVs come back as they were, with the U flag that they had."""
    packet = stamp.parse_sender(request)
    assert packet is not None
    reply = stamp.ReflectorPacket(
        number, 0, UNSYNCHRONIZED, 0, packet.sequence, packet.timestamp, packet.error_estimate, ttl
    )
    return bytes(stamp.pack_reflector(reply, request))


@pytest.mark.parametrize(
    ("ttl", "hops"),
    [(61, {3: 3}), (64, {0: 3}), (66, {-2: 3}), (0, {}), (255, {})],
    ids=["three hops", "none", "raised on the way", "0 for want of knowledge", "255 for want of knowledge"],
)
async def test_what_a_reflector_does_not_tell_is_not_known(ttl: int, hops: dict[int, int]) -> None:
    def answer(request: bytes, count: int) -> bytes:
        return answering(request, count, ttl=ttl)

    with foreign_reflector(answer) as port:
        result = await one_round(planned(port, dscp=46, ask_dscp=True, ask_hops=True))
    assert (result.received, markings_of(result), hops_of(result)) == (3, {}, hops)


async def test_short_answers_tell_no_hops() -> None:
    with foreign_reflector(lambda request, count: answering(request, count, ttl=61)[:38]) as port:
        result = await one_round(planned(port, ask_hops=True))
    assert (result.received, hops_of(result)) == (3, {})


def test_a_probe_that_asks_for_its_code_point_needs_room_for_the_question(tmp_path: Path) -> None:
    def least(probe: PlannedProbe) -> int:
        assert probe.options is not None
        return probe.options.least_size(44)

    assert least(planned(862, ask_dscp=True)) == 52
    assert least(planned(862, ask_dscp=True, ask_source=True)) == 80
    assert least(planned(862, tmp_path / "keys", ask_dscp=True)) == 140
    assert least(planned(862, ask_hops=True)) == 44

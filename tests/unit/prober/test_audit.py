"""Audits of reflectors on loopback: what is open is found, and silence alone proves nothing."""

import asyncio
import os
import socket
from collections.abc import Callable

import pytest

from ipsecping.contract import AuditFinding, AuditProtocol
from ipsecping.probes.audit_cases import BURST
from ipsecping.probes.audit_verdict import Outcome, judge
from ipsecping.reflector.admission import Drop
from ipsecping.reflector.responder import Reply, Request, Responder, StampPolicy
from ipsecping.wire import stamp
from ipsecping.wire.ntp import UNSYNCHRONIZED

from .audited import (
    ANY_PORT,
    KEY,
    OTHER_KEY,
    OUTSIDE,
    SIGNED,
    admission,
    audited,
    echo_responder,
    foreign,
    found,
    not_tested,
    outcomes,
    reflector,
    stamp_responder,
)

ROOT = os.geteuid() == 0


def closed(outcome: dict[AuditFinding, Outcome]) -> set[AuditFinding]:
    return {finding for finding, said in outcome.items() if said is Outcome.CLOSED}


async def test_a_reflector_with_keys_has_nothing_open() -> None:
    async with reflector(lambda port: stamp_responder(port, [KEY])) as listener:
        record = await audited(listener.port, (KEY,))
    assert found(record) == set()
    assert closed(outcomes(record)) >= SIGNED
    assert record.lost == 0
    assert listener.counters.octets_answered <= listener.counters.octets_received


async def test_whoever_has_the_key_of_somebody_else_tests_nothing() -> None:
    async with reflector(lambda port: stamp_responder(port, [KEY])) as listener:
        record = await audited(listener.port, (OTHER_KEY,))
    assert not_tested(record) == set(outcomes(record)) >= SIGNED
    assert listener.counters.answered == 0


async def test_one_without_keys_answers_the_unsigned_and_is_found_whatever_the_auditor_has() -> None:
    async with reflector(stamp_responder) as listener:
        plain, signing = await audited(listener.port), await audited(listener.port, (KEY,))
    assert found(plain) == found(signing) == {AuditFinding.UNSIGNED}
    assert not_tested(signing) >= {AuditFinding.WRONG_KEY, AuditFinding.REPLAYED}
    assert AuditFinding.WRONG_KEY not in outcomes(plain)


async def test_keys_for_tlvs_alone_leave_the_unsigned_answered() -> None:
    def make(port: int) -> Responder:
        return stamp_responder(port, [KEY], policy=StampPolicy(keys_for_tlvs=True))

    async with reflector(make) as listener:
        record = await audited(listener.port, (KEY,))
    assert found(record) == {AuditFinding.UNSIGNED}


async def test_a_permitted_source_port_is_found_where_the_content_does_not_tell() -> None:
    async with reflector(lambda port: stamp_responder(port, permitted_ports=ANY_PORT)) as listener:
        measured = await audited(listener.port)
    async with reflector(lambda port: echo_responder(port, permitted_ports=ANY_PORT)) as listener:
        echo = await audited(listener.port, protocol=AuditProtocol.UDP_ECHO)
    reserved = {AuditFinding.RESERVED_PORT} if ROOT else set()
    assert found(measured) == {AuditFinding.UNSIGNED, AuditFinding.OWN_PORT} | reserved
    assert found(echo) == {AuditFinding.OWN_PORT} | reserved


async def test_an_echo_as_it_should_be_has_nothing_open() -> None:
    async with reflector(echo_responder) as listener:
        record = await audited(listener.port, protocol=AuditProtocol.UDP_ECHO)
    assert found(record) == set()
    assert closed(outcomes(record)) >= {AuditFinding.OWN_PORT, AuditFinding.AMPLIFIES}


async def test_an_address_that_is_allowed_and_should_not_be_is_found() -> None:
    def wide(port: int) -> Responder:
        return stamp_responder(port, [KEY], admitted=admission(allow="127.0.0.0/8"))

    async with reflector(wide) as listener:
        record = await audited(listener.port, (KEY,), outside=OUTSIDE)
    assert found(record) == {AuditFinding.OUTSIDE_SOURCE}


async def test_the_silence_towards_an_outside_address_needs_a_ping_from_there_that_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with reflector(lambda port: stamp_responder(port, [KEY])) as listener:
        pinged = await audited(listener.port, (KEY,), outside=OUTSIDE)

        def forbidden(*_: object, **__: object) -> None:
            raise PermissionError

        monkeypatch.setattr("ipsecping.probes.audit_channel.open_connected_ping", forbidden)
        unpinged = await audited(listener.port, (KEY,), outside=OUTSIDE)
    assert listener.counters.dropped[Drop.NOT_ALLOWED] == 6
    assert outcomes(pinged)[AuditFinding.OUTSIDE_SOURCE] is Outcome.CLOSED
    assert outcomes(unpinged)[AuditFinding.OUTSIDE_SOURCE] is Outcome.NOT_TESTED


@pytest.mark.parametrize(("kept", "outcome"), [(20, Outcome.CLOSED), (10_000, Outcome.FOUND)])
async def test_a_rate_that_is_not_kept_is_found(
    kept: int, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kept > 20:  # nothing has to be waited for
        monkeypatch.setattr("ipsecping.probes.audit_run.REFILL", 0)

    def make(port: int) -> Responder:
        return echo_responder(port, admitted=admission(rate=kept))

    async with reflector(make) as listener:
        record = await audited(listener.port, protocol=AuditProtocol.UDP_ECHO, rate=20)
    assert record.burst is not None
    assert record.burst.sent == BURST
    if (
        record.burst.seconds < 2
    ):  # else this machine was too busy to exceed the rate, which is then not tested
        assert outcomes(record)[AuditFinding.ABOVE_RATE] is outcome


class Mutant:
    """A reflector of which one habit is another."""

    def __init__(self, responder: Responder, answer: Callable[[Responder, Request], Reply | Drop]) -> None:
        self._responder, self._answer = responder, answer

    def answer(self, request: Request) -> Reply | Drop:
        return self._answer(self._responder, request)

    def finish(self, reply: Reply, sent_at: int) -> None:
        if reply.key is not None or len(reply.data) == 44:
            self._responder.finish(reply, sent_at)


def echoed(request: Request) -> Reply:
    return Reply(bytearray(request.data), 0, 64)


def whatever_is_dropped_for(reason: Drop, *, twice: bool = False) -> Callable[..., Reply | Drop]:
    """Answers what our reflector drops for that reason."""

    def answer(responder: Responder, request: Request) -> Reply | Drop:
        said = responder.answer(request)
        return echoed(request) if said is reason else said

    return answer


def longer(responder: Responder, request: Request) -> Reply | Drop:
    said = responder.answer(request)
    if isinstance(said, Reply):
        said.data.extend(bytes(1))
    return said


def padded(responder: Responder, request: Request) -> Reply | Drop:
    """As a TWAMP Light reflector that pads what it lacks."""
    said = responder.answer(request)
    return Reply(bytearray(request.data.ljust(41, b"\0")), 0, 64) if said is Drop.TOO_SHORT else said


@pytest.mark.parametrize(
    ("keys", "mutation", "open_"),
    [
        ([KEY], whatever_is_dropped_for(Drop.REPLAYED), {AuditFinding.REPLAYED}),
        ([], whatever_is_dropped_for(Drop.TOO_SHORT), {AuditFinding.UNSIGNED, AuditFinding.SHORT}),
        ([], longer, {AuditFinding.UNSIGNED, AuditFinding.AMPLIFIES}),
        ([], padded, {AuditFinding.UNSIGNED, AuditFinding.SHORT, AuditFinding.AMPLIFIES}),
        (
            [KEY],
            whatever_is_dropped_for(Drop.NOT_AUTHENTIC),
            {AuditFinding.UNSIGNED, AuditFinding.WRONG_KEY, AuditFinding.SHORT},
        ),
    ],
    ids=["replays", "short", "longer", "padded", "unsigned"],
)
async def test_each_habit_that_is_not_as_ours_is_found(
    keys: list[bytes], mutation: Callable[..., Reply | Drop], open_: set[AuditFinding]
) -> None:
    async with reflector(lambda port: Mutant(stamp_responder(port, keys), mutation)) as listener:
        record = await audited(listener.port, tuple(keys))
    assert found(record) == open_


async def test_an_answer_sent_back_that_is_answered_is_found() -> None:
    looping = whatever_is_dropped_for(Drop.LOOP)
    async with reflector(lambda port: Mutant(stamp_responder(port, [KEY]), looping)) as listener:
        record = await audited(listener.port, (KEY,))
    assert found(record) == {AuditFinding.REFLECTED, AuditFinding.OWN_PORT}


async def test_several_answers_to_each_packet_amplify_and_one_copy_by_the_network_does_not() -> None:
    count = 0

    def twice(sock: socket.socket, data: bytes, peer: tuple[str, int]) -> None:
        sock.sendto(data, peer)
        sock.sendto(data, peer)

    def with_more(sock: socket.socket, data: bytes, peer: tuple[str, int]) -> None:
        sock.sendto(data, peer)
        sock.sendto(b"and more", peer)

    def copied_once(sock: socket.socket, data: bytes, peer: tuple[str, int]) -> None:
        nonlocal count
        count += 1
        for _ in range(2 if count == 3 else 1):
            sock.sendto(data, peer)

    for answer in (twice, with_more):
        with foreign(answer) as port:
            record = await audited(port, protocol=AuditProtocol.UDP_ECHO)
        assert AuditFinding.AMPLIFIES in found(record)
    with foreign(copied_once) as port:
        once = await audited(port, protocol=AuditProtocol.UDP_ECHO)
    assert outcomes(once)[AuditFinding.AMPLIFIES] is Outcome.CLOSED


async def test_a_flood_ends_the_audit_and_is_a_finding() -> None:
    def flood(sock: socket.socket, data: bytes, peer: tuple[str, int]) -> None:
        for _ in range(400):
            sock.sendto(data, peer)

    with foreign(flood) as port:
        record = await audited(port, protocol=AuditProtocol.UDP_ECHO)
    assert found(record) >= {AuditFinding.AMPLIFIES}
    assert record.packets < 20


async def test_what_answers_nothing_right_proves_nothing() -> None:
    def garbage(sock: socket.socket, data: bytes, peer: tuple[str, int]) -> None:
        sock.sendto(os.urandom(44), peer)

    with foreign(garbage) as port:
        record = await audited(port, timeout=20_000_000)
    assert set(outcomes(record).values()) == {Outcome.NOT_TESTED}
    assert record.packets == 3


@pytest.mark.parametrize("least", [41, 15], ids=["one-byte-less", "14-bytes"])
async def test_one_that_does_not_survive_a_short_packet_is_found_and_spared_the_rest(least: int) -> None:
    crashed = False

    def fragile(responder: Responder, request: Request) -> Reply | Drop:
        nonlocal crashed
        crashed = crashed or len(request.data) < least
        return Drop.TOO_SHORT if crashed else responder.answer(request)

    async with reflector(lambda port: Mutant(stamp_responder(port), fragile)) as listener:
        record = await audited(listener.port, timeout=50_000_000)
    assert found(record) == {AuditFinding.UNSIGNED, AuditFinding.FALLS_SILENT}
    # What was tested before is as closed as ever; what killed it is not.
    assert outcomes(record)[AuditFinding.REFLECTED] is Outcome.CLOSED
    assert outcomes(record)[AuditFinding.SHORT] is Outcome.NOT_TESTED
    assert "AnswersShort" in judge(record)[AuditFinding.FALLS_SILENT].evidence


async def test_the_late_answer_to_an_opening_that_was_given_up_is_none_to_a_try() -> None:
    peers: list[tuple[str, int]] = []
    loop = asyncio.get_running_loop()

    def late(sock: socket.socket, data: bytes, peer: tuple[str, int]) -> None:
        packet = stamp.parse_sender(data) if len(data) >= stamp.BASE_SIZE else None
        if packet is None or packet.twamp:  # an answer is told by its T2
            return
        times = 1 << 32, UNSYNCHRONIZED, 1 << 32
        told = packet.sequence, packet.timestamp, packet.error_estimate, 64
        reply = stamp.pack_reflector(stamp.ReflectorPacket(0, *times, *told), data)
        delayed = peer not in peers and len(peers) == 1
        peers.append(peer)
        loop.call_later(0.12 if delayed else 0, sock.sendto, reply, peer)

    with foreign(late) as port:
        record = await audited(port, timeout=50_000_000)
        await asyncio.sleep(0.2)
    assert outcomes(record)[AuditFinding.REFLECTED] is Outcome.CLOSED


async def test_one_that_pauses_has_not_fallen_silent() -> None:
    count = 0

    def pausing(sock: socket.socket, data: bytes, peer: tuple[str, int]) -> None:
        nonlocal count
        count += 1
        if not 4 <= count <= 12:
            sock.sendto(data, peer)

    with foreign(pausing) as port:
        record = await audited(port, protocol=AuditProtocol.UDP_ECHO, timeout=50_000_000)
    assert outcomes(record)[AuditFinding.FALLS_SILENT] is Outcome.NOT_TESTED


async def test_of_a_path_that_loses_much_no_silence_counts() -> None:
    count = 0

    def lossy(sock: socket.socket, data: bytes, peer: tuple[str, int]) -> None:
        nonlocal count
        count += 1
        if count % 3:
            sock.sendto(data, peer)

    with foreign(lossy) as port:
        record = await audited(port, protocol=AuditProtocol.UDP_ECHO, outside=OUTSIDE)
    assert Outcome.CLOSED not in {
        outcome for finding, outcome in outcomes(record).items() if finding is not AuditFinding.AMPLIFIES
    }


async def test_over_ipv6_as_over_ipv4() -> None:
    everybody = admission(allow="::1/128")
    async with reflector(lambda port: stamp_responder(port, [KEY], admitted=everybody), "::1") as listener:
        record = await audited(listener.port, (KEY,), address="::1", source=None)
    assert found(record) == set()
    # There is one address of loopback only, and the reflector has its port.
    assert outcomes(record)[AuditFinding.OWN_PORT] is Outcome.NOT_TESTED
    assert closed(outcomes(record)) >= SIGNED - {AuditFinding.OWN_PORT}
    assert {trial.trouble for trial in record.trials if trial.trouble} >= {
        "this host cannot send from a source port that is the reflector's: Address already in use"
    }


async def test_a_second_address_that_this_host_has_not_cannot_be_tried() -> None:
    async with reflector(lambda port: stamp_responder(port, [KEY])) as listener:
        record = await audited(listener.port, (KEY,), outside="192.0.2.7")
    assert outcomes(record)[AuditFinding.OUTSIDE_SOURCE] is Outcome.NOT_TESTED

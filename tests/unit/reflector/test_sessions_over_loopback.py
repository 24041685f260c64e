"""STAMP sessions with reflectors on loopback: keys that rotate, keys that are wrong, and TWAMP Light."""

import asyncio
import gc
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from ipsecping.contract import (
    Invalidity,
    LossReason,
    PlannedCheck,
    PlannedProbe,
    ProbeType,
    RoundResult,
    StampOptions,
)
from ipsecping.measure.packet import Packet
from ipsecping.net.clocks import Clock
from ipsecping.net.key_file import KeyFile
from ipsecping.net.resolve import Resolver
from ipsecping.probes import stamp as stamp_probe
from ipsecping.probes.base import RoundInvalid, Session
from ipsecping.reflector.admission import Admission, Drop
from ipsecping.reflector.keys import KeyRing
from ipsecping.reflector.responder import StampPolicy, StampResponder
from ipsecping.reflector.server import Listener
from ipsecping.reflector.sessions import SessionTable
from ipsecping.rounds.pacing import Pacing
from ipsecping.rounds.prober import PathProber
from ipsecping.wire import stamp
from ipsecping.wire.ntp import UNSYNCHRONIZED

from ...news import News
from ...result_figures import sources_of

OLD, NEW, WRONG = "the key of the old days", "the key of the new days", "the key of somebody else"
LOOPBACK = "127.0.0.1"


def write_keys(path: Path, *keys: str) -> None:
    """Replace the file, as editors and the kubelet do."""
    draft = path.with_suffix(".draft")
    draft.write_text("\n".join(keys))
    draft.replace(path)


def planned(
    port: int, key_file: Path | None = None, *, size: int = 112, ask_source: bool = False
) -> PlannedProbe:
    return PlannedProbe(
        name="datapath",
        type=ProbeType.STAMP,
        count=3,
        spacing_ms=1,
        timeout_ms=2000,
        size=size,
        port=port,
        options=StampOptions(key_file=None if key_file is None else str(key_file), ask_source=ask_source),
    )


@asynccontextmanager
async def reflector(ring: KeyRing | None, **policy: bool) -> AsyncIterator[Listener]:
    listener = Listener(
        LOOPBACK,
        0,
        lambda port: StampResponder(
            admission=Admission(allow=[ip_network("127.0.0.0/8")], rate=10_000, total_rate=10_000),
            sessions=SessionTable(),
            own_ports={port},
            error_estimate=lambda _: UNSYNCHRONIZED,
            keys=None if ring is None else lambda: ring.keys,
            policy=StampPolicy(**policy),
        ),
    )
    try:
        yield listener
    finally:
        listener.close()


@contextmanager
def foreign_reflector(answer: Callable[[bytes, int], bytes]) -> Iterator[int]:
    """Somebody else's reflector: `answer` gets each request and how many came before; yields its port."""
    loop, count = asyncio.get_running_loop(), 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((LOOPBACK, 0))
        sock.setblocking(False)

        def readable() -> None:
            nonlocal count
            data, source = sock.recvfrom(2048)
            sock.sendto(answer(data, count), source)
            count += 1

        loop.add_reader(sock, readable)
        try:
            yield sock.getsockname()[1]
        finally:
            loop.remove_reader(sock)


@contextmanager
def session_with(probe: PlannedProbe) -> Iterator[Session]:
    session = stamp_probe.open_session(probe, LOOPBACK, Clock())
    try:
        yield session
    finally:
        session.close()


async def exchange(session: Session, count: int) -> list[Packet]:
    """Send packets and wait until each is answered or refused."""
    news = News()
    packets = [session.send(news) for _ in range(count)]
    async with asyncio.timeout(5):
        while not all(packet.settled for packet in packets):
            news.clear()
            await news.wait()
    return packets


def check_with(probe: PlannedProbe) -> PlannedCheck:
    return PlannedCheck(
        uid="u",
        namespace="network",
        name="hq-dc1",
        generation=1,
        tunnel_name="hq-dc1",
        path="default",
        target=LOOPBACK,
        interval_ms=1000,
        probes=(probe,),
    )


async def one_round(probe: PlannedProbe, *, start: int = 0) -> RoundResult:
    prober = PathProber(Clock(), Resolver())
    try:
        [result] = await prober.round(check_with(probe), start=start)
    finally:
        prober.close()
    return result


@pytest.mark.parametrize("size", [160, 163, 500])
@pytest.mark.parametrize("signed", [False, True], ids=["unauthenticated", "authenticated"])
async def test_the_result_names_the_source_that_the_reflector_saw(
    tmp_path: Path, signed: bool, size: int
) -> None:
    keys = tmp_path / "stamp.keys"
    write_keys(keys, OLD)
    async with reflector(KeyRing(KeyFile(keys)) if signed else None) as listener:
        probe = planned(listener.port, keys if signed else None, size=size, ask_source=True)
        result = await one_round(probe)
    assert (result.received, sources_of(result)) == (3, {LOOPBACK: 3})
    assert listener.counters.octets_answered == listener.counters.octets_received == 3 * size


async def test_a_round_that_is_over_leaves_nothing_for_the_garbage_collector() -> None:
    def alive() -> list[object]:
        return [each for each in gc.get_objects() if isinstance(each, Packet | Pacing)]

    before = len(alive())  # of other tests
    gc.disable()
    try:
        async with reflector(None) as listener:
            result = await one_round(planned(listener.port))
        left = len(alive()) - before
    finally:
        gc.enable()
    assert (result.sent, left) == (3, 0)


async def test_a_round_that_is_begun_ahead_sends_nothing_before_its_start() -> None:
    came = list[int]()

    def answer(request: bytes, count: int) -> bytes:
        came.append(time.monotonic_ns())
        return reflect_twamp(request, count, size=44)

    with foreign_reflector(answer) as port:
        start, ahead = time.monotonic_ns() + 50_000_000, time.time_ns()
        result = await one_round(planned(port, size=44), start=start)
    assert result.received == 3
    assert came[0] >= start
    assert result.started_at > ahead


async def test_rounds_that_overlap_share_a_session_and_each_has_its_own_packets() -> None:
    prober = PathProber(Clock(), Resolver())
    async with reflector(None) as listener:
        check = check_with(replace(planned(listener.port), count=5, spacing_ms=10))
        rounds = await asyncio.gather(*(prober.round(check) for _ in range(3)))
        prober.close()
    figures = [(r.sent, r.received, r.duplicates, r.reordered, r.forward_lost) for (r,) in rounds]
    assert figures == [(5, 5, 0, 0, 0)] * 3


async def test_a_round_that_is_cancelled_sends_no_more_and_does_not_hold_the_session() -> None:
    came = 0

    def answer(request: bytes, count: int) -> bytes:
        nonlocal came
        came += 1
        return reflect_twamp(request, count, size=44)

    prober = PathProber(Clock(), Resolver())
    with foreign_reflector(answer) as port:
        round_ = prober.round(check_with(replace(planned(port, size=44), count=1000, spacing_ms=2)))
        async with asyncio.timeout(5):
            while came < 3:
                await asyncio.sleep(0.001)
        round_.cancel()
        with pytest.raises(asyncio.CancelledError):
            await round_
        prober.close()
        await asyncio.sleep(0.02)
        before = came
        await asyncio.sleep(0.05)
        assert came == before
    again = prober.round(check_with(planned(port, size=44)))
    assert (await again)[0].received == 0, "nobody answers any more, but a round can begin"


async def test_of_a_reflector_that_keeps_addresses_to_itself_no_source_is_known() -> None:
    async with reflector(None, tell_location=False) as listener:
        result = await one_round(planned(listener.port, ask_source=True))
    assert (result.received, sources_of(result)) == (3, {})


async def test_nothing_is_asked_unless_it_is_wanted() -> None:
    async with reflector(None) as listener:
        result = await one_round(planned(listener.port))
    assert (result.received, sources_of(result)) == (3, {})


async def test_keys_rotate_without_a_lost_packet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stamp_probe, "LOOK_NS", 0)
    here, there = tmp_path / "sender.keys", tmp_path / "reflector.keys"
    write_keys(here, OLD)
    write_keys(there, OLD)
    ring = KeyRing(KeyFile(there))
    steps: list[tuple[Path, tuple[str, ...]]] = [
        (there, (OLD, NEW)),  # both sides accept the new key ...
        (here, (OLD, NEW)),
        (here, (NEW, OLD)),  # ... then it signs ...
        (there, (NEW, OLD)),
        (here, (NEW,)),  # ... then the old one goes
        (there, (NEW,)),
    ]
    async with reflector(ring) as listener:
        with session_with(planned(listener.port, here)) as session:
            packets = await exchange(session, 5)
            for path, keys in steps:
                write_keys(path, *keys)
                ring.reload()
                packets += await exchange(session, 5)
            lost = session.ledger.attribute(packets)
    assert [packet.reason for packet in packets if not packet.answered] == []
    assert [packet.reply for packet in packets] == list(range(35))
    assert (lost.forward, lost.reverse) == (0, 0)


async def test_a_broken_key_file_leaves_a_reflector_its_keys(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "reflector.keys"
    write_keys(path, OLD)
    ring = KeyRing(KeyFile(path))
    write_keys(path, "short")
    ring.reload()
    assert list(ring.keys) == [OLD.encode()]
    assert "reflector.keys: line 1" in str(ring.trouble)
    assert "reflector.keys: line 1" in caplog.text
    write_keys(path, NEW, OLD)
    ring.reload()
    assert list(ring.keys) == [NEW.encode(), OLD.encode()]
    assert str(ring.trouble) == "None"


async def test_a_session_stops_sending_while_its_key_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stamp_probe, "LOOK_NS", 0)
    path = tmp_path / "sender.keys"
    with pytest.raises(RoundInvalid, match=r"sender\.keys: No such file") as missing:
        stamp_probe.open_session(planned(9, path), LOOPBACK, Clock())
    assert missing.value.invalidity is Invalidity.KEY_MISSING
    write_keys(path, OLD)
    async with reflector(KeyRing(KeyFile(path))) as listener:
        with session_with(planned(listener.port, path)) as session:
            assert (await exchange(session, 1))[0].answered
            path.unlink()
            sent = session.ledger.next_sequence
            with pytest.raises(RoundInvalid):
                session.send()
            assert session.ledger.next_sequence == sent
            write_keys(path, OLD)
            assert (await exchange(session, 1))[0].answered


async def test_a_round_without_a_key_is_invalid_and_lost_no_packet(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    result = await one_round(planned(9, tmp_path / "absent.keys"))
    assert result.invalid is Invalidity.KEY_MISSING
    assert (result.sent, result.received, dict(result.losses)) == (0, 0, {})
    assert "network/hq-dc1: probe datapath: key file" in caplog.text
    assert "absent.keys" in caplog.text


async def test_a_password_taken_for_a_key_is_never_sent_where_the_plan_wants_marked_ones(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    password = "correct horse battery staple"
    file = tmp_path / "sender.keys"
    write_keys(file, password)
    probe = planned(9, file)
    assert isinstance(probe.options, StampOptions)
    result = await one_round(replace(probe, options=replace(probe.options, marked_keys=True)))
    assert result.invalid is Invalidity.KEY_NOT_PERMITTED
    assert (result.sent, result.received, dict(result.losses)) == (0, 0, {})
    assert "sender.keys: line 1: neither hex:... nor base64:..." in caplog.text
    assert password not in caplog.text


async def test_a_reflector_with_other_keys_stays_silent(tmp_path: Path) -> None:
    here, there = tmp_path / "sender.keys", tmp_path / "reflector.keys"
    write_keys(here, OLD)
    write_keys(there, NEW)
    async with reflector(KeyRing(KeyFile(there))) as listener:
        with session_with(planned(listener.port, here)) as session:
            session.send()
            async with asyncio.timeout(5):
                while not listener.counters.received:
                    await asyncio.sleep(0.005)
        assert listener.counters.dropped == {Drop.NOT_AUTHENTIC: 1}
        assert listener.counters.answered == 0


def reflect_signed(request: bytes, count: int, *, key: bytes, tamper: int = 0) -> bytes:
    packet = stamp.parse_sender(request, stamp.AUTHENTICATED)
    assert packet is not None
    reply = stamp.ReflectorPacket(
        count, 0, UNSYNCHRONIZED, 0, packet.sequence, packet.timestamp ^ tamper, packet.error_estimate, 64
    )
    answer = stamp.pack_reflector(reply, request, stamp.AUTHENTICATED)
    stamp.sign(answer, key)
    return bytes(answer)


async def test_an_answer_under_a_wrong_key_is_lost_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "sender.keys"
    write_keys(path, OLD)

    def forge(data: bytes, count: int) -> bytes:
        return reflect_signed(data, count, key=WRONG.encode())

    with foreign_reflector(forge) as port, session_with(planned(port, path)) as session:
        packets = await exchange(session, 3)
    assert [packet.reason for packet in packets] == [LossReason.AUTH_FAILED] * 3
    assert not session.ledger.stateful  # nothing that a forger says is believed
    assert [packet.reply for packet in packets] == [None] * 3


async def test_a_forgery_does_not_displace_the_true_answer(tmp_path: Path) -> None:
    path = tmp_path / "sender.keys"
    write_keys(path, OLD)
    held: list[bytes] = []

    def forge_then_answer(data: bytes, count: int) -> bytes:
        held.append(data)
        key = OLD if count % 2 else WRONG
        return reflect_signed(held[0] if count == 1 else data, 0, key=key.encode())

    with foreign_reflector(forge_then_answer) as port, session_with(planned(port, path)) as session:
        [first] = await exchange(session, 1)
        reasons = [first.reason]
        session.send()  # makes the reflector send the true answer to the first
        async with asyncio.timeout(5):
            while not first.answered:
                await asyncio.sleep(0.005)
    assert [*reasons, first.reason] == [LossReason.AUTH_FAILED, None]
    assert first.arrivals == 1


async def test_a_forgery_for_no_packet_of_ours_is_foreign(tmp_path: Path) -> None:
    path = tmp_path / "sender.keys"
    write_keys(path, OLD)

    def forge(data: bytes, count: int) -> bytes:
        return reflect_signed(data, count, key=WRONG.encode(), tamper=1)

    with foreign_reflector(forge) as port, session_with(planned(port, path)) as session:
        packet = session.send()
        async with asyncio.timeout(5):
            while not session.ledger.foreign:
                await asyncio.sleep(0.005)
    assert packet.reason is None


def reflect_twamp(request: bytes, number: int, *, size: int) -> bytes:
    """RFC 5357 section 4.2.1: 41 octets and as much padding as there is room for."""
    packet = stamp.parse_sender(request)
    assert packet is not None
    reply = stamp.ReflectorPacket(
        number, 0, UNSYNCHRONIZED, 0, packet.sequence, packet.timestamp, packet.error_estimate, 64
    )
    return bytes(stamp.pack_reflector(reply, bytes(size)))


@pytest.mark.parametrize("size", [41, 44, 200])
@pytest.mark.parametrize("stateful", [True, False])
async def test_twamp_light_reflectors_are_understood_whatever_the_length_of_their_answers(
    size: int, stateful: bool
) -> None:
    def answer(request: bytes, count: int) -> bytes:
        number = count if stateful else int.from_bytes(request[:4], "big")
        return reflect_twamp(request, number, size=size)

    with foreign_reflector(answer) as port, session_with(planned(port, size=60)) as session:
        packets = await exchange(session, 3)
        assert all(packet.answered for packet in packets)
        assert session.ledger.stateful == stateful


async def test_each_session_has_a_port_and_an_ssid_of_its_own() -> None:
    seen: list[bytes] = []

    def answer(request: bytes, count: int) -> bytes:
        seen.append(request)
        return reflect_twamp(request, count, size=44)

    with foreign_reflector(answer) as port:
        for _ in range(4):
            with session_with(planned(port, size=44)) as session:
                await exchange(session, 2)
    ssids = [int.from_bytes(data[14:16], "big") for data in seen]
    assert ssids[::2] == ssids[1::2]
    assert 0 not in ssids
    assert len(set(ssids)) > 1

"""Authenticated sessions: keys that rotate, are missing or wrong, and forgeries."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from ipsecping.contract import (
    Invalidity,
    LossReason,
    StampOptions,
)
from ipsecping.host.key_file import KeyFile
from ipsecping.net.clocks import Clock
from ipsecping.probes import stamp as stamp_probe
from ipsecping.probes.base import RoundInvalid
from ipsecping.reflector.admission import Drop
from ipsecping.reflector.keys import KeyRing
from ipsecping.wire import stamp
from ipsecping.wire.ntp import UNSYNCHRONIZED

from ...peers.processes import PATIENCE
from .sessions import (
    LOOPBACK,
    NEW,
    OLD,
    WRONG,
    exchange,
    foreign_reflector,
    one_round,
    planned,
    reflector,
    session_with,
    write_keys,
)


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
            async with asyncio.timeout(PATIENCE):
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
        async with asyncio.timeout(PATIENCE):
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
        async with asyncio.timeout(PATIENCE):
            while not session.ledger.foreign:
                await asyncio.sleep(0.005)
    assert packet.reason is None

"""What a Session-Reflector answers, and what it leaves unanswered and why."""

from collections import Counter
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.reflector.admission import Admission, Drop
from ipsecping.reflector.drop_report import DropReport
from ipsecping.reflector.responder import EchoResponder, Reply, StampPolicy, StampResponder
from ipsecping.wire import stamp
from ipsecping.wire.authentication import digest
from ipsecping.wire.ntp import ntp_from_unix

from .requests import NEW, OLD, OWN_PORT, SECOND, probe, request, responder

SENT_AT = 1_767_225_600 * SECOND + 250_000


def answered(reflector: StampResponder, data: bytes, **circumstances: object) -> stamp.ReflectorPacket:
    reply = reflector.answer(request(data, **circumstances))  # type: ignore[arg-type]
    assert isinstance(reply, Reply), reply
    reflector.finish(reply, SENT_AT)
    assert len(reply.data) == len(data)
    mode = stamp.UNAUTHENTICATED if reply.key is None else stamp.AUTHENTICATED
    packet = stamp.parse_reflector(bytes(reply.data), mode)
    assert packet is not None
    return packet


def dropped(reflector: StampResponder, data: bytes, **circumstances: object) -> Drop:
    reply = reflector.answer(request(data, **circumstances))  # type: ignore[arg-type]
    assert isinstance(reply, Drop), reply
    return reply


def test_a_packet_is_reflected_with_the_times_the_ttl_and_the_ssid() -> None:
    packet = answered(responder(), probe(3))
    assert packet.sender_sequence == 3
    assert packet.sender_timestamp == 5003
    assert packet.sender_ttl == 61
    assert packet.ssid == 9
    assert packet.receive_timestamp == ntp_from_unix(1_767_225_600 * SECOND)
    assert packet.residence == 250_000


def test_replies_are_counted_for_each_session_by_ssid() -> None:
    reflector = responder()
    assert [answered(reflector, probe(number, ssid=1)).sequence for number in (2, 5, 9)] == [0, 1, 2]
    assert answered(reflector, probe(2, ssid=2)).sequence == 0
    assert answered(reflector, probe(10, ssid=1)).sequence == 3


def test_a_stateless_reflector_copies_the_senders_number() -> None:
    reflector = responder(policy=StampPolicy(stateful=False))
    assert [answered(reflector, probe(number)).sequence for number in (2, 5, 9)] == [2, 5, 9]


def test_a_session_is_forgotten_when_idle() -> None:
    reflector = responder()
    assert answered(reflector, probe(0), now=0).sequence == 0
    assert answered(reflector, probe(1), now=900 * SECOND).sequence == 1
    assert answered(reflector, probe(2), now=1801 * SECOND).sequence == 0


def test_a_signed_packet_is_answered_under_the_key_it_was_signed_with() -> None:
    reflector = responder(keys=[NEW, OLD])
    for sequence, key in ((0, OLD), (1, NEW), (2, OLD)):
        reply = reflector.answer(request(probe(sequence, key=key)))
        assert isinstance(reply, Reply)
        reflector.finish(reply, SENT_AT)
        assert stamp.signed_with(bytes(reply.data), [OLD, NEW]) == key
        packet = stamp.parse_reflector(bytes(reply.data), stamp.AUTHENTICATED)
        assert packet is not None
        assert packet.sequence == sequence  # one session, whichever the key
        assert packet.residence == 250_000


def test_a_replayed_packet_is_not_answered_and_takes_no_number() -> None:
    reflector = responder(keys=[NEW])
    first = probe(0, key=NEW)
    assert answered(reflector, first).sequence == 0
    assert dropped(reflector, first) is Drop.REPLAYED
    assert dropped(reflector, first) is Drop.REPLAYED
    assert answered(reflector, probe(1, key=NEW)).sequence == 1


def test_an_answer_sent_back_is_not_taken_for_a_request() -> None:
    reflector = responder(keys=[NEW])
    reply = reflector.answer(request(probe(0, key=NEW)))
    assert isinstance(reply, Reply)
    reflector.finish(reply, SENT_AT)
    assert dropped(reflector, bytes(reply.data)) is Drop.LOOP
    assert answered(reflector, probe(1, key=NEW)).sequence == 1


def test_keys_for_tlvs_leave_packets_unsigned_and_verify_what_is_signed_in_them() -> None:
    reflector = responder(keys=[NEW, OLD], policy=StampPolicy(keys_for_tlvs=True))
    cos = bytes.fromhex("8004000488000000")
    for sequence, key in ((0, OLD), (1, NEW), (2, b"the key of somebody else")):
        tlvs = cos + bytes.fromhex("80080010") + digest(key, sequence.to_bytes(4, "big") + cos)
        reply = reflector.answer(request(probe(sequence) + tlvs))
        assert isinstance(reply, Reply)
        assert reply.key is None
        assert reply.dscp == (0 if sequence == 2 else 34)


def test_copies_of_an_unsigned_packet_are_answered_each_with_its_number() -> None:
    reflector = responder()
    assert [answered(reflector, probe(4)).sequence for _ in range(3)] == [0, 1, 2]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(probe(0), id="unauthenticated"),
        pytest.param(probe(0, size=112), id="unauthenticated, as long as an authenticated one"),
        pytest.param(probe(0, key=OLD), id="a key that is valid no longer"),
        pytest.param(probe(0, key=NEW)[:111], id="cut short"),
        pytest.param(b"", id="empty"),
    ],
)
def test_with_keys_nothing_else_is_answered(data: bytes) -> None:
    assert dropped(responder(keys=[NEW]), data) is Drop.NOT_AUTHENTIC


@given(st.binary(max_size=200), st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=2))
def test_with_keys_no_octets_are_answered_unless_signed(data: bytes, keys: list[bytes]) -> None:
    reflector = responder(keys=keys)
    assert dropped(reflector, data) is Drop.NOT_AUTHENTIC
    if len(data) >= 112:
        signed = data[:28] + bytes(68)
        signed += digest(keys[-1], signed) + data[112:]
        assert isinstance(reflector.answer(request(signed)), Reply)


@given(st.binary(max_size=300), st.booleans(), st.integers(0, 255))
def test_an_answer_never_has_more_octets_than_its_request(
    data: bytes, stateful: bool, traffic_class: int
) -> None:
    reflector = responder(policy=StampPolicy(stateful=stateful))
    reply = reflector.answer(request(data, traffic_class=traffic_class))
    if len(data) < 41:
        assert reply is Drop.TOO_SHORT
        return
    assert isinstance(reply, Reply)
    reflector.finish(reply, SENT_AT)
    assert len(reply.data) == len(data)


def test_a_twamp_light_sender_with_random_padding_has_one_session() -> None:
    reflector = responder()
    header = bytes(4) + bytes(8) + bytes.fromhex("2001")
    for sequence, filler in enumerate((b"\xaa\xbb", b"\xcc\xdd", b"\xee\xff")):
        packet = answered(reflector, header + filler * 20)
        assert packet.sequence == sequence
        assert packet.ssid == 0


def test_an_answer_leaves_in_the_class_its_request_came_in_or_that_its_tlv_asks_for() -> None:
    reflector = responder()
    plain = reflector.answer(request(probe(0), traffic_class=46 << 2 | 1))
    assert isinstance(plain, Reply)
    assert plain.dscp == 46
    asking = reflector.answer(request(probe(1) + bytes.fromhex("8004000488000000"), traffic_class=46 << 2))
    assert isinstance(asking, Reply)
    assert asking.dscp == 34


def test_strangers_floods_and_other_reflectors_are_not_answered() -> None:
    reflector = responder(rate=2, total_rate=3)
    assert dropped(reflector, probe(0), peer="192.0.2.1") is Drop.NOT_ALLOWED
    assert dropped(reflector, probe(0), port=OWN_PORT) is Drop.LOOP
    answered(reflector, probe(0))
    answered(reflector, probe(1))
    assert dropped(reflector, probe(2)) is Drop.RATE_LIMITED
    answered(reflector, probe(0), peer="10.244.0.8")
    assert dropped(reflector, probe(1), peer="10.244.0.8") is Drop.TOTAL_RATE_LIMITED
    answered(reflector, probe(3), now=SECOND)


@pytest.mark.parametrize(("rate", "total_rate"), [(0, 1), (1, 0)])
def test_a_rate_of_nothing_is_refused(rate: int, total_rate: int) -> None:
    with pytest.raises(ValueError, match="at least 1 packet a second"):
        Admission(allow=[], rate=rate, total_rate=total_rate)


@pytest.mark.parametrize("size", [112, 140, 1400])
@pytest.mark.parametrize("for_tlvs", [True, False])
def test_a_signed_packet_is_of_the_other_mode_where_none_is_asked_for(size: int, for_tlvs: bool) -> None:
    keys = {"keys": [NEW], "policy": StampPolicy(keys_for_tlvs=True)} if for_tlvs else {}
    reflector = responder(**keys)  # type: ignore[arg-type]
    assert dropped(reflector, probe(7, size=size, key=NEW)) is Drop.OTHER_MODE
    signing = responder(keys=[NEW])
    reply = signing.answer(request(probe(7, size=size, key=NEW)))
    assert isinstance(reply, Reply)
    signing.finish(reply, SENT_AT)
    assert dropped(reflector, bytes(reply.data)) is Drop.OTHER_MODE, "nor is an answer of that mode"


@given(padding=st.binary(min_size=27, max_size=200), sent=st.integers(1, 2**64 - 1))
def test_no_padding_of_a_twamp_sender_makes_it_of_the_other_mode(padding: bytes, sent: int) -> None:
    reply = responder().answer(request(b"\0\0\0\7" + sent.to_bytes(8, "big") + b"\0\1" + padding))
    assert reply is not Drop.OTHER_MODE


def test_drops_are_told_at_most_once_a_minute() -> None:
    report = DropReport()
    dropped: Counter[Drop] = Counter()
    assert report.due(dropped, 0) is None
    dropped.update([Drop.NOT_AUTHENTIC, Drop.TOO_SHORT, Drop.NOT_AUTHENTIC])
    assert report.due(dropped, SECOND) == "not answered: 2 NotAuthentic, 1 TooShort"
    dropped.update([Drop.NOT_AUTHENTIC])
    assert report.due(dropped, 60 * SECOND) is None
    assert report.due(dropped, 61 * SECOND) == "not answered: 1 NotAuthentic"
    assert report.due(dropped, 200 * SECOND) is None


def test_who_is_not_allowed_is_told_with_the_newest_address() -> None:
    report = DropReport()
    said = report.due(Counter({Drop.NOT_ALLOWED: 2}), 0, last={Drop.NOT_ALLOWED: "192.0.2.7"})
    assert said == "not answered: 2 NotAllowed (see --allow; the last one from 192.0.2.7)"


def test_a_drop_that_an_option_would_end_is_told_with_the_option() -> None:
    report = DropReport()
    dropped = Counter({Drop.RESERVED_PORT: 7, Drop.TOO_LONG: 1})
    assert report.due(dropped, 0, queue_drops=3) == (
        "not answered: 3 QueueFull (dropped by the kernel: this program was too slow), "
        "7 ReservedPort (source port below 1024: see --allow-source-port), 1 TooLong (see --max-octets)"
    )
    assert report.due(dropped, 100 * SECOND, queue_drops=3) is None
    assert "1 QueueFull" in (report.due(dropped, 100 * SECOND, queue_drops=4) or "")


@given(st.binary(max_size=100))
def test_an_echo_is_what_came(data: bytes) -> None:
    admission = Admission(allow=[ip_network("10.244.0.0/16")], rate=10, total_rate=10)
    reply = EchoResponder(admission=admission, own_ports=()).answer(request(data, traffic_class=0xB8))
    assert isinstance(reply, Reply)
    assert reply.data == data
    assert reply.dscp == 46

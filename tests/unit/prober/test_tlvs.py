"""How a Session-Reflector answers TLVs: bytes worked out by hand from RFC 8972, and properties."""

import hashlib
import hmac
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.wire import arrival, tlv

KEY = bytes(range(16))
START = 44
CIRCUMSTANCES = tlv.Circumstances(
    source=bytes([10, 244, 0, 7]),
    source_port=0xC001,
    destination=bytes([10, 50, 1, 10]),
    destination_port=862,
    traffic_class=0xB9,  # EF with ECT(1)
    received=7,
    transmitted=5,
)


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


def seal(tlvs: bytes, sequence: bytes = bytes(4), key: bytes = KEY) -> bytes:
    """An HMAC TLV for what goes before it: RFC 8972 section 4.8."""
    return octets("80 08 0010") + hmac.new(key, sequence + tlvs, hashlib.sha256).digest()[:16]


@given(st.binary(max_size=40), st.integers(0, 40))
def test_the_short_way_for_padding_answers_as_the_long_one(tlvs: bytes, size: int) -> None:
    for asked in (tlvs, tlv.padding(size)):
        short = bytearray(START) + asked
        if tlv.reflect_padding(short, START):
            assert (bytes(short[START:]), None) == reflected(asked) == reflected(asked, key=KEY)
        else:
            assert short[START:] == asked


def reflected(
    tlvs: bytes, *, key: bytes | None = None, circumstances: tlv.Circumstances = CIRCUMSTANCES
) -> tuple[bytes, int | None]:
    answer = bytearray(START) + tlvs
    dscp = tlv.reflect(
        answer,
        START,
        circumstances,
        sequence=0,
        keys=() if key is None else (key,),
        signed=key is not None,
    )
    assert len(answer) == START + len(tlvs)
    assert answer[:START] == bytes(START)
    return bytes(answer[START:]), dscp


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        pytest.param("80 01 0003 aabbcc", "00 01 0003 aabbcc", id="Extra Padding is copied"),
        pytest.param(
            "80 05 000c 00000009 00000000 00000000",
            "00 05 000c 00000009 00000007 00000005",
            id="Direct Measurement gets both counters",
        ),
        pytest.param(
            "80 02 0004 00000000",
            "00 02 0004 035e c001",
            id="Location gets the ports: destination, source",
        ),
        pytest.param(
            "80 02 0018 00000000 80 07 0010" + "00" * 16,
            "00 02 0018 035e c001 00 08 0010 0af40007" + "00" * 12,
            id="Location: Source IP becomes Source IPv4",
        ),
        pytest.param(
            "80 02 0024 00000000 80 01 0008" + "00" * 8 + "80 04 0010" + "00" * 16,
            "00 02 0024 035e c001 00 03 0008" + "00" * 8 + "00 05 0010 0a32010a" + "00" * 12,
            id="Location: the MAC address is not known, the destination is",
        ),
        pytest.param(
            "80 02 000c 00000000 80 63 0004 01020304",
            "00 02 000c 035e c001 80 63 0004 01020304",
            id="Location: an unknown question stays unrecognized",
        ),
        pytest.param("80 03 0004 00000000", "80 03 0004 00000000", id="Timestamp Information: not known"),
        pytest.param("80 06 0002 1100", "80 06 0002 1100", id="Access Report: not known"),
        pytest.param("80 07 0010" + "00" * 16, "80 07 0010" + "00" * 16, id="Follow-Up Telemetry: not known"),
        pytest.param(
            "1f fe 0002 abcd", "80 fe 0002 abcd", id="unknown: U is set, reserved flags are not kept"
        ),
        pytest.param(
            "80 04 0003 b80000 80 01 0001 aa",
            "40 04 0003 b80000 80 01 0001 aa",
            id="a wrong length is malformed, what follows stays as it came",
        ),
        pytest.param(
            "80 01 0000 80 05 000d" + "00" * 12,
            "00 01 0000 40 05 000d" + "00" * 12,
            id="longer than the packet: malformed",
        ),
        pytest.param(
            "80 02 0003 000000", "40 02 0003 000000", id="Location without room for ports: malformed"
        ),
        pytest.param(
            "80 02 000c 00000000 80 07 0004 00000000",
            "40 02 000c 035e c001 40 07 0004 00000000",
            id="a malformed sub-TLV makes its Location malformed",
        ),
        pytest.param("80 01 0001 aa 80 01", "00 01 0001 aa 80 01", id="less than a header is left alone"),
        pytest.param("00 00 0000 00", "00 00 0000 00", id="zeros are padding"),
        pytest.param(
            "80 01 0001 aa 80 08 0010" + "00" * 16,
            "20 01 0001 aa 20 08 0010" + "00" * 16,
            id="an HMAC that cannot be verified has failed",
        ),
    ],
)
def test_a_tlv_is_answered(asked: str, answered: str) -> None:
    assert reflected(octets(asked)) == (octets(answered), None)


def test_class_of_service_tells_what_arrived_and_asks_for_what_shall_return() -> None:
    # DSCP1 = AF41 (34 = 100010), DSCP2 = EF (46 = 101110), ECN = 01, RP = 00
    asked = octets("80 04 0004 88 00 0000")
    assert reflected(asked) == (octets("00 04 0004 8a e4 0000"), 34)
    kept = CIRCUMSTANCES._replace(permit_dscp=False)
    assert reflected(asked, circumstances=kept) == (octets("00 04 0004 8a e5 0000"), None)


def test_ipv6_addresses_fill_their_sub_tlvs() -> None:
    there, here = bytes(range(16)), bytes(range(16, 32))
    circumstances = CIRCUMSTANCES._replace(source=there, destination=here)
    asked = octets("80 02 002c 00000000 80 07 0010" + "00" * 16 + "80 04 0010" + "00" * 16)
    answer = octets("00 02 002c 035e c001 00 09 0010") + there + octets("00 06 0010") + here
    assert reflected(asked, circumstances=circumstances) == (answer, None)


def test_a_reflector_may_keep_its_location_to_itself() -> None:
    asked = octets("80 02 0018 00000000 80 07 0010" + "00" * 16)
    silent = CIRCUMSTANCES._replace(tell_location=False)
    answer = octets("00 02 0018 00000000 00 07 0010" + "00" * 16)
    assert reflected(asked, circumstances=silent) == (answer, None)


def test_a_stateless_reflector_knows_no_direct_measurement() -> None:
    asked = octets("80 05 000c" + "00" * 12)
    assert reflected(asked, circumstances=CIRCUMSTANCES._replace(stateful=False)) == (asked, None)


def test_signed_tlvs_are_answered_under_a_new_signature() -> None:
    asked = octets("80 05 000c 00000009 00000000 00000000")
    answer = octets("00 05 000c 00000009 00000007 00000005")
    made, _ = reflected(asked + seal(asked) + octets("80 01 0001 aa"), key=KEY)
    assert made == answer + b"\0" + seal(answer)[1:] + octets("00 01 0001 aa")


def test_in_unsigned_packets_an_hmac_is_verified_where_there_is_one() -> None:
    asked = octets("80 05 000c" + "00" * 12)
    answer = octets("00 05 000c 00000000 00000007 00000005")
    for tlvs, made in ((asked, answer), (asked + seal(asked), answer + b"\0" + seal(answer)[1:])):
        packet = bytearray(START) + tlvs
        tlv.reflect(packet, START, CIRCUMSTANCES, sequence=0, keys=(bytes(16), KEY))
        assert packet[START:] == made
    forged = bytearray(START) + asked + seal(asked, key=b"the key of somebody else")
    tlv.reflect(forged, START, CIRCUMSTANCES, sequence=0, keys=(bytes(16), KEY))
    assert [forged[found.at] for found in tlv.scan(forged, START)] == [tlv.INTEGRITY] * 2


def test_the_signatures_cover_the_sequence_numbers_of_request_and_answer() -> None:
    asked = octets("80 01 0001 aa")
    answer = bytearray(octets("00000003")) + bytes(40) + asked + seal(asked, octets("00000007"))
    assert tlv.reflect(answer, START, CIRCUMSTANCES, sequence=7, keys=(KEY,), signed=True) is None
    made = octets("00 01 0001 aa")
    assert answer[START:] == made + b"\0" + seal(made, octets("00000003"))[1:]


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(octets("80 05 000c" + "00" * 12), id="no HMAC"),
        pytest.param(octets("80 01 0000 80 01 0000"), id="no HMAC and two Extra Paddings"),
        pytest.param(octets("80 04 0004 88000000") + seal(b"something else"), id="wrong HMAC"),
        pytest.param(octets("80 04 0004 88000000") + octets("80 08 000f" + "00" * 15), id="short HMAC"),
        pytest.param(seal(b"") + octets("80 04 0004 88000000"), id="HMAC before others"),
    ],
)
def test_tlvs_that_fail_verification_come_back_with_i_set_on_each(asked: bytes) -> None:
    expected = bytearray(asked)
    for found in tlv.scan(asked, 0):
        expected[found.at] = tlv.INTEGRITY
    assert reflected(asked, key=KEY) == (bytes(expected), None)


def test_a_single_extra_padding_needs_no_signature() -> None:
    assert reflected(octets("80 01 0001 aa"), key=KEY) == (octets("00 01 0001 aa"), None)


def test_a_packet_with_too_many_tlvs_is_answered_in_bounded_time() -> None:
    made, _ = reflected(octets("80 01 0000") * 16_000)
    flags = made[::4]
    assert flags[: tlv.MAX_TLVS] == bytes(tlv.MAX_TLVS - 1) + bytes([tlv.MALFORMED])
    assert set(flags[tlv.MAX_TLVS :]) == {tlv.UNRECOGNIZED}


def test_sub_tlvs_count_among_the_tlvs() -> None:
    questions = tlv.MAX_TLVS - 2
    location = octets("80 02") + (4 + 20 * questions).to_bytes(2, "big") + bytes(4)
    question, told = octets("80 07 0010") + bytes(16), octets("00 08 0010 0af40007") + bytes(12)
    made, _ = reflected(location + question * questions + octets("80 01 0000"))
    assert made[8:] == told * questions + octets("00 01 0000")
    made, dscp = reflected(
        location + question * questions + octets("80 01 0000") + octets("80 04 0004 b8000000")
    )
    assert made[0] == made[8 + 20 * (questions - 2)] == tlv.MALFORMED
    assert made[8 + 20 * questions :] == octets("80 01 0000 80 04 0004 b8000000")
    assert dscp is None


@given(
    st.lists(
        st.sampled_from([bytes(4), bytes(1), b"\x80\x01\0\0", b"\0\x01\0\2", b"\1", b"\x80\0\0\0"]),
        max_size=20,
    ),
    st.integers(1, 12),
)
def test_tlvs_end_where_nothing_but_zeros_follows(parts: list[bytes], most: int) -> None:
    packet = b"".join(parts)
    expected, at = [], 0
    while at + 4 <= len(packet) and any(packet[at:]):
        length = int.from_bytes(packet[at + 2 : at + 4], "big")
        expected.append(tlv.Tlv(at, packet[at + 1], length, at + 4 + length <= len(packet)))
        at += 4 + length
    if len(expected) > most:
        expected = [*expected[: most - 1], expected[most - 1]._replace(whole=False)]
    assert tlv.scan(packet, 0, most=most) == expected


def hostile(size: int) -> dict[str, bytes]:
    """TLVs that make as many steps as they can, of that many bytes."""
    location = octets("80 02") + (size - 4).to_bytes(2, "big") + bytes(4)
    rest = size - len(location)
    return {
        "zeros": bytes(size),
        "zeros, then a one": bytes(size - 1) + b"\1",
        "empty TLVs": (octets("80 20 0000") * size)[:size],
        "TLVs of one byte": (octets("80 01 0001 00") * size)[:size],
        "empty sub-TLVs": location + (octets("80 07 0000") * size)[:rest],
        "sub-TLVs of zeros": location + bytes(rest - 1) + b"\1",
        "Location questions": location + ((octets("80 07 0010") + bytes(16)) * size)[:rest],
        "Locations": (octets("80 02 0008 00000000 80 63 0000") * size)[:size],
        "Class of Service": (octets("80 04 0004 b8000000") * size)[:size],
        "random": hashlib.shake_128(b"random").digest(size),
        "HMAC last": (octets("80 63 0000") * size)[: size - 20] + octets("80 08 0010") + bytes(16),
    }


def steps(work: Callable[[], object]) -> int:
    """How many lines of Python it takes."""
    taken = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal taken
        taken += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return taken


@pytest.mark.parametrize("what", hostile(1400))
def test_no_packet_makes_more_steps_than_a_full_one_however_long(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time is for the benchmark (reflector_cost): what takes it is counted here."""
    looked_through = 0
    search = tlv._last_nonzero

    def counted(rest: bytearray) -> int:
        nonlocal looked_through
        looked_through += len(rest)
        return search(rest)

    monkeypatch.setattr(tlv, "_last_nonzero", counted)
    of_good_ones = steps(lambda: reflected(FULL))
    for size in (1400, 65_000):
        packet, looked_through = bytes(START) + hostile(size)[what], 0
        assert steps(lambda packet=packet: reflected(packet[START:])) < 2 * of_good_ones  # type: ignore[misc]
        assert looked_through <= 2 * size
        for key in (None, KEY):
            assert steps(lambda p=packet, k=key: arrival.answered(p, START, k)) < 2 * of_good_ones  # type: ignore[misc]


FULL = (
    octets("80 02 002c 00000000")
    + octets("80 07 0010") + bytes(16) + octets("80 04 0010") + bytes(16)
    + octets("80 03 0004") + bytes(4) + octets("80 04 0004 b8000000") + octets("80 05 000c") + bytes(12)
    + octets("80 06 0004") + bytes(4) + octets("80 07 0004") + bytes(4) + octets("80 01 0004") + bytes(4)
)  # fmt: skip
"""What RFC 8972 has, but for the HMAC."""


@given(st.integers(0, 2000))
def test_padding_has_the_size_asked_for_and_is_a_tlv_where_it_can(size: int) -> None:
    made = tlv.padding(size)
    assert len(made) == size
    found = list(tlv.scan(made, 0))
    if size < tlv.HEADER_SIZE:
        assert not found
        assert not any(made)
    else:
        assert found == [tlv.Tlv(0, tlv.TlvType.EXTRA_PADDING, size - 4, True)]


@given(
    st.lists(
        st.tuples(st.integers(0, 255), st.integers(0, 10), st.integers(0, 24), st.binary(max_size=24)),
        max_size=8,
    ),
    st.binary(max_size=5),
    st.one_of(st.none(), st.just(KEY)),
    st.booleans(),
)
def test_no_tlvs_whatsoever_upset_the_reflector_or_change_the_length(
    parts: list[tuple[int, int, int, bytes]], rest: bytes, key: bytes | None, sealed: bool
) -> None:
    tlvs = b"".join(
        bytes([flags, kind]) + (len(value) if length % 2 else length).to_bytes(2, "big") + value
        for flags, kind, length, value in parts
    )
    reflected(tlvs + (seal(tlvs) if sealed else b"") + rest, key=key)

"""What a STAMP packet asks about its arrival, and what of an answer is believed."""

import hashlib
import hmac
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract.methods.stamp import DSCP_QUESTION, QUESTION_SEAL, SOURCE_QUESTION
from ipsecping.wire import arrival, tlv

KEY, OTHER = bytes(range(16)), bytes(range(1, 17))
START = 44


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


QUESTION = octets("80 02 0018 00000000 80 07 0010" + "00" * 16)


def sealed(tlvs: bytes, sequence: int = 7, key: bytes = KEY) -> bytes:
    """With the HMAC TLV of RFC 8972 section 4.8."""
    covered = sequence.to_bytes(4, "big") + tlvs
    return tlvs + octets("00 08 0010") + hmac.new(key, covered, hashlib.sha256).digest()[:16]


def packet(tlvs: bytes, sequence: int = 7) -> bytes:
    return sequence.to_bytes(4, "big") + bytes(START - 4) + tlvs


def test_the_question_is_a_location_tlv_as_in_rfc_8972() -> None:
    assert arrival.questions(source=True) == QUESTION
    asked = arrival.sealed(QUESTION, 7, KEY)
    assert asked == sealed(QUESTION).replace(octets("00 08 0010"), octets("80 08 0010"))
    assert (len(QUESTION), len(asked)) == (SOURCE_QUESTION, SOURCE_QUESTION + QUESTION_SEAL)


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("00 02 0018 035e c001 00 08 0010 0af40007" + "00" * 12, "10.244.0.7"),
        ("00 02 0018 035e c001 00 09 0010 20010db8" + "00" * 11 + "07", "2001:db8::7"),
        ("00 02 0018 035e c001 00 09 0010" + "00" * 10 + "ffff 0af40007", "10.244.0.7"),
        ("00 02 000c 035e c001 00 08 0004 0af40007", "10.244.0.7"),
        ("00 01 0002 0000 00 02 0018 035e c001 00 08 0010 0af40007" + "00" * 12, "10.244.0.7"),
    ],
    ids=["IPv4", "IPv6", "IPv4 within IPv6", "IPv4 without its zeros", "behind padding"],
)
def test_an_address_that_is_told_is_read(told: str, address: str) -> None:
    assert arrival.answered(packet(octets(told)), START).source == address


@pytest.mark.parametrize(
    "told",
    [
        "",
        QUESTION.hex(),
        "00 02 0018 00000000 00 07 0010" + "00" * 16,
        "00 02 0018 00000000 00 08 0010" + "00" * 16,
        "80 02 0018 035e c001 00 08 0010 0af40007" + "00" * 12,
        "40 02 0018 035e c001 00 08 0010 0af40007" + "00" * 12,
        "20 02 0018 035e c001 00 08 0010 0af40007" + "00" * 12,
        "00 02 0018 035e c001 80 08 0010 0af40007" + "00" * 12,
        "00 02 0008 035e c001 00 08 0000",
        "00 02 0018 035e c001 00 08 0010 0af4",
        "00 02 0004 035e c001",
    ],
    ids=[
        "no TLV",
        "the question as it was",
        "policy: the question with zeros",
        "policy: zeros",
        "not known",
        "malformed",
        "integrity",
        "not known within",
        "no bytes of an address",
        "cut off",
        "ports alone",
    ],
)
def test_anything_else_tells_nothing(told: str) -> None:
    assert arrival.answered(packet(octets(told)), START).source is None


@given(st.binary(max_size=60), st.integers(0, 28), st.binary(max_size=8))
def test_no_answer_upsets_the_reader(noise: bytes, at: int, patch: bytes) -> None:
    good = octets("00 02 0018 035e c001 00 08 0010 0af40007" + "00" * 12)
    for tlvs in (noise, good[:at] + patch + good[at + len(patch) :] + noise):
        told = arrival.answered(packet(tlvs), START).source
        assert told is None or str(ip_address(told)) == told
        assert arrival.answered(packet(tlvs), START, OTHER).source is None


def test_in_the_authenticated_mode_nothing_is_believed_that_the_hmac_does_not_cover() -> None:
    told = octets("00 02 0018 035e c001 00 08 0010 0af40007" + "00" * 12)
    assert arrival.answered(packet(sealed(told)), START, KEY).source == "10.244.0.7"
    assert arrival.answered(packet(sealed(told) + octets("00 01 0000")), START, KEY).source == "10.244.0.7"
    assert arrival.answered(packet(told), START, KEY).source is None
    assert arrival.answered(packet(sealed(told, key=OTHER)), START, KEY).source is None
    assert arrival.answered(packet(sealed(told), sequence=8), START, KEY).source is None
    assert arrival.answered(packet(sealed(b"") + told), START, KEY).source is None


def test_the_question_for_dscp_and_ecn_is_a_class_of_service_tlv_with_the_dscp_of_the_answer() -> None:
    asked = arrival.questions(dscp=46)
    assert asked == octets("80 04 0004 b800 0000")
    assert len(asked) == DSCP_QUESTION
    assert arrival.questions(source=True, dscp=46) == QUESTION + asked


@pytest.mark.parametrize(
    ("told", "service"),
    [
        ("00 04 0004 b8 80 00 00", arrival.ClassOfService(8, 0, reply_as_asked=True)),
        ("00 04 0004 ba ec 00 00", arrival.ClassOfService(46, 3, reply_as_asked=True)),
        ("00 04 0004 ba e1 00 00", arrival.ClassOfService(46, 0, reply_as_asked=False)),
        ("80 04 0004 ba e0 00 00", None),
        ("40 04 0004 ba e0 00 00", None),
        ("20 04 0004 ba e0 00 00", None),
        ("00 04 0002 ba e0", None),
        ("00 04 0004 ba", None),
        ("", None),
    ],
    ids=["DSCP", "ECN", "RP", "U flag", "M flag", "I flag", "too short", "cut off", "no TLV"],
)
def test_dscp_and_ecn_are_read_where_the_reflector_tells_them(
    told: str, service: arrival.ClassOfService | None
) -> None:
    assert arrival.answered(packet(octets(told)), START).service == service


def test_a_kernel_that_does_not_tell_the_class_has_the_question_come_back_not_understood() -> None:
    asked = packet(arrival.questions(dscp=46))
    answer = bytearray(asked)
    seen = tlv.Circumstances(
        source=bytes(4), source_port=1, destination=bytes(4), destination_port=862, traffic_class=None
    )
    assert tlv.reflect(answer, START, seen, sequence=7) is None
    assert bytes(answer) == asked  # with the U flag, as it was sent
    assert arrival.answered(bytes(answer), START).service is None


@pytest.mark.parametrize("key", [None, KEY], ids=["unauthenticated", "authenticated"])
@pytest.mark.parametrize("address", ["10.244.0.7", "2001:db8::7"])
@pytest.mark.parametrize("permit", [True, False], ids=["permitted", "RP"])
def test_our_reflector_answers_our_questions(address: str, key: bytes | None, permit: bool) -> None:
    question = arrival.questions(source=True, dscp=46)
    asked = packet((question if key is None else arrival.sealed(question, 7, key)) + tlv.padding(5))
    answer = bytearray(packet(asked[START:], sequence=3))  # the reflector's own number
    seen = tlv.Circumstances(
        source=ip_address(address).packed,
        source_port=1,
        destination=bytes([10, 50, 1, 10]),
        destination_port=862,
        traffic_class=34 << 2 | 3,
        permit_dscp=permit,
    )
    keys = () if key is None else (key,)
    tlv.reflect(answer, START, seen, sequence=7, keys=keys, signed=key is not None)
    assert len(answer) == len(asked)
    told = arrival.answered(bytes(answer), START, key)
    assert told == arrival.Told(address, arrival.ClassOfService(34, 3, reply_as_asked=permit))

"""IKE messages against bytes worked out by hand from RFC 7296, and against anything that may come in."""

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.wire import ike

SPI, THEIRS = 0x0102030405060708, 0x1112131415161718
NONCE = bytes(range(16))


def message(
    payloads: bytes,
    following: int,
    *,
    flags: int = 0x20,
    exchange: int = 34,
    version: int = 0x20,
    number: int = 0,
) -> bytes:
    header = struct.pack(
        "!QQBBBBII", SPI, THEIRS, following, version, exchange, flags, number, 28 + len(payloads)
    )
    return header + payloads


NO_PROPOSAL_CHOSEN = bytes.fromhex("00 00 0008 00 00 000e")
NO_PROPOSAL = message(NO_PROPOSAL_CHOSEN, 41)


def test_a_request_is_as_rfc_7296_draws_it() -> None:
    packed = ike.pack_sa_init(
        spi=SPI,
        nonce=NONCE,
        proposals=[[ike.Transform(1, 20, 256), ike.Transform(4, 31)]],
        group=31,
        public_key=b"\xaa" * 32,
        notifies=[(16388, b"\xbb" * 20), (16390, b"\xcc" * 8)],
    )
    assert packed == bytes.fromhex(
        # Header: SPIs, next payload N (the cookie stands first), version 2.0, IKE_SA_INIT, flag I, message 0
        "0102030405060708 0000000000000000 29 20 22 08 00000000 000000a4"
        # N(COOKIE): next SA, length 16, protocol 0, SPI size 0, type 16390
        "21 00 0010 00 00 4006 cccccccccccccccc"
        # SA: next KE, length 32; proposal: last, length 28, number 1, IKE, SPI size 0, 2 transforms
        "22 00 0020 00 00 001c 01 01 00 02"
        # Transforms: more follow, length 12, ENCR, AES-GCM-16, key length 256; last, length 8, KE, 31
        "03 00 000c 01 00 0014 800e0100 00 00 0008 04 00 001f"
        # KE: next nonce, length 40, group 31, reserved
        "28 00 0028 001f 0000" + "aa" * 32 +
        # Nonce: next N, length 20
        "29 00 0014" + NONCE.hex() +
        # N(NAT_DETECTION_SOURCE_IP): last, length 28
        "00 00 001c 00 00 4004" + "bb" * 20
    )  # fmt: skip


def test_several_proposals_are_numbered_and_chained() -> None:
    packed = ike.pack_sa_init(
        spi=SPI,
        nonce=NONCE,
        proposals=[[ike.Transform(4, 31)], [ike.Transform(4, 14)]],
        group=31,
        public_key=b"",
    )
    first = bytes.fromhex("02 00 0010 01 01 00 01 00 00 0008 04 00 001f")
    second = bytes.fromhex("00 00 0010 02 01 00 01 00 00 0008 04 00 000e")
    assert first + second in packed


def test_a_refusal_is_an_answer() -> None:
    answer = ike.parse_answer(NO_PROPOSAL)
    assert answer is not None
    assert answer.kind == "NO_PROPOSAL_CHOSEN"
    assert ike.parse_spis(NO_PROPOSAL) == (SPI, THEIRS)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (message(bytes.fromhex("00 00 000a 00 00 0011 000e"), 41), "INVALID_KE_PAYLOAD"),
        (message(bytes.fromhex("00 00 000c 00 00 4006 01020304"), 41), "COOKIE"),
        (message(bytes.fromhex("29 00 0004 00 00 0008 00 00 4004"), 33), "SA"),
        (message(bytes.fromhex("00 00 0008 00 00 9999"), 41), "OTHER"),
        (message(b"\xff" * 20, 11, version=0x10, exchange=5, flags=0), "IKEv1"),
    ],
)
def test_whatever_a_gateway_answers_shows_that_it_is_alive(data: bytes, kind: str) -> None:
    answer = ike.parse_answer(data)
    assert answer is not None
    assert answer.kind == kind


@pytest.mark.parametrize(
    "data",
    [
        b"",
        NO_PROPOSAL[:27],
        NO_PROPOSAL[:-1],
        NO_PROPOSAL + b"\0",
        message(NO_PROPOSAL_CHOSEN, 41, flags=0x08),  # a request: our own packet come back
        message(NO_PROPOSAL_CHOSEN, 41, flags=0x28),
        message(NO_PROPOSAL_CHOSEN, 41, number=1),
        message(NO_PROPOSAL_CHOSEN, 41, exchange=35),
        message(NO_PROPOSAL_CHOSEN, 0),  # payloads that nothing announces
        message(bytes.fromhex("29 00 0008 00 00 000e"), 41),  # a payload announced that is not there
        message(bytes.fromhex("00 00 0003 00 00 000e"), 41),  # a length that goes nowhere
        message(bytes.fromhex("00 00 0009 00 00 000e"), 41),
        message(bytes.fromhex("00 00 0008 00 09 000e"), 41),  # an SPI longer than its payload
        message(bytes.fromhex("00 00 0004"), 41),
        message(bytes.fromhex("2b 00 0004") * 100, 43),  # an endless chain
    ],
)
def test_what_is_no_answer_is_not_taken_for_one(data: bytes) -> None:
    assert ike.parse_answer(data) is None


@given(st.binary(max_size=200), st.integers(0, 255), st.sampled_from([0x10, 0x20, 0x30]))
def test_no_octets_break_the_parser(payloads: bytes, following: int, version: int) -> None:
    ike.parse_answer(payloads)
    ike.parse_spis(payloads)
    answer = ike.parse_answer(message(payloads, following, version=version))
    assert answer is None or answer.kind


def test_the_nat_hash_is_over_spis_address_and_port_in_network_order() -> None:
    content = bytes.fromhex("0102030405060708 0000000000000000 c6336402 01f4")
    assert ike.nat_hash(SPI, 0, "198.51.100.2", 500) == hashlib.sha1(content).digest()
    assert ike.nat_hash(SPI, 0, "fe80::1%eth0", 500) == ike.nat_hash(SPI, 0, "fe80::1", 500)

"""Bytes of STAMP and echo packets, worked out by hand from the RFCs."""

import hashlib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.wire import echo, icmp, stamp
from ipsecping.wire.ntp import (
    UNSYNCHRONIZED,
    ErrorEstimate,
    ntp_difference,
    ntp_from_unix,
    unix_from_ptp,
)

# 2026-01-01T00:00:00Z is 1767225600 s after 1970; plus 2208988800 s from 1900 makes 3976214400 = 0xED003780.
NEW_YEAR_2026 = 1_767_225_600_000_000_000


def octets(text: str) -> bytes:
    return bytes.fromhex(text.replace("|", ""))


def test_a_session_sender_packet_has_the_layout_of_rfc_8762_section_4_2_1() -> None:
    packet = stamp.SenderPacket(
        sequence=0x01020304,
        timestamp=ntp_from_unix(NEW_YEAR_2026 + 750_000_000),
        error_estimate=ErrorEstimate(synchronized=True, scale=3, multiplier=7).to_wire(),
    )
    wire = octets("01020304 | ed003780 c0000000 | 8307" + "00" * 30)
    assert stamp.pack_sender(packet, 44) == wire
    assert stamp.pack_sender(packet, 46) == wire + bytes(2)
    assert stamp.pack_sender(packet, 50) == wire + octets("80 01 0002 0000")  # Extra Padding, U set
    ssid = octets("01020304 | ed003780 c0000000 | 8307 | beef" + "00" * 28)
    assert stamp.pack_sender(packet._replace(ssid=0xBEEF), 44) == ssid
    assert stamp.parse_sender(ssid) == packet._replace(ssid=0xBEEF)
    assert stamp.parse_sender(wire) == packet


def test_a_session_reflector_packet_has_the_layout_of_rfc_8762_section_4_3_1() -> None:
    wire = octets(
        "00000009"  # Sequence Number
        "ed003780 c0000000"  # Timestamp: .75 s
        "4101 0000"  # Error Estimate: Z set, scale 1, multiplier 1; MBZ
        "ed003780 40000000"  # Receive Timestamp
        "00000005"  # Session-Sender Sequence Number
        "ed003780 20000000"  # Session-Sender Timestamp
        "2001 0000"  # Session-Sender Error Estimate: scale 32, multiplier 1; MBZ
        "40 000000"  # Session-Sender TTL 64; MBZ
    )
    packet = stamp.ReflectorPacket(
        sequence=9,
        timestamp=0xED003780_C0000000,
        error_estimate=0x4101,
        receive_timestamp=0xED003780_40000000,
        sender_sequence=5,
        sender_timestamp=0xED003780_20000000,
        sender_error_estimate=0x2001,
        sender_ttl=64,
    )
    assert stamp.parse_reflector(wire) == packet
    request = stamp.pack_sender(stamp.SenderPacket(5, 0xED003780_20000000, 0x2001), 44) + b"padding"
    assert stamp.pack_reflector(packet, request) == wire + b"padding"


KEY = bytes(range(32))


def mac(key: bytes, data: bytes) -> bytes:
    """HMAC as RFC 2104 defines it, without the hmac module."""
    block = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(octet ^ 0x36 for octet in block) + data).digest()
    return hashlib.sha256(bytes(octet ^ 0x5C for octet in block) + inner).digest()[:16]


def test_an_authenticated_sender_packet_has_the_layout_of_rfc_8762_section_4_2_2() -> None:
    packet = stamp.SenderPacket(0x01020304, 0xED003780_C0000000, 0x8307, ssid=0xBEEF)
    signed = octets("01020304" + "00" * 12 + "ed003780 c0000000 | 8307 | beef" + "00" * 68)
    assert len(signed) == 96
    wire = signed + mac(KEY, signed)
    assert stamp.pack_sender(packet, 112, KEY) == wire
    assert stamp.pack_sender(packet, 120, KEY) == wire + octets("80 01 0004 00000000")
    assert stamp.parse_sender(wire, stamp.AUTHENTICATED) == packet
    assert stamp.signed_with(wire, [bytes(16), KEY]) == KEY
    assert stamp.signed_with(wire, [bytes(16)]) is None


def test_an_authenticated_reflector_packet_has_the_layout_of_rfc_8762_section_4_3_2() -> None:
    signed = octets(
        "00000009"
        + "00" * 12  # Sequence Number; MBZ
        + "ed003780 c0000000 | 4101 | beef | 00000000"  # Timestamp; Error Estimate; SSID; MBZ
        + "ed003780 40000000"
        + "00" * 8  # Receive Timestamp; MBZ
        + "00000005"
        + "00" * 12  # Session-Sender Sequence Number; MBZ
        + "ed003780 20000000 | 2001"
        + "00" * 6  # Session-Sender Timestamp, Error Estimate; MBZ
        + "40"
        + "00" * 15  # Session-Sender TTL; MBZ
    )
    assert len(signed) == 96
    packet = stamp.ReflectorPacket(
        sequence=9,
        timestamp=0xED003780_C0000000,
        error_estimate=0x4101,
        receive_timestamp=0xED003780_40000000,
        sender_sequence=5,
        sender_timestamp=0xED003780_20000000,
        sender_error_estimate=0x2001,
        sender_ttl=64,
        ssid=0xBEEF,
    )
    answer = stamp.pack_reflector(packet._replace(timestamp=0), bytes(112) + b"padding", stamp.AUTHENTICATED)
    stamp.put_transmit_time(answer, packet.timestamp, stamp.AUTHENTICATED)
    stamp.sign(answer, KEY)
    assert answer == signed + mac(KEY, signed) + b"padding"
    assert stamp.parse_reflector(bytes(answer), stamp.AUTHENTICATED) == packet


def test_a_flipped_bit_anywhere_breaks_the_signature() -> None:
    wire = stamp.pack_sender(stamp.SenderPacket(1, 2, 3, 4), 112, KEY)
    for position in range(112):
        forged = bytearray(wire)
        forged[position] ^= 1
        assert stamp.signed_with(bytes(forged), [KEY]) is None


def test_a_twamp_light_packet_is_told_by_its_padding() -> None:
    unauthenticated = octets("00000007 | ed003780 c0000000 | 8307")  # RFC 5357 section 4.1.2, 14 bytes
    packet = stamp.parse_sender(unauthenticated + bytes(range(1, 28)))
    assert packet == stamp.SenderPacket(7, 0xED003780_C0000000, 0x8307, twamp=True)
    zeros = stamp.parse_sender(unauthenticated + bytes(27))
    assert zeros == stamp.SenderPacket(7, 0xED003780_C0000000, 0x8307)
    answer = stamp.pack_reflector(stamp.ReflectorPacket(1, 2, 3, 4, 5, 6, 7, 8), bytes(41))
    assert len(answer) == 41
    assert stamp.parse_reflector(bytes(answer)) == stamp.ReflectorPacket(1, 2, 3, 4, 5, 6, 7, 8)


def test_the_residence_time_is_read_in_the_format_that_the_reflector_says_it_uses() -> None:
    ntp, ptp = ErrorEstimate().to_wire(), ErrorEstimate(ptp=True).to_wire()
    half_a_second = stamp.ReflectorPacket(0, 0x5_80000000, ntp, 0x5_00000000, 0, 0, 0, 0)
    assert half_a_second.residence == 500_000_000
    seven_nanoseconds = stamp.ReflectorPacket(0, 0x5_00000007, ptp, 0x5_00000000, 0, 0, 0, 0)
    assert seven_nanoseconds.residence == 7
    assert half_a_second._replace(timestamp=0x4_80000000).residence == -500_000_000


def test_the_time_of_sending_is_written_where_the_timestamp_stands() -> None:
    answer = stamp.pack_reflector(stamp.ReflectorPacket(1, 0, 2, 3, 4, 5, 6, 7), bytes(44))
    stamp.put_transmit_time(answer, 0x0102030405060708)
    assert answer[4:12] == octets("0102030405060708")
    assert stamp.parse_reflector(bytes(answer)) == stamp.ReflectorPacket(
        1, 0x0102030405060708, 2, 3, 4, 5, 6, 7
    )


def test_packets_too_short_are_no_packets() -> None:
    assert stamp.parse_sender(bytes(40)) is None
    assert stamp.parse_reflector(bytes(35)) is None
    assert stamp.parse_sender(bytes(111), stamp.AUTHENTICATED) is None
    assert stamp.parse_reflector(bytes(111), stamp.AUTHENTICATED) is None
    assert stamp.signed_with(bytes(111), [bytes(16)]) is None
    with pytest.raises(ValueError, match="at least 44"):
        stamp.pack_sender(stamp.SenderPacket(0, 0, 0), 43)
    with pytest.raises(ValueError, match="at least 112"):
        stamp.pack_sender(stamp.SenderPacket(0, 0, 0), 111, key=bytes(16))
    with pytest.raises(ValueError, match="at least 16"):
        echo.pack(bytes(8), 1, 15)


def unix_from_ntp(timestamp: int) -> int:
    """Nanoseconds since the Unix epoch; the inverse of `ntp_from_unix` for the years 1968 to 2104.

    The era is chosen as RFC 4330 section 3 does: seconds below 2^31 belong to the era that starts in 2036.
    """
    seconds, fraction = timestamp >> 32, timestamp & (2**32 - 1)
    if seconds < 2**31:
        seconds += 2**32
    return (seconds - 2_208_988_800) * 10**9 + ((fraction * 10**9 + 2**31) >> 32)


def test_ntp_timestamps_cross_into_the_era_that_starts_in_2036() -> None:
    era_1 = (2**32 - 2_208_988_800) * 10**9
    assert ntp_from_unix(era_1 - 10**9) == 0xFFFFFFFF_00000000
    assert ntp_from_unix(era_1) == 0
    assert unix_from_ntp(0) == era_1
    assert unix_from_ntp(0xFFFFFFFF_00000000) == era_1 - 10**9
    assert ntp_from_unix(0) == 0x83AA7E80_00000000


@given(st.integers(-61_505_152 * 10**9 + 1, 4_233_462_143 * 10**9))
def test_ntp_timestamps_keep_every_nanosecond(unix: int) -> None:
    assert unix_from_ntp(ntp_from_unix(unix)) == unix


@given(st.integers(0, 2**64 - 1), st.integers(-(2**62), 2**62))
def test_the_difference_of_ntp_timestamps_is_that_of_their_times(earlier: int, distance: int) -> None:
    later = (earlier + distance) % 2**64
    expected = (distance * 10**9 + 2**31) >> 32
    assert ntp_difference(later, earlier) == expected
    if earlier >= 2**63 and 2**63 <= earlier + distance < 2**64:  # both in the era of today
        assert abs(unix_from_ntp(later) - unix_from_ntp(earlier) - expected) <= 1


@given(st.integers(0, 2**64 - 1))
def test_any_octets_are_some_timestamp(timestamp: int) -> None:
    difference = (ntp_from_unix(unix_from_ntp(timestamp)) - timestamp) % 2**64
    assert min(difference, 2**64 - difference) <= 4  # one nanosecond is 4.3 units of 2^-32 s
    assert unix_from_ptp(timestamp) >= 0


@given(st.booleans(), st.booleans(), st.integers(0, 63), st.integers(1, 255))
def test_error_estimates_come_back_as_they_were(
    synchronized: bool, ptp: bool, scale: int, multiplier: int
) -> None:
    estimate = ErrorEstimate(synchronized, ptp, scale, multiplier)
    assert ErrorEstimate.from_wire(estimate.to_wire()) == estimate


@given(st.integers(0, 10**12), st.booleans())
def test_an_error_estimate_covers_the_error_by_little(error: int, synchronized: bool) -> None:
    estimate = ErrorEstimate.covering(error, synchronized=synchronized)
    assert ErrorEstimate.from_wire(estimate.to_wire()) == estimate
    assert estimate.synchronized == synchronized
    stated = Fraction(estimate.multiplier * 2**estimate.scale * 10**9, 2**32)  # nanoseconds
    assert error <= stated <= max(error * Fraction(129, 128), Fraction(1)) + 1


def test_an_error_estimate_has_a_greatest_value() -> None:
    assert ErrorEstimate.covering(10**30, synchronized=True).to_wire() == 0xBFFF


def test_an_unsynchronized_clock_claims_an_error_of_one_second() -> None:
    estimate = ErrorEstimate.from_wire(UNSYNCHRONIZED)
    assert not estimate.synchronized
    assert estimate.multiplier * 2.0 ** (estimate.scale - 32) == 1


def test_an_echo_payload_has_magic_cookie_and_sequence() -> None:
    cookie = octets("0102030405060708")
    wire = octets("69707370 | 0102030405060708 | 0000002a") + bytes(4)
    assert echo.pack(cookie, 42, 20) == wire
    assert echo.parse(wire, cookie) == 42
    assert echo.parse(wire, bytes(8)) is None
    assert echo.parse(b"x" + wire[1:], cookie) is None
    assert echo.parse(wire[:15], cookie) is None


@pytest.mark.parametrize(
    ("ipv6", "request_type", "reply_type"), [(False, "08", "00"), (True, "80", "81")], ids=["IPv4", "IPv6"]
)
def test_icmp_echo_messages_are_told_by_type(ipv6: bool, request_type: str, reply_type: str) -> None:
    request = icmp.pack_echo_request(b"payload", 0x12345, ipv6=ipv6)
    assert request == octets(f"{request_type}00 0000 0000 2345") + b"payload"
    reply = octets(f"{reply_type}00 ffff 1234 2345") + b"payload"
    assert icmp.parse_echo_reply(reply, ipv6=ipv6) == b"payload"
    assert icmp.parse_echo_reply(request, ipv6=ipv6) is None
    assert icmp.parse_echo_reply(reply[:7], ipv6=ipv6) is None
    assert icmp.parse_echo_reply(b"\x03\x01" + reply[2:], ipv6=ipv6) is None


@given(st.binary(max_size=200), st.binary(min_size=8, max_size=8), st.booleans())
def test_no_octets_whatsoever_upset_a_parser(data: bytes, cookie: bytes, ipv6: bool) -> None:
    for mode in (stamp.UNAUTHENTICATED, stamp.AUTHENTICATED):
        stamp.parse_sender(data, mode)
        stamp.parse_reflector(data, mode)
    stamp.signed_with(data, [cookie])
    packet = stamp.parse_reflector(data)
    assert packet is None or isinstance(packet.residence, int)
    echo.parse(data, cookie)
    icmp.parse_echo_reply(data, ipv6=ipv6)

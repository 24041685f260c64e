"""The end of a certificate, read from its DER form."""

import calendar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract.bounds import MAX_EXPIRY
from ipsecping.wire import x509


def element(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    return bytes((tag, 0x82)) + length.to_bytes(2, "big") + content


def certificate(end: bytes, *, version: bytes = b"\xa0\x03\x02\x01\x02") -> bytes:
    start = element(0x17, b"200101000000Z")
    issuer = element(0x30, bytes(200))
    body = (version, element(0x02, b"\1"), element(0x30), issuer, element(0x30, start, end), issuer)
    return element(0x30, element(0x30, *body), element(0x30), element(0x03, b"\0"))


@pytest.mark.parametrize(
    ("end", "moment"),
    [
        (element(0x17, b"491231235958Z"), (2049, 12, 31, 23, 59, 58)),
        (element(0x17, b"700101000000Z"), (1970, 1, 1, 0, 0, 0)),
        (element(0x18, b"20240229120000Z"), (2024, 2, 29, 12, 0, 0)),
        (element(0x18, b"20991231235958Z"), (2099, 12, 31, 23, 59, 58)),
        (element(0x18, b"99991231235959Z"), (9999, 12, 31, 23, 59, 59)),
    ],
)
def test_both_forms_of_a_time_are_read(end: bytes, moment: tuple[int, ...]) -> None:
    assert x509.not_after(certificate(end)) == calendar.timegm((*moment, 0, 0, 0))
    assert x509.not_after(certificate(end, version=b"")) == calendar.timegm((*moment, 0, 0, 0))


@pytest.mark.parametrize(
    "end",
    [
        element(0x17, b"500101000000Z"),
        element(0x17, b"691231235959Z"),
        element(0x18, b"19691231235959Z"),
        element(0x18, b"10000101000000Z"),
        element(0x18, b"00010101000000Z"),
        element(0x18, b"00000101000000Z"),
        element(0x18, b"00000229000000Z"),
    ],
)
def test_a_certificate_that_ended_before_1970_has_ended(end: bytes) -> None:
    assert x509.not_after(certificate(end)) == 0


@pytest.mark.parametrize(
    "end",
    [
        b"",
        element(0x17, b"4912312359Z"),
        element(0x17, b"49123123595\xffZ"),
        element(4),
        element(0x18, b"99991299235959Z"),
        element(0x18, b"99990631235959Z"),
        element(0x18, b"20230229000000Z"),
        element(0x18, b"00010229000000Z"),
        element(0x18, b"20300001000000Z"),
        element(0x18, b"20301301000000Z"),
        element(0x18, b"20300100000000Z"),
        element(0x18, b"20300101240000Z"),
        element(0x18, b"20300101006000Z"),
        element(0x18, b"20300101000060Z"),
        element(0x18, b"100000101000000Z"),
        element(0x18, b"2030010100000 Z"),
        element(0x18, b"2030010100+0000"),
        element(0x18, b"20300101000000.5Z"),
        element(0x17, b"\xb2\xb30101000000Z"),
        b"\x17\x80" + b"491231235958Z\0\0",
        b"\x18\xff",
    ],
)
def test_a_time_that_no_calendar_has_or_in_another_form_is_not_guessed_at(end: bytes) -> None:
    assert x509.not_after(certificate(end)) is None


TIMES = st.from_regex(r"[0-9]{12}Z|[0-9]{14}Z", fullmatch=True).map(str.encode)


@given(TIMES | st.binary(max_size=20), st.sampled_from([0x17, 0x18]))
def test_whatever_time_it_is_a_result_can_carry_it(time: bytes, tag: int) -> None:
    end = x509.not_after(certificate(element(tag, time)))
    assert end is None or 0 <= end <= MAX_EXPIRY


@given(st.binary(max_size=300), st.integers(0, 200))
def test_no_octets_break_the_reader(data: bytes, at: int) -> None:
    x509.not_after(data)
    damaged = bytearray(certificate(element(0x17, b"491231235958Z")))
    damaged[at : at + len(data)] = data
    end = x509.not_after(bytes(damaged))
    assert end is None or 0 <= end <= MAX_EXPIRY

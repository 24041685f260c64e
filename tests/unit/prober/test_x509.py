"""The end of a certificate, read from its DER form."""

import calendar

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        (element(0x17, b"500101000000Z"), (1950, 1, 1, 0, 0, 0)),
        (element(0x18, b"20991231235958Z"), (2099, 12, 31, 23, 59, 58)),
        (element(0x18, b"99991231235959Z"), (9999, 12, 31, 23, 59, 59)),
    ],
)
def test_both_forms_of_a_time_are_read(end: bytes, moment: tuple[int, ...]) -> None:
    assert x509.not_after(certificate(end)) == calendar.timegm((*moment, 0, 0, 0))
    assert x509.not_after(certificate(end, version=b"")) == calendar.timegm((*moment, 0, 0, 0))


@pytest.mark.parametrize(
    "end", [b"", element(0x17, b"4912312359Z"), element(0x17, b"49123123595\xffZ"), element(4)]
)
def test_another_form_is_not_guessed_at(end: bytes) -> None:
    assert x509.not_after(certificate(end)) is None


@given(st.binary(max_size=300), st.integers(0, 200))
def test_no_octets_break_the_reader(data: bytes, at: int) -> None:
    x509.not_after(data)
    damaged = bytearray(certificate(element(0x17, b"491231235958Z")))
    damaged[at : at + len(data)] = data
    x509.not_after(bytes(damaged))

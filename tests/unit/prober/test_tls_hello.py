"""A request for another key share is noticed before its costly answer is computed, however it is cut up."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.wire.tls_hello import MAX_MESSAGE, RETRY, FirstMessage, over_finite_field

FFDHE8192, P521 = 0x0104, 0x0019


def extension(kind: int, data: bytes) -> bytes:
    return kind.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data


def hello(*extensions: bytes, random: bytes = RETRY, session: bytes = b"") -> bytes:
    """A ServerHello, or a HelloRetryRequest."""
    all_ = b"".join(extensions)
    body = b"\x03\x03" + random + bytes((len(session),)) + session + b"\x13\x01\0"
    body += len(all_).to_bytes(2, "big") + all_
    return b"\x02" + len(body).to_bytes(3, "big") + body


def records(message: bytes, size: int, *, kind: int = 22) -> bytes:
    """The message in records of so many bytes."""

    def cut() -> Iterator[bytes]:
        for start in range(0, len(message), size):
            part = message[start : start + size]
            yield bytes((kind, 3, 3)) + len(part).to_bytes(2, "big") + part

    return b"".join(cut())


def asked(sent: bytes, step: int = 4096) -> int | None:
    first = FirstMessage()
    for start in range(0, len(sent), step):
        first.feed(sent[start : start + step])
    return first.group


VERSION, COOKIE = extension(43, b"\x03\x04"), extension(44, b"\x4b\0" + bytes(19_200))


def share(group: int) -> bytes:
    return extension(51, group.to_bytes(2, "big"))


@pytest.mark.parametrize("step", [1, 3, 5, 100_000])
@pytest.mark.parametrize("size", [1, 7, 38, 16_384])
@pytest.mark.parametrize(
    "before", [b"", records(b"\x01", 1, kind=20), b"\x16\x03\x03\0\0", records(bytes(12), 5)]
)
def test_the_group_asked_for_is_found_however_it_is_cut_up(step: int, size: int, before: bytes) -> None:
    for message, group in (
        (hello(VERSION, share(FFDHE8192)), FFDHE8192),
        (hello(share(P521), VERSION, session=bytes(range(32))), P521),
        (hello(VERSION, COOKIE, share(FFDHE8192)), FFDHE8192),
        (hello(VERSION), None),
        (hello(VERSION, share(P521), random=bytes(32)), None),
        (hello(VERSION, share(P521), random=RETRY[:-1] + b"\0"), None),
    ):
        assert len(message) <= MAX_MESSAGE
        assert asked(before + records(message, size) + records(hello(share(1)), 50), step) == group


def test_only_finite_fields_cost_too_much() -> None:
    assert [
        group
        for group in (0x0017, P521, 0x001E, 0x0100, FFDHE8192, 0x01FF, 0x11EC)
        if over_finite_field(group)
    ] == [
        0x0100,
        FFDHE8192,
        0x01FF,
    ]


@given(st.binary(max_size=200), st.integers(1, 50))
def test_what_is_not_tls_asks_for_nothing_and_breaks_nothing(sent: bytes, step: int) -> None:
    assert asked(sent, step) is None
    assert asked(records(b"\x02\0\0\x60" + b"\x03\x03" + RETRY + sent + bytes(100), step), step) in (
        None,
        *range(65_536),
    )


def test_a_message_without_end_is_not_held() -> None:
    first = FirstMessage()
    for _ in range(100):
        first.feed(records(b"\x02\xff\xff\xff" + bytes(16_000), 16_384))
    assert first.group is None
    assert len(first._message) <= MAX_MESSAGE

"""A request for another key share is noticed before its costly answer is computed, however it is cut up."""

from collections.abc import Iterator

import pytest

from ipsecping.wire.tls_hello import RETRY, FirstHello


def hello(random: bytes) -> bytes:
    body = b"\x03\x03" + random + b"\0\x13\x01\0\0\0"
    return b"\x02" + len(body).to_bytes(3, "big") + body


def records(message: bytes, size: int, *, kind: int = 22) -> bytes:
    """The message in records of so many octets."""

    def cut() -> Iterator[bytes]:
        for start in range(0, len(message), size):
            part = message[start : start + size]
            yield bytes((kind, 3, 3)) + len(part).to_bytes(2, "big") + part

    return b"".join(cut())


@pytest.mark.parametrize("step", [1, 3, 5, 100_000])
@pytest.mark.parametrize("size", [1, 7, 38, 100])
@pytest.mark.parametrize("before", [b"", records(b"\x01", 1, kind=20), records(b"", 1), b"\x16\x03\x03\0\0"])
def test_a_request_for_another_key_share_is_told_from_a_hello(step: int, size: int, before: bytes) -> None:
    for random, retry in ((RETRY, True), (bytes(32), False), (RETRY[:-1] + b"\0", False)):
        sent = before + records(hello(random), size) + records(RETRY * 100, 50)
        first = FirstHello()
        for start in range(0, len(sent), step):
            first.feed(sent[start : start + step])
        assert first.retry is retry


def test_what_is_not_tls_asks_for_nothing() -> None:
    for sent in (
        b"",
        RETRY,
        b"HTTP/1.1 200 OK\r\n" * 100,
        bytes(100_000),
        b"\x16\x03\x03\xff\xff" + bytes(70_000),
    ):
        first = FirstHello()
        first.feed(sent)
        assert not first.retry

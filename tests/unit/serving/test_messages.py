"""What a request head says, and what reading one may cost."""

import pytest

from ipsecping.serving import messages
from ipsecping.serving.messages import parse_request


def head(field: str) -> bytes:
    return f"GET /metrics HTTP/1.1\r\n{field}\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("coding", "gzip"),
    [
        ("gzip", True),
        ("br, GZIP ; q=0.5", True),
        ("gzip;q=0, br", False),
        ("gzip;q=0.000", False),
        ("x-gzip, *", False),
        ("", False),
    ],
)
def test_whether_the_client_takes_gzip(coding: str, gzip: bool) -> None:
    assert parse_request(head(f"Accept-Encoding: {coding}")).gzip is gzip


@pytest.mark.parametrize("piece", ["a,", ",", "a", "gzi,", ";q=0,"])
def test_a_list_that_strangers_fill_is_not_looked_at_item_by_item(
    piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of their connections may bring 8 KiB, 3 ms of looking, and packets wait meanwhile."""
    looked = list[str]()
    monkeypatch.setattr(messages, "_is_gzip", looked.append)
    parse_request(head(f"Accept-Encoding: {piece * (8000 // len(piece))}"))
    assert looked == []

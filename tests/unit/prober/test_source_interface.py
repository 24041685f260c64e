"""By which interface packets from a source leave: asked of the host, and seldom enough to cost little."""

import pytest

from ipsecping.net import socket_pool
from ipsecping.net.sender import SourceUnavailable, interface_index
from ipsecping.net.socket_pool import ASKED_EVERY, SocketPool


def test_without_a_source_and_for_an_address_the_routes_decide() -> None:
    assert [interface_index(source) for source in (None, "127.0.0.1", "::1")] == [0, 0, 0]
    assert interface_index("lo") > 0


@pytest.mark.parametrize("source", ["192.0.2.1", "2001:db8::1", "nowhere0"])
def test_a_source_that_the_host_has_not_is_an_error_each_time(source: str) -> None:
    pool = SocketPool()
    for _ in range(2):
        with pytest.raises(SourceUnavailable, match=source):
            pool.interface_index(source, now=0)


def test_thousands_of_rounds_that_begin_together_ask_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []

    def ask(source: str | None) -> int:
        asked.append(source)
        return len(asked)

    monkeypatch.setattr(socket_pool, "interface_index", ask)
    pool = SocketPool()
    for _ in range(1000):
        assert pool.interface_index("tunnel", now=1) == 1
        assert pool.interface_index("192.0.2.1", now=ASKED_EVERY) == 2
    assert pool.interface_index("tunnel", now=1 + ASKED_EVERY) == 3, "made anew meanwhile"
    assert asked == ["tunnel", "192.0.2.1", "tunnel"]

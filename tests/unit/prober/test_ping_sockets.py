"""Ping sockets are the host's to permit."""

import pytest

from ipsecping.contract import Invalidity, ProbeType
from ipsecping.net import datagram

from .far_ends import measure, probe


async def test_a_host_that_forbids_ping_sockets_spoils_the_round_and_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused() -> None:
        raise PermissionError

    monkeypatch.setattr(datagram, "running_pool", refused)
    result = await measure(probe(ProbeType.ICMP, size=56))
    assert (result.invalid, result.sent) == (Invalidity.PING_FORBIDDEN, 0)
    assert "net.ipv4.ping_group_range" in caplog.text

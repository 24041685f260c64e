"""A route that leads nowhere, as many a gateway has one for when its tunnel is down: the path's losses."""

from collections.abc import Iterator

import pytest

from .routed import ECHO_PORT, FAR, FAR6, STAMP_PORT, TCP_PORT, Routed, routed

METHODS = (
    ("--stamp", str(STAMP_PORT)),
    ("--udp-echo", str(ECHO_PORT)),
    ("--tcp", str(TCP_PORT)),
    ("--icmp",),
    ("--dns", "a.example"),
)


@pytest.fixture(scope="module")
def path() -> Iterator[Routed]:
    with routed() as made:
        yield made


@pytest.mark.parametrize("target", [FAR, FAR6])
def test_what_a_blackhole_route_takes_is_lost(path: Routed, target: str) -> None:
    path.near.ip(f"route add blackhole {target}")
    found = {
        method: path.near.ipsecping("ping", target, method, *more, "-c", "2", "-i", "10ms", "-W", "100ms")
        for method, *more in METHODS
    }
    losses = {method: (said["sent"], said["losses"]) for method, said in found.items()}
    assert losses == {method: (2, {"Unreachable": 2}) for method, *_ in METHODS}

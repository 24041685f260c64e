"""Path MTU probes of a check by ICMP and UDP echo, through a real router, where nobody runs a reflector."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ipsecping.contract import PathMtuOptions, PlannedProbe, ProbeType
from ipsecping.contract.methods.path_mtu import Responder

from ..plans import check_of, plan_file
from .routed import ECHO_PORT, FAR, FAR6, ROUTER, ROUTER6, Routed, routed

BOTH = pytest.mark.parametrize("address", [FAR, FAR6], ids=["IPv4", "IPv6"])
PORTS = {Responder.ICMP: None, Responder.UDP_ECHO: ECHO_PORT}


@pytest.fixture
def path() -> Iterator[Routed]:
    with routed() as made:
        made.near.run("sysctl", "-qw", "net.ipv4.ping_group_range=0 0")
        yield made


def one_round(
    path: Routed, folder: Path, address: str, responder: Responder, *, timeout_ms: int = 2000, low: int = 1280
) -> dict[str, Any]:
    """The result of one round of a probe with the usual count and spacing."""
    probe = PlannedProbe(
        name="mtu", type=ProbeType.PATH_MTU, count=10, spacing_ms=100, timeout_ms=timeout_ms, size=0,
        port=PORTS[responder], options=PathMtuOptions(min=low, responder=responder),
    )  # fmt: skip
    file = plan_file(folder, check_of(probe, target=address))
    said = path.near.run(sys.executable, "-m", "ipsecping", "run", str(file), "--json", ok=(0, 1))
    found: dict[str, Any] = json.loads(said)
    return found


@BOTH
@pytest.mark.parametrize("hushed", [False, True], ids=["told", "black hole"])
@pytest.mark.parametrize("responder", list(PORTS))
def test_a_check_finds_the_path_mtu_without_a_reflector(
    path: Routed, tmp_path: Path, address: str, hushed: bool, responder: Responder
) -> None:
    if hushed:
        path.hush()
    path.limit(forward=1407, reverse=1500)
    result = one_round(path, tmp_path, address, responder)
    router = ROUTER if address == FAR else ROUTER6
    told = {"tooBig": False} if hushed else {"tooBig": True, "tooBigFrom": router}
    assert result["pathMTU"] == {"forward": 1407, **told}
    assert result["received"] == result["sent"]


@BOTH
@pytest.mark.long
def test_a_limit_on_the_rate_of_echo_answers_is_no_path_mtu(
    path: Routed, tmp_path: Path, address: str
) -> None:
    path.hush()
    path.limit_echo(5)
    path.limit(forward=1407, reverse=1500)
    result = one_round(path, tmp_path, address, Responder.ICMP, timeout_ms=20_000)
    assert result["pathMTU"]["forward"] == 1407
    path.limit(forward=1500, reverse=1500)
    result = one_round(path, tmp_path, address, Responder.ICMP, timeout_ms=20_000)
    assert result["pathMTU"]["forward"] == 1500


@BOTH
def test_a_host_that_answers_no_large_echo_has_no_path_mtu(
    path: Routed, tmp_path: Path, address: str
) -> None:
    path.cut_echo(600)
    result = one_round(path, tmp_path, address, Responder.ICMP)
    assert result["pathMTU"] == {"tooBig": False}
    assert result["received"] == result["sent"]

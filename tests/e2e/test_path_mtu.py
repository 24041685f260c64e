"""The path MTU of the real tunnel, for five MTUs of the link between the gateways, told and untold."""

import json
from typing import Any

import pytest

from ipsecping_lab import workbench

TARGET = "10.50.1.10"
LINK_MTUS = (1500, 1476, 1399, 1280, 1100)


def inner_mtu(link: int) -> int:
    """The largest inner IPv4 packet in ESP tunnel mode with AES-GCM and a 16-octet ICV (RFC 4303, RFC 4106).

    Outside of what is encrypted: outer IPv4 header 20, SPI and sequence number 8, IV 8, ICV 16. What is
    encrypted ends with pad length and next header (2) and is padded to a multiple of 4.
    """
    encrypted = link - 20 - 8 - 8 - 16
    return encrypted // 4 * 4 - 2


def search() -> Any:
    """As the prober finds it from the node, whose traffic to the far network takes the tunnel."""
    package = workbench.REPOSITORY / "probe_image"
    return json.loads(
        workbench.lab(
            "exec", "env", f"PYTHONPATH={package}", "PYTHONDONTWRITEBYTECODE=1",
            "python3", "-m", "ipsecping", "mtu", TARGET, "--min", "576", "--json", timeout=90,
        )
    )  # fmt: skip


@pytest.mark.usefixtures("tunnel")
@pytest.mark.parametrize("fault", ["mtu", "mtu-blackhole"])
def test_the_tunnels_mtu_is_exact_with_and_without_too_big_messages(fault: str) -> None:
    for link in LINK_MTUS:
        workbench.lab("fault", "clear")
        workbench.lab("fault", "set", fault, "a", f"bytes={link}")
        found = search()
        assert (found["forward"], found["reverse"]) == (inner_mtu(link), inner_mtu(link)), (
            fault,
            link,
            found,
        )


@pytest.mark.usefixtures("tunnel")
def test_a_narrow_way_back_is_told_from_a_narrow_way_there() -> None:
    workbench.lab("fault", "set", "mtu-blackhole", "a", "in", "bytes=1400")
    found = search()
    assert (found["forward"], found["reverse"]) == (inner_mtu(1500), inner_mtu(1400))

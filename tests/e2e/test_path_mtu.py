"""The path MTU of the real tunnel, for five MTUs of the link between the gateways, told and untold."""

import json
from typing import Any

import pytest

from ipsecping_lab import workbench

from .bench import FAR_A, FAR_A_IPV6, FAR_C_IPV6

LINK_MTUS = (1500, 1476, 1399, 1280, 1100)


def inner_mtu(link: int, *, outer_header: int = 20) -> int:
    """The largest inner packet in ESP tunnel mode with AES-GCM and a 16-byte ICV (RFC 4303, RFC 4106).

    Outside of what is encrypted: outer header (IPv4 20, IPv6 40), SPI and sequence number 8, IV 8, ICV 16.
    What is encrypted ends with pad length and next header (2) and is padded to a multiple of 4.
    """
    encrypted = link - outer_header - 8 - 8 - 16
    return encrypted // 4 * 4 - 2


def search(target: str = FAR_A) -> Any:
    """As the prober finds it from the node, whose traffic to the far network takes the tunnel."""
    package = workbench.REPOSITORY / "probe_image"
    return json.loads(
        workbench.lab(
            "exec", "env", f"PYTHONPATH={package}", "PYTHONDONTWRITEBYTECODE=1",
            "python3", "-m", "ipsecping", "mtu", target, "--min", "576", "--json", timeout=90,
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


@pytest.mark.usefixtures("tunnel")
@pytest.mark.parametrize(
    ("path", "target", "outer_header", "fault", "link"),
    [
        (
            "a",
            FAR_A_IPV6,
            20,
            "mtu",
            1300,
        ),  # within the tunnel less than IPv6 asks of a link (RFC 8200 section 5)
        ("a", FAR_A_IPV6, 20, "mtu-blackhole", 1399),
        ("c", FAR_C_IPV6, 40, "mtu", 1399),
        ("c", FAR_C_IPV6, 40, "mtu-blackhole", 1399),
    ],
)
def test_ipv6_passes_up_to_the_tunnels_mtu(
    path: str, target: str, outer_header: int, fault: str, link: int
) -> None:
    workbench.lab("fault", "set", fault, path, f"bytes={link}")
    found = search(target)
    exact, told = inner_mtu(link, outer_header=outer_header), fault == "mtu"
    assert (found["forward"], found["reverse"]) == (exact, exact), found
    assert found["too_big"] is told, found
    assert (exact in found["messages"]) is told, found

"""Path MTU searches through a real router: exact each way, told or not, whatever the kernel has cached."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .routed import ECHO_PORT, FAR, FAR6, SIGNED_PORT, Routed, reflector, routed

LIMITS = [(1500, 1500), (1438, 1438), (1280, 1500), (1500, 1341), (1407, 1399), (1301, 1477)]


@pytest.fixture
def path() -> Iterator[Routed]:
    with routed() as made:
        yield made


@pytest.mark.smoke
@pytest.mark.parametrize("hushed", [False, True], ids=["told", "black hole"])
@pytest.mark.parametrize("address", [FAR, FAR6], ids=["IPv4", "IPv6"])
def test_both_directions_are_exact(path: Routed, address: str, hushed: bool) -> None:
    if hushed:
        path.hush()
    for forward, reverse in LIMITS:
        path.limit(forward=forward, reverse=reverse)
        found = path.near.ipsecping("mtu", address)
        assert (found["forward"], found["reverse"]) == (forward, min(forward, reverse))
        assert found["too_big"] == (forward < 1500 and not hushed)


@pytest.mark.parametrize("method", [["--udp-echo", str(ECHO_PORT)], ["--icmp"]], ids=["UDP echo", "ICMP"])
@pytest.mark.parametrize("address", [FAR, FAR6], ids=["IPv4", "IPv6"])
def test_responders_that_do_not_count_show_the_way_there_and_back(
    path: Routed, address: str, method: list[str]
) -> None:
    path.near.run("sysctl", "-qw", "net.ipv4.ping_group_range=0 0")
    path.limit(forward=1407, reverse=1500)
    found = path.near.ipsecping("mtu", address, *method)
    assert (found["forward"], found["reverse"]) == (1407, None)


@pytest.mark.parametrize("address", [FAR, FAR6], ids=["IPv4", "IPv6"])
def test_a_path_mtu_in_the_kernels_cache_hides_nothing(path: Routed, address: str) -> None:
    path.limit(forward=1300, reverse=1500)
    assert path.near.ipsecping("mtu", address)["forward"] == 1300
    assert "mtu 1300" in path.near.run("ip", "route", "get", address)
    path.limit(forward=1444, reverse=1500)
    assert path.near.ipsecping("mtu", address)["forward"] == 1444
    assert "mtu 1300" in path.near.run("ip", "route", "get", address)


@pytest.mark.parametrize(("address", "wildcard"), [(FAR, "0.0.0.0"), (FAR6, "[::]")], ids=["IPv4", "IPv6"])
def test_an_authenticated_reflector_serves_as_well(
    path: Routed, address: str, wildcard: str, tmp_path: Path
) -> None:
    keys, others = tmp_path / "keys", tmp_path / "others"
    keys.write_text("hex:" + "0f" * 32)
    others.write_text("hex:" + "f0" * 32)
    search = ["mtu", address, "--stamp", str(SIGNED_PORT), "--timeout", "300ms"]
    path.limit(forward=1438, reverse=1399)
    with reflector(path.far, "--stamp", f"{wildcard}:{SIGNED_PORT}", "--key-file", str(keys)):
        found = path.near.ipsecping(*search, "--key-file", str(keys))
        assert (found["forward"], found["reverse"]) == (1438, 1399)
        assert (found["too_big"], found["messages"]) == (True, [1438])
        for stranger in (search, [*search, "--key-file", str(others)]):
            unanswered = path.near.ipsecping(*stranger)
            assert (unanswered["forward"], unanswered["losses"]) == (None, {"Timeout": 5})


def test_jumbo_frames_are_found_and_the_own_links_limit_is_named(path: Routed) -> None:
    path.near.run("ip", "link", "set", "eth0", "mtu", "4000")
    path.limit(forward=9000, reverse=9000)
    found = path.near.ipsecping("mtu", FAR, "--max", "9000")
    assert (found["forward"], found["too_big"], found["messages"]) == (4000, True, [])


def test_loss_both_ways_does_not_blur_the_limit(path: Routed) -> None:
    path.limit(forward=1407, reverse=1344)
    path.hush()
    path.lose(10)
    found = path.near.ipsecping("mtu", FAR)
    assert (found["forward"], found["reverse"]) == (1407, 1344)


@pytest.mark.smoke
def test_the_verdict_is_told_in_words(path: Routed) -> None:
    path.limit(forward=1438, reverse=1400)
    said = path.near.run(sys.executable, "-m", "ipsecping", "mtu", FAR)
    assert "path MTU there: 1438" in said
    assert "path MTU back:  1400" in said
    assert 'refused with a "too big" message (MTU 1438)' in said
    assert "clamp the TCP MSS to 1360" in said

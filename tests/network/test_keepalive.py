"""A NAT that forgets mappings between rounds: first packets die, unless a keepalive keeps the mapping."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .routed import FAR, Namespace, Routed, routed

HERE = Path(__file__).parent
PORT, ROUNDS, PAUSE_SECONDS, KEEPALIVE_MS = 4500, 3, 2, 400
FORGETS_SECONDS = 1
NAT = """
table ip nat {
  chain post {
    type nat hook postrouting priority 100
    oifname "r2" masquerade random
  }
}
"""


@contextmanager
def late_peer(place: Namespace) -> Iterator[list[str]]:
    """The peer; what it has seen is there when the body is over."""
    seen: list[str] = []
    command = place.command(sys.executable, str(HERE / "late_peer.py"), FAR, str(PORT))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield seen
        finally:
            process.kill()
            assert process.stdout is not None
            seen += process.stdout.read().split()


@pytest.fixture(scope="module")
def forgetful() -> Iterator[Routed]:
    """The way with a NAT that forgets an idle mapping soon, and then takes another port."""
    timeouts = ("nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream")
    with routed() as made:
        made.router.run("nft", "-f", "-", stdin=NAT)
        made.router.run("sysctl", "-qw", *(f"net.netfilter.{each}={FORGETS_SECONDS}" for each in timeouts))
        yield made


def rounds(place: Routed, keepalive_ms: int) -> tuple[list[dict[str, Any]], set[str]]:
    """What the rounds came to, and the ports that the peer has seen."""
    script = str(HERE / "rounds_apart.py")
    with late_peer(place.far) as seen:
        told = place.near.run(
            sys.executable, script, FAR, str(PORT), str(ROUNDS), str(PAUSE_SECONDS), str(keepalive_ms)
        )
    return [json.loads(line) for line in told.splitlines()], set(seen)


def test_without_a_keepalive_the_first_answer_of_each_round_goes_to_the_forgotten_port(
    forgetful: Routed,
) -> None:
    first, *others = rounds(forgetful, 0)[0]
    assert first["lost"] == 0
    assert [(each["lost"], each["reverse"], each["invalid"]) for each in others] == [(1, 1, None)] * len(
        others
    )


def test_a_keepalive_keeps_the_mapping_and_no_round_loses_anything(forgetful: Routed) -> None:
    results, ports = rounds(forgetful, KEEPALIVE_MS)
    assert [(each["lost"], each["invalid"]) for each in results] == [(0, None)] * ROUNDS
    assert len(ports) == 1

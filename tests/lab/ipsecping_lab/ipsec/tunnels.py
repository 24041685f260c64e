"""The gateways' security associations: what they are, and how they are brought back."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from ..errors import LabError
from ..host.waiting import wait_until
from . import topology
from .control import Command, Control
from .strongswan import configuration, environment, swanctl, vici
from .topology import NEAR, PATHS, TunnelPath

HEAL_SECONDS = 15.0
_IKE = re.compile(r"^(\w+): #\d+, (\w+), IKEv2", re.MULTILINE)
_CHILD = re.compile(
    r"^  (\w+): #\d+, reqid \d+, (\w+), (TUNNEL\S*), ESP:\S+$(?:\n    (?!local ).*)*(?:\n    local +(.*)$)?",
    re.MULTILINE,
)
_SELECTORS = frozenset(network for near in NEAR.values() for network in near.networks)


@dataclass(frozen=True, slots=True)
class Tunnel:
    """The left gateway's view of one path's tunnel. Empty texts: no such association."""

    path: str
    ike: str
    child: str
    mode: str
    selectors: str = ""
    """Networks of the near side that it was made for, with spaces between them."""

    @property
    def established(self) -> bool:
        return self.ike == "ESTABLISHED" and self.child == "INSTALLED"

    @property
    def behind_nat(self) -> bool:
        """ESP in UDP (RFC 3948)."""
        return self.mode.startswith("TUNNEL-in-UDP")

    @property
    def sound(self) -> bool:
        """Whether it is what a path without faults gets: for all networks, and through no NAT.

        Packets that arrive while the gateways are configured bring a tunnel up before its time.
        """
        return self.established and not self.behind_nat and set(self.selectors.split()) >= _SELECTORS


def parse_associations(text: str) -> dict[str, Tunnel]:
    """Path to tunnel, from ``swanctl --list-sas``; of several (while rekeying) an established one counts."""
    ike: dict[str, str] = {}
    for name, state in _IKE.findall(text):
        if ike.get(name) != "ESTABLISHED":
            ike[name] = state
    child: dict[str, tuple[str, ...]] = {}
    for name, *properties in _CHILD.findall(text):
        if child.get(name, ("",))[0] != "INSTALLED":
            child[name] = tuple(properties)
    return {name: Tunnel(name, ike.get(name, ""), *child.get(name, ("", ""))) for name in PATHS}


def tunnels(control: Control) -> dict[str, Tunnel]:
    """The present state of each path's tunnel."""
    return parse_associations(control.check(swanctl(topology.LEFT, "--list-sas")))


def start_daemons(control: Control) -> None:
    """Start each gateway's charon with its connections, unless it runs; the left one initiates.

    Raises:
        LabError: a charon does not start or refuses its configuration.
    """
    running = control.services()
    wanted = [gateway for gateway in topology.GATEWAYS if not running.get(gateway)]
    for gateway in wanted:
        control.check(Command(("rm", "-f", vici(gateway))))
        control.spawn(gateway, ["charon-systemd"], namespace=gateway, environment=environment(gateway))
    # the responding gateways first, so that the initiator finds them ready
    for gateway in sorted(wanted, key=lambda gateway: gateway == topology.LEFT):
        if not control.await_file(vici(gateway), seconds=10):
            said = control.read(f"/run/{gateway}.log") or ""
            raise LabError(f"strongSwan of {gateway} does not start: {said.strip()[-1000:]}")
        load = ("--load-all", "--noprompt", "--file", configuration(gateway))
        control.check(swanctl(gateway, *load))


def carries(control: Control, path: TunnelPath) -> bool:
    """Whether a packet of each version of IP gets through the tunnel and back within 0.3 s."""
    ping = ("ping", "-n", "-q", "-c", "1", "-W", "0.3", "-I")
    return all(
        control.run(Command((*ping, str(topology.NEAR[version].left.ip), str(each.far.ip)))).status == 0
        for version, each in path.addresses.items()
    )


def await_established(control: Control) -> None:
    """Give strongSwan the time that a first exchange takes; what is not up then is healed."""
    with suppress(LabError):
        wait_until(
            lambda: all(tunnel.established for tunnel in tunnels(control).values()),
            what="IPsec tunnels",
            seconds=5,
        )


def heal(control: Control, letters: Iterable[str], *, seconds: float = HEAL_SECONDS) -> None:
    """Bring the tunnels back: nothing where packets pass, else a rekey, else new associations.

    Raises:
        LabError: a tunnel does not carry packets within ``seconds``.
    """
    deadline = time.monotonic() + seconds
    found = tunnels(control)
    for letter in letters:
        path = PATHS[letter]
        attempt = 0
        while not (found[letter].sound and carries(control, path)):
            if time.monotonic() > deadline:
                raise LabError(f"the tunnel of path {letter} does not come back within {seconds:.0f} s")
            for command in (rekey(letter),) if attempt == 0 else renew(letter):
                control.run(command)
            attempt += 1
            found = tunnels(control)


def terminate(letter: str) -> Command:
    return swanctl(topology.LEFT, "--terminate", "--ike", letter, "--force", "--timeout", "1", tolerant=True)


def initiate(letter: str) -> Command:
    return swanctl(topology.LEFT, "--initiate", "--child", letter, "--timeout", "2", tolerant=True)


def renew(letter: str) -> tuple[Command, Command]:
    """New associations, whatever passes: after a silence of IKE one end may still give up the old ones."""
    return terminate(letter), initiate(letter)


def rekey(letter: str) -> Command:
    return swanctl(topology.LEFT, "--rekey", "--child", letter, tolerant=True)

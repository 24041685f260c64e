"""Two hosts and a cable between them, in network namespaces without an uplink; drops that can be counted."""

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from ipsecping_lab.errors import LabError
from ipsecping_lab.host.commands import run

from . import debian
from .missing import PeerMissing

End = Literal["near", "far"]
NEAR_ADDRESS, FAR_ADDRESS = "192.0.2.1", "192.0.2.2"


@dataclass(frozen=True, slots=True)
class Cable:
    """The two ends: names of network namespaces."""

    near: str
    far: str

    @property
    def in_near(self) -> list[str]:
        """The words before a command that shall run at the near end."""
        return ["ip", "netns", "exec", self.near]

    @property
    def in_far(self) -> list[str]:
        """The words before a command that shall run at the target."""
        return ["ip", "netns", "exec", self.far]

    def drop_every(self, nth: int, *, match: str, at: End) -> None:
        """Drop every `nth` packet that arrives at that end and that `match` (in nftables' words) describes.

        Never where a packet leaves: there the sender itself is told (EPERM).
        """
        rules = f"""table ip drops {{
            chain arriving {{
                type filter hook input priority 0
                {match} counter
                {match} numgen inc mod {nth} == {nth - 1} counter drop
            }}
        }}"""
        run([*self._inside(at), "nft", "-f", "-"], stdin=rules)

    def seen_and_dropped(self, at: End) -> tuple[int, int]:
        """The two counters of `drop_every`: packets that matched, and those of them that were dropped."""
        listing = run([*self._inside(at), "nft", "list", "chain", "ip", "drops", "arriving"]).stdout
        seen, dropped = (int(count) for count in re.findall(r"counter packets (\d+)", listing))
        return seen, dropped

    def _inside(self, end: End) -> list[str]:
        return self.in_near if end == "near" else self.in_far


@contextmanager
def cable() -> Iterator[Cable]:
    """A cable for as long as the body runs.

    Raises:
        PeerMissing: this user may not make network namespaces.
    """
    if os.geteuid() != 0:
        raise PeerMissing("needs root to make network namespaces")
    debian.installed("nft", "nftables")
    debian.installed("ip", "iproute2")
    name = f"ipsp-{uuid.uuid4().hex[:6]}"
    made = Cable(f"{name}-near", f"{name}-far")
    try:
        for namespace in (made.near, made.far):
            run(["ip", "netns", "add", namespace])
        run(["ip", "-n", made.near, "link", "add", "eth0", "type", "veth",
             "peer", "name", "eth0", "netns", made.far])  # fmt: skip
        for namespace, address in ((made.near, NEAR_ADDRESS), (made.far, FAR_ADDRESS)):
            run(["ip", "-n", namespace, "address", "add", f"{address}/24", "dev", "eth0"])
            for device in ("lo", "eth0"):
                run(["ip", "-n", namespace, "link", "set", device, "up"])
        run([*made.in_near, "sysctl", "-q", "-w", "net.ipv4.ping_group_range=0 2147483647"])
        yield made
    except LabError as error:
        raise PeerMissing(f"no network of two namespaces here: {error}") from error
    finally:
        for namespace in (made.near, made.far):
            run(["ip", "netns", "delete", namespace], check=False)

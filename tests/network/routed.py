"""Three network namespaces in a row, near - router - far, whose router can be given any path MTU.

No uplink: all that is sent stays in the namespaces, which vanish with the processes that hold them.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from ..peers import debian
from ..peers.missing import PeerMissing

NEAR, FAR = "10.71.1.2", "10.71.2.2"
NEAR6, FAR6 = "fd71:1::2", "fd71:2::2"
ROUTER, ROUTER6 = "10.71.1.1", "fd71:1::1"
"""As the near host knows the router between them."""
STAMP_PORT, ECHO_PORT, SIGNED_PORT, TCP_PORT = 862, 7, 1862, 55055


class Namespace:
    """A network namespace, for as long as its process lives."""

    def __init__(self) -> None:
        for program, package in (("unshare", "util-linux"), ("ip", "iproute2"), ("sysctl", "procps")):
            debian.installed(program, package)
        # Until a link's own address is known to be unique, a router asks nobody's way with it: for seconds.
        unique = "net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0"
        ready = f"ip link set lo up && sysctl -qw {unique} && echo ready && exec cat"
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", ready],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "ready\n":
            raise PeerMissing(f"network namespaces need root: {self._holder.communicate()[1].strip()}")

    @property
    def process(self) -> int:
        """Whose namespace it is."""
        return self._holder.pid

    def command(self, *arguments: str) -> list[str]:
        """The command line that runs a command in here.

        All of them on one CPU, each worker's on another: what a process sends that moves may be overtaken.
        """
        cpus = sorted(os.sched_getaffinity(0))
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        pinned = ["taskset", "--cpu-list", str(cpus[worker % len(cpus)])]
        return [*pinned, "nsenter", "--target", str(self.process), "--net", *arguments]

    def run(self, *arguments: str, stdin: str | None = None, ok: tuple[int, ...] = (0,)) -> str:
        """Run a command to its end; returns what it printed."""
        done = subprocess.run(
            self.command(*arguments), input=stdin, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode not in ok:
            raise AssertionError(f"{' '.join(arguments)}: exit {done.returncode}\n{done.stderr}")
        return done.stdout

    def ip(self, *lines: str) -> None:
        """Run commands of ip(8) in one process: there are dozens of them for each test."""
        self.run("ip", "-batch", "-", stdin="\n".join(lines))

    def ipsecping(self, *arguments: str) -> Any:
        """A command of the prober with --json."""
        return json.loads(self.run(sys.executable, "-m", "ipsecping", *arguments, "--json", ok=(0, 1)))

    def close(self) -> None:
        """End it."""
        self._holder.communicate()


class Routed:
    """The three namespaces. The router's path MTU each way is that of its links until `limit` is called."""

    def __init__(self, near: Namespace, router: Namespace, far: Namespace) -> None:
        self.near, self.router, self.far = near, router, far
        for number, host in ((1, near), (2, far)):
            router.ip(
                f"link add r{number} mtu 9000 type veth peer name eth0 mtu 9000 netns {host.process}",
                *_up(f"r{number}", f"10.71.{number}.1/24", f"fd71:{number}::1/64"),
            )
            host.ip(
                *_up("eth0", f"10.71.{number}.2/24", f"fd71:{number}::2/64"),
                f"route add default via 10.71.{number}.1",
                f"route add default via fd71:{number}::1",
            )
        router.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        # RFC 1812 section 4.3.2.8 lets routers limit what they say; a test wants to hear all of it.
        router.run("sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")

    def limit(self, *, forward: int, reverse: int) -> None:
        """The path MTU each way."""
        ways = (("r2", forward, f"{FAR}/32", f"{FAR6}/128"), ("r1", reverse, f"{NEAR}/32", f"{NEAR6}/128"))
        self.router.ip(
            *(
                f"route replace {target} dev {link} mtu lock {mtu}"
                for link, mtu, *targets in ways
                for target in targets
            )
        )

    def hush(self) -> None:
        """Let no "too big" message out of the router."""
        self.router.run("nft", "-f", "-", stdin=_HUSH)

    def lose(self, percent: int) -> None:
        """Lose so much of what the router forwards."""
        self.router.run("nft", "-f", "-", stdin=_LOSE.format(percent=percent))

    def drop_udp(self, port: int) -> None:
        """Let no UDP packet to that port through."""
        self.router.run("nft", "-f", "-", stdin=_DROP.format(port=port))

    def limit_echo(self, rate: int) -> None:
        """Let the far host answer so many ICMP echo requests a second, and 5 at once."""
        self.far.run("nft", "-f", "-", stdin=_LIMIT_ECHO.format(rate=rate))

    def cut_echo(self, size: int) -> None:
        """Let the far host answer no ICMP echo request whose IP packet is larger."""
        self.far.run("nft", "-f", "-", stdin=_CUT_ECHO.format(size=size))

    def mangle(self, *rules: str, family: str = "inet") -> None:
        """Change what the router forwards, by rules of nft(8)."""
        self.router.run("nft", "-f", "-", stdin=_MANGLE.format(family=family, rules="\n    ".join(rules)))

    def drop_flows(self, matches: str) -> None:
        """Let through nothing that matches, as a dead member of an ECMP group or of a link bundle does."""
        self.router.run("nft", "-f", "-", stdin=_DROP_FLOWS.format(matches=matches))

    def revive_flows(self) -> None:
        """Undo `drop_flows`."""
        self.router.run("nft", "delete", "table", "inet", "flows")

    def masquerade(self) -> None:
        """Translate the near side's addresses to the router's."""
        self.router.run("nft", "-f", "-", stdin=_MASQUERADE)


def _up(device: str, *addresses: str) -> Iterator[str]:
    """Commands of ip(8) that put a device into service with these addresses."""
    yield f"link set {device} up"
    for address in addresses:
        yield f"address add {address} dev {device}"


_HUSH = """
table inet hush {
  chain out {
    type filter hook output priority 0
    icmp type destination-unreachable drop
    icmpv6 type packet-too-big drop
  }
}
"""
_LOSE = """
table inet lose {{
  chain forward {{
    type filter hook forward priority 0
    numgen random mod 100 < {percent} drop
  }}
}}
"""
_DROP = """
table inet lose {{
  chain forward {{
    type filter hook forward priority 0
    udp dport {port} drop
  }}
}}
"""
_LIMIT_ECHO = """
table inet echo {{
  chain in {{
    type filter hook input priority 0
    icmp type echo-request limit rate over {rate}/second burst 5 packets drop
    icmpv6 type echo-request limit rate over {rate}/second burst 5 packets drop
  }}
}}
"""
_CUT_ECHO = """
table inet echo {{
  chain in {{
    type filter hook input priority 0
    icmp type echo-request meta length > {size} drop
    icmpv6 type echo-request meta length > {size} drop
  }}
}}
"""
_MANGLE = """
table {family} mangle {{
  chain forward {{
    type filter hook forward priority 10
    {rules}
  }}
}}
"""
_DROP_FLOWS = """
table inet flows {{
  chain forward {{
    type filter hook forward priority 0
    {matches} drop
  }}
}}
"""
_MASQUERADE = """
table ip nat {
  chain post {
    type nat hook postrouting priority 100
    oifname "r2" masquerade
  }
}
"""


@contextmanager
def routed() -> Iterator[Routed]:
    """The namespaces, with a stateful STAMP reflector and a UDP echo responder at the target."""
    with ExitStack() as stack:
        places = []
        for _ in range(3):
            place = Namespace()
            stack.callback(place.close)
            places.append(place)
        made = Routed(*places)
        ports = (("--stamp", STAMP_PORT), ("--udp-echo", ECHO_PORT), ("--tcp-echo", TCP_PORT))
        listening = [
            word
            for option, port in ports
            for address in ("0.0.0.0", "[::]")
            for word in (option, f"{address}:{port}")
        ]
        stack.enter_context(reflector(made.far, *listening))
        yield made


@contextmanager
def reflector(place: Namespace, *arguments: str) -> Iterator[None]:
    """A reflector that answers everybody when the body begins."""
    command = [sys.executable, "-m", "ipsecping", "reflect", *arguments]
    everybody = ["--allow", "0.0.0.0/0", "--allow", "::/0", "--rate", "100000"]
    with subprocess.Popen(
        place.command(*command, *everybody), stderr=subprocess.PIPE, text=True
    ) as process:  # fmt: skip
        try:
            assert process.stderr is not None
            assert "info" in process.stderr.readline()
            yield
        finally:
            process.terminate()

"""The IKE probe against strongSwan's charon: alive, no half-open SA, NAT, cookies and groups."""

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ipsecping.contract import (
    IkeOptions,
    PlannedProbe,
    ProbeType,
)

from ..network.routed import FAR, FAR6, Routed, routed
from ..peers import debian
from ..plans import check_of, plan_file

PORTS = [(500, "NO_PROPOSAL_CHOSEN"), (4500, "NO_PROPOSAL_CHOSEN")]

# Half-open SAs from which on a cookie is demanded.
STRONGSWAN = """
charon-systemd {{
  load = random nonce openssl aes sha1 sha2 hmac gmp kdf gcm kernel-netlink socket-default vici pubkey
  cookie_threshold = {cookies}
  cookie_threshold_ip = {cookies}
  plugins {{
    vici {{
      socket = unix://{socket}
    }}
  }}
  filelog {{
    stderr {{
      default = 1
      flush_line = yes
    }}
  }}
}}
swanctl {{
  load = random openssl
}}
"""
SWANCTL = """
connections {{
  any {{
    version = 2
    proposals = {proposal}
    local {{
      auth = psk
      id = gateway
    }}
    remote {{
      auth = psk
    }}
  }}
}}
"""


class Charon:
    """A running charon at the target of a path."""

    def __init__(self, path: Routed, folder: Path) -> None:
        self._path = path
        self._uri = f"unix://{folder}/vici"
        self._config = str(folder / "strongswan.conf")

    def swanctl(self, *arguments: str) -> str:
        return self._path.far.run(
            "env", f"STRONGSWAN_CONF={self._config}", "swanctl", *arguments, "--uri", self._uri
        )

    @property
    def half_open(self) -> int:
        found = re.search(r"(\d+) half-open", self.swanctl("--stats"))
        assert found is not None
        return int(found[1])


Start = Callable[..., Charon]


@pytest.fixture
def path() -> Iterator[Routed]:
    with routed() as made:
        yield made


@pytest.fixture
def start(path: Routed, tmp_path: Path) -> Iterator[Start]:
    """Starts charon at the target."""
    debian.installed("charon-systemd", "charon-systemd", "libstrongswan-standard-plugins")
    debian.installed("swanctl", "strongswan-swanctl")
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(_charon(path, tmp_path, **settings))


@contextmanager
def _charon(
    path: Routed, folder: Path, *, proposal: str = "aes256gcm16-prfsha384-x25519", cookies: int = 30
) -> Iterator[Charon]:
    (folder / "strongswan.conf").write_text(STRONGSWAN.format(socket=folder / "vici", cookies=cookies))
    (folder / "swanctl.conf").write_text(SWANCTL.format(proposal=proposal))
    with subprocess.Popen(
        path.far.command("env", f"STRONGSWAN_CONF={folder / 'strongswan.conf'}", "charon-systemd"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as charon:
        try:
            assert charon.stderr is not None
            said = []
            for line in charon.stderr:
                said.append(line)
                if "spawning" in line:
                    break
            else:
                raise AssertionError("charon ended: " + "".join(said))
            made = Charon(path, folder)
            made.swanctl("--load-conns", "--file", str(folder / "swanctl.conf"))
            yield made
        finally:
            charon.terminate()
            charon.communicate(timeout=20)


@pytest.mark.parametrize("gateway", [FAR, FAR6], ids=["IPv4", "IPv6"])
def test_a_living_daemon_answers_on_both_ports_and_keeps_no_half_open_sa(
    path: Routed, start: Start, gateway: str
) -> None:
    charon = start()
    for _ in range(3):
        said = path.near.ipsecping("ike", gateway)
        assert [(port["port"], port["answer"]) for port in said["ports"]] == PORTS
    assert charon.half_open == 0


def test_a_gateway_that_demands_cookies_is_alive_as_well(path: Routed, start: Start) -> None:
    charon = start(cookies=1)
    assert path.near.ipsecping("ike", FAR, "--detect-nat")["nat"] is False
    assert charon.half_open == 1
    said = path.near.ipsecping("ike", FAR, "--detect-nat")
    assert [port["answer"] for port in said["ports"]] == ["COOKIE", "COOKIE"]
    assert said["nat"] is False


@pytest.mark.parametrize("group", ["x25519", "modp2048", "modp3072", "modp4096"])
def test_nat_is_found_whatever_group_the_gateway_wants(path: Routed, start: Start, group: str) -> None:
    start(proposal=f"aes128-sha256-prfsha256-{group}")
    assert path.near.ipsecping("ike", FAR, "--detect-nat")["nat"] is False
    path.masquerade()
    assert path.near.ipsecping("ike", FAR, "--detect-nat")["nat"] is True


def test_without_daemon_both_ports_refuse(path: Routed) -> None:
    said = path.near.ipsecping("ike", FAR, "--timeout", "1s")
    assert [(port["alive"], port["reason"]) for port in said["ports"]] == [(False, "Refused")] * 2


def test_a_port_that_is_filtered_shows_beside_one_that_answers(path: Routed, start: Start) -> None:
    start()
    path.drop_udp(4500)
    said = path.near.ipsecping("ike", FAR, "--timeout", "1s")
    assert [(port["port"], port["alive"], port["reason"]) for port in said["ports"]] == [
        (500, True, None),
        (4500, False, "Timeout"),
    ]


def one_round(path: Routed, folder: Path) -> dict[str, Any]:
    """A round of a plan that wants to know about NAT."""
    ike = PlannedProbe(
        name="ike",
        type=ProbeType.IKE,
        count=1,
        spacing_ms=100,
        timeout_ms=4000,
        size=0,
        options=IkeOptions(gateway=FAR, detect_nat=True),
    )
    check = check_of(ike, target=FAR)
    plan = plan_file(folder, check)
    result: dict[str, Any] = path.near.ipsecping("run", str(plan))
    return result


def test_a_round_of_a_plan_says_whether_there_is_nat(path: Routed, start: Start, tmp_path: Path) -> None:
    charon = start()
    said = one_round(path, tmp_path)
    assert (said["received"], said["nat"]) == (2, False)
    assert charon.half_open == 1
    path.masquerade()
    assert one_round(path, tmp_path)["nat"] is True


def test_a_round_of_a_plan_names_the_port_that_is_filtered(
    path: Routed, start: Start, tmp_path: Path
) -> None:
    start()
    path.drop_udp(4500)
    said = one_round(path, tmp_path)
    assert (said["received"], said["unanswered"], said["nat"]) == (1, {"4500": "Timeout"}, False)

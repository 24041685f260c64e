"""Faults of IKE: what becomes of the gateways' configuration, and of the certificates that they show."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from ipsecping_lab.ipsec import strongswan
from ipsecping_lab.ipsec.control import Command
from ipsecping_lab.ipsec.faults import transition
from ipsecping_lab.ipsec.faults.certificates import VALIDITIES
from ipsecping_lab.ipsec.faults.model import Fault, read
from ipsecping_lab.ipsec.faults.resources import Configuration, Step
from ipsecping_lab.ipsec.faults.types import TYPES
from ipsecping_lab.ipsec.topology import GATEWAYS, LEFT


def faults(*texts: str) -> list[Fault]:
    return [fault for text in texts for fault in read(TYPES, text.split()[0], text.split()[1:], now=0)]


class Guest:
    """The guest's files in a folder, in which what configures gateways is carried out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "lab").mkdir()
        for gateway in GATEWAYS:
            self.file(strongswan.configuration(gateway)).write_text(strongswan.connections(gateway))

    def file(self, path: str) -> Path:
        return self.folder / Path(path).relative_to("/run")

    def carry_out(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if isinstance(step, Command) and "--load-all" in step.stdin:
                script = f"swanctl() {{ :; }}\n{step.stdin.replace('/run/', f'{self.folder}/')}"
                subprocess.run(step.argv, input=script, text=True, check=True, capture_output=True)

    def set(self, *texts: str) -> None:
        self.carry_out(transition.steps([], faults(*texts)))

    def configured(self, gateway: str) -> str:
        changed = self.file(strongswan.changed(gateway)) / "swanctl.conf"
        return (changed if changed.exists() else self.file(strongswan.configuration(gateway))).read_text()

    def connection(self, letter: str) -> str:
        """The left gateway's of a path."""
        return self.configured(LEFT).split(f"\n  {letter} {{")[1].split("\n  }")[0]


@pytest.fixture
def guest(tmp_path: Path) -> Guest:
    return Guest(tmp_path)


@pytest.mark.parametrize("what", TYPES["ike-refused"].arguments[0].choices)
def test_the_right_gateway_alone_is_configured_otherwise(guest: Guest, what: str) -> None:
    guest.set(f"ike-refused b {what}")
    for gateway in GATEWAYS:
        usual = guest.configured(gateway) == strongswan.connections(gateway)
        assert usual is (gateway != "rightb")


def test_another_group_for_rekeying_comes_with_a_child_that_is_rekeyed_soon(guest: Guest) -> None:
    guest.set("ike-refused a pfs")
    text = guest.configured("righta")
    assert "esp_proposals = aes128gcm16-modp2048\n" in text
    assert "rekey_time = 2s\n        life_time = 4s\n" in text
    assert "rekey_time = 4h\n" in text


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        ("rekey-broken b", "rekey_time = 5s\n        life_time = 7s\n"),
        ("on-demand b", "inactivity = 3s\n"),
        ("nat-timeout b", "dpd_delay = 0s\n"),
        ("ike-fragments b", "fragmentation = no\n"),
        ("ike-certificate b valid", "auth = pubkey\n      cacerts = "),
    ],
)
def test_the_left_gateways_other_connections_stay_as_they_are(guest: Guest, fault: str, line: str) -> None:
    usual = {letter: guest.connection(letter) for letter in "abc"}
    guest.set(fault)
    assert line in guest.connection("b")
    assert {letter: guest.connection(letter) for letter in "ac"} == {letter: usual[letter] for letter in "ac"}


def test_what_two_paths_change_at_the_left_gateway_holds_together(guest: Guest) -> None:
    both = faults("on-demand a", "rekey-broken b")
    guest.carry_out(transition.steps([], both))
    assert "inactivity" in guest.connection("a")
    assert "life_time" in guest.connection("b")
    guest.carry_out(transition.steps(both, both[1:]))
    assert "inactivity" not in guest.connection("a")
    assert "life_time" in guest.connection("b")
    guest.carry_out(transition.steps(both[1:], []))
    assert guest.configured(LEFT) == strongswan.connections(LEFT)


def test_a_change_that_changes_nothing_is_no_fault(guest: Guest) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        guest.set("ike-certificate a valid", "ike-certificate b valid", "ike-fragments a")


@pytest.mark.parametrize("which", VALIDITIES)
def test_a_certificate_is_wrong_in_the_way_that_is_said(guest: Guest, which: str) -> None:
    guest.set(f"ike-certificate a {which}")
    folder = guest.file(strongswan.changed("righta"))
    words = ["openssl", "verify", "-CAfile", str(folder / "trusted.pem"), str(folder / "end.pem")]
    done = subprocess.run(words, capture_output=True, text=True)
    wrong = {"expired": "has expired", "early": "not yet valid", "untrusted": "unable to get local issuer"}
    assert (done.returncode == 0) is (which == "valid")
    assert wrong.get(which, "OK") in done.stdout + done.stderr
    assert (folder / "private" / "key.pem").exists()
    assert f"certs = {folder}/end.pem" in guest.configured("righta")


def test_a_certificate_is_made_anew_where_another_is_wanted(guest: Guest) -> None:
    sizes = []
    for fault in ("ike-certificate a valid", "ike-fragments a"):
        guest.set(fault)
        sizes.append((guest.file(strongswan.changed("righta")) / "end.pem").stat().st_size)
    assert sizes[0] < 1500 < 3000 < sizes[1]


@pytest.mark.parametrize(("letter", "word"), [("a", "0>>22&0x3C@24"), ("c", "64")])
def test_answers_to_a_rekeying_are_dropped_and_its_requests_are_not(letter: str, word: str) -> None:
    steps = transition.steps([], faults(f"rekey-broken {letter}"))
    (text,) = [step.stdin for step in steps if isinstance(step, Command) and "FAULTS" in step.stdin]
    # exchange type 36 with the flag of an answer (RFC 7296 section 3.1), as it comes from the right
    assert f"-i toright -p udp --dport 500 -m u32 --u32 {word}&0xFF20=0x2420 -j DROP" in text


def test_every_gateway_goes_back_to_its_own_configuration() -> None:
    reset = transition.reset([], natted=())
    scripts = {step.namespace: step.stdin for step in reset if isinstance(step, Command)}
    for gateway in GATEWAYS:
        (step,) = Configuration(gateway).revoke()
        assert isinstance(step, Command)
        assert any(
            step.stdin in other.stdin and other.namespace == gateway
            for other in reset
            if isinstance(other, Command)
        )
    assert scripts


@pytest.mark.parametrize(
    ("fault", "lives"),
    [("rekey-broken a", "src 198.51.100.1"), ("ike-refused a pfs", "a: #5, INSTALLED, TUNNEL")],
)
def test_what_fails_at_its_rekeying_is_set_when_the_first_sa_has_ended(fault: str, lives: str) -> None:
    (command,) = TYPES[fault.split()[0]].once(faults(fault)[0])
    assert isinstance(command, Command)
    script = command.argv[-1]
    for said, status in ((lives, 1), ("", 0)):
        told = f"ip() {{ echo '{said}'; }}; swanctl() {{ echo '{said}'; }}; sleep() {{ :; }}; {script}"
        assert subprocess.run(["sh", "-c", told], capture_output=True).returncode == status

"""The reflector's unit under a real systemd, installed with the commands of docs/reflector.md."""

import json
import re
from typing import Any

from ..docs.documents import DOCS
from .conftest import NEAR
from .machine import UNIT, Machine
from .sandbox import inside, status_of, writable_folders

KEYS = "/etc/ipsecping/reflector.keys"
PROGRAM = "/usr/bin/python3 -I -B /usr/local/lib/ipsecping/ipsecping.pyz"
LISTENING = " 00000000:035E "
"""Port 862 of all addresses, in /proc/net/udp."""
SQUATTER = """import socket, time
taken = socket.socket(type=socket.SOCK_DGRAM)
taken.bind(("", 862))
time.sleep(600)
"""
SHORT = ("-W", "300ms")
"""For packets that shall have no answer."""
BIND_SERVICE = f"{1 << 10:016x}"
"""CAP_NET_BIND_SERVICE alone, as /proc shows sets of capabilities."""


def ping(machine: Machine, *options: str) -> dict[str, Any]:
    """Five packets to the reflector, as root."""
    command = f"{PROGRAM} ping {NEAR} --stamp 862 -c 5 -i 10ms -W 20s --json {' '.join(options)}"
    status, said, errors = machine.attempt(command)
    assert status in (0, 1), errors
    answer: dict[str, Any] = json.loads(said)
    return answer


def test_it_is_active_and_listens_on_port_862(reflector: Machine) -> None:
    shown = reflector.properties(UNIT, "ActiveState", "SubState", "UnitFileState", "NRestarts")
    assert shown == {
        "ActiveState": "active",
        "SubState": "running",
        "UnitFileState": "enabled",
        "NRestarts": "0",
    }
    uid = status_of(reflector, UNIT)["Uid"].split()[0]
    table = reflector.run("cat /proc/net/udp").splitlines()
    (row,) = [line.split() for line in table if LISTENING in line]
    assert row[7] == uid


def test_start_returns_when_the_port_answers_and_its_status_says_what_it_answers(reflector: Machine) -> None:
    said = reflector.run(f"systemctl restart {UNIT} && cat /proc/net/udp && systemctl status {UNIT}")
    assert LISTENING in said
    assert 'Status: "answering STAMP on 0.0.0.0:862; allowed: 10.244.0.0/16"' in said


def test_without_its_port_start_fails_and_says_why_until_the_port_is_free(reflector: Machine) -> None:
    reflector.run(f"systemctl stop {UNIT}\ncat > /run/squat.py <<'EOF'\n{SQUATTER}EOF")
    reflector.run(
        "systemd-run --quiet --unit=squatter python3 /run/squat.py\n"
        f"until grep -q '{LISTENING}' /proc/net/udp; do sleep 0.1; done"
    )
    status, _, errors = reflector.attempt(f"systemctl start {UNIT}")
    assert status == 1
    assert f"Job for {UNIT}.service failed" in errors
    shown = reflector.attempt(f"systemctl status {UNIT}")[1]
    assert 'Status: "reflect: cannot listen on 0.0.0.0 port 862: Address already in use"' in shown
    reflector.run("systemctl stop squatter")
    reflector.eventually(f"systemctl is-active {UNIT}", lambda said: said == "active\n")
    assert LISTENING in reflector.run("cat /proc/net/udp")


def test_it_is_nobody_in_particular_with_one_capability(reflector: Machine) -> None:
    status = status_of(reflector, UNIT)
    uids, gids = set(status["Uid"].split()), set(status["Gid"].split())
    assert len(uids) == len(gids) == 1
    assert 61184 <= int(uids.pop()) <= 65519, "the range of systemd's dynamic users"
    group = reflector.run("getent group ipsecping").split(":")[2]
    assert group in status["Groups"].split()
    sets = {name: status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    assert sets == dict.fromkeys(sets, BIND_SERVICE)
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def test_it_can_write_nowhere_but_in_temporary_folders_of_its_own(reflector: Machine) -> None:
    assert writable_folders(reflector, UNIT) == ["/tmp", "/var/tmp"]
    reflector.run(f"{inside(reflector, UNIT)} touch /tmp/written && test ! -e /tmp/written")


def test_it_sees_no_other_process_and_no_home(reflector: Machine) -> None:
    user = inside(reflector, UNIT)
    for path in ("/proc/1", "/proc/sys", "/root", "/home"):
        assert reflector.attempt(f"{user} ls {path}/.")[0] != 0, path
    reflector.run(f"{user} ls /proc/self/. /etc/ipsecping")


def test_systemd_rates_it_as_the_documentation_says(reflector: Machine) -> None:
    said = reflector.run(f"systemd-analyze security --no-pager {UNIT}")
    (rated,) = re.findall(r"Overall exposure level for \S+: ([0-9.]+) (\w+)", said)
    (documented,) = re.findall(
        r'security` rates it\s+([0-9.]+) \("(\w+)"\)', (DOCS / "reflector.md").read_text()
    )
    assert rated == documented


def test_it_answers_signed_packets_and_no_others(reflector: Machine) -> None:
    signed = ping(reflector, "--key-file", KEYS)
    assert (signed["sent"], signed["received"], signed["size"]) == (5, 5, 112)
    assert ping(reflector, *SHORT)["received"] == 0


def test_it_starts_again_when_it_was_killed(reflector: Machine) -> None:
    before = reflector.properties(UNIT, "MainPID", "NRestarts")
    reflector.run(f"systemctl kill --signal=KILL {UNIT}")
    reflector.eventually(
        f"systemctl show {UNIT} --property=NRestarts,SubState",
        lambda said: f"NRestarts={int(before['NRestarts']) + 1}" in said and "SubState=running" in said,
    )
    assert reflector.properties(UNIT, "MainPID")["MainPID"] != before["MainPID"]
    assert ping(reflector, "--key-file", KEYS)["received"] == 5


def test_new_keys_are_taken_over_without_a_restart(reflector: Machine) -> None:
    pid = reflector.properties(UNIT, "MainPID")
    reflector.run(f"cp {KEYS} /run/old.keys")
    reflector.run(f'install -m 0640 -g ipsecping /dev/stdin {KEYS} <<< "hex:$(openssl rand -hex 32)"')
    reflector.eventually(
        f"journalctl --unit {UNIT} --output cat", lambda said: f"key file {KEYS}: 1 keys" in said
    )
    assert ping(reflector, "--key-file", KEYS)["received"] == 5
    assert ping(reflector, "--key-file", "/run/old.keys", *SHORT)["received"] == 0
    assert reflector.properties(UNIT, "MainPID") == pid


def test_the_journal_tells_what_was_dropped_and_nothing_of_its_content(reflector: Machine) -> None:
    marker = "a word that only a packet has"
    packet = marker * 8
    reflector.run(f"printf '{packet}' > /dev/udp/{NEAR}/862")
    reflector.run(f"systemctl kill --signal=USR1 {UNIT}")
    said = reflector.eventually(f"journalctl --unit {UNIT} --output cat", lambda said: "counters" in said)
    assert "NotAuthentic" in said
    key = reflector.run(f"cat {KEYS}").strip().removeprefix("hex:")
    for secret in (marker, packet.encode().hex(), key):
        assert secret not in said

"""Ports that tests give to programs: no kernel and no other test takes one meanwhile."""

import socket
import subprocess
import sys
from pathlib import Path

from ipsecping_lab.host.ports import free_port

COUNT = 200


def test_ports_in_a_row_are_nobody_else_s_while_this_process_lives() -> None:
    first = free_port(socket.SOCK_DGRAM, count=COUNT)
    ours = {*range(first, first + COUNT)}
    assert free_port(socket.SOCK_DGRAM) not in ours
    code = "from ipsecping_lab.host.ports import free_port; print(*(free_port() for _ in range(500)))"
    said = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    theirs = {int(word) for word in said.stdout.split()}
    assert len(theirs) == 500
    assert not ours & theirs


def test_the_kernel_gives_none_of_them_to_who_asks_for_any() -> None:
    low, _ = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert free_port() < low

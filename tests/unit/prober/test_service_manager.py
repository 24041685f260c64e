"""What systemd is told of the long-running commands, over a datagram socket in systemd's place."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ipsecping.contract import Plan, PlannedProbe, ProbeType, plan_to_json

from ...plans import check_of
from ...ports import free_port

WAIT = 20.0
KEY = "hex:" + "0f" * 16
PROBE = PlannedProbe(
    name="p", type=ProbeType.UDP_ECHO, count=1, spacing_ms=10, timeout_ms=100, size=64, port=1
)


@contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    """A socket at that address, as NOTIFY_SOCKET names it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        made.settimeout(WAIT)
        yield made


@contextmanager
def running(*arguments: str, address: str | None) -> Iterator["subprocess.Popen[str]"]:
    environment = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
    if address is not None:
        environment["NOTIFY_SOCKET"] = address
    command = [sys.executable, "-m", "ipsecping", *arguments, "--log-format", "json"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def news(of: socket.socket) -> list[str]:
    return of.recv(65536).decode().split("\n")


def end(process: "subprocess.Popen[str]") -> str:
    """What was logged until SIGTERM had ended it."""
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=WAIT)
    assert process.returncode == 0
    return errors


def plan(folder: Path, *names: str) -> Path:
    checks = tuple(replace(check_of(PROBE, interval_ms=60_000), uid=name) for name in names)
    fresh = folder / "fresh"
    fresh.write_text(json.dumps(plan_to_json(Plan(checks=checks))))
    return fresh.replace(folder / "plan.json")


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "path" else f"@ipsecping-{secrets.token_hex(8)}"


def test_a_reflector_is_ready_when_its_port_answers(address: str) -> None:
    port = free_port(socket.SOCK_STREAM)
    options = ("--tcp-echo", f"127.0.0.1:{port}", "--stamp", "[::1]:0", "--allow", "127.0.0.0/8")
    with manager(address) as systemd, running("reflect", *options, address=address) as process:
        ready, status = news(systemd)
        socket.create_connection(("127.0.0.1", port), timeout=WAIT).close()
        assert ready == "READY=1"
        assert status.startswith("STATUS=answering STAMP on [::1]:")
        assert status.endswith(f", TCPEcho on 127.0.0.1:{port}; allowed: 127.0.0.0/8")
        end(process)
        assert news(systemd) == ["STOPPING=1", "STATUS=stopping"]


def test_a_reflector_tells_of_a_key_file_that_is_broken_and_of_one_that_is_mended(tmp_path: Path) -> None:
    address, keys = str(tmp_path / "notify"), tmp_path / "keys"
    keys.write_text(KEY)
    allow = [word for number in range(5) for word in ("--allow", f"10.{number}.0.0/16")]
    options = ("--stamp", "127.0.0.1:0", "--key-file", str(keys), *allow)
    with manager(address) as systemd, running("reflect", *options, address=address):
        _, status = news(systemd)
        assert status.endswith("; allowed: 10.0.0.0/16, 10.1.0.0/16, 10.2.0.0/16 and 2 more")
        keys.write_text("short")
        (broken,) = news(systemd)
        assert broken.startswith(f"{status}; new keys not taken, the old ones stay valid: ")
        keys.write_text(KEY)
        assert news(systemd) == [status]


def test_an_agent_is_ready_when_its_plan_is_loaded_and_its_port_answers(address: str, tmp_path: Path) -> None:
    port, file = free_port(socket.SOCK_STREAM), plan(tmp_path, "a", "b")
    options = (str(file), "--listen", f"127.0.0.1:{port}")
    with manager(address) as systemd, running("agent", *options, address=address) as process:
        assert news(systemd) == ["READY=1", "STATUS=measuring 2 paths"]
        socket.create_connection(("127.0.0.1", port), timeout=WAIT).close()
        plan(tmp_path, "a")
        assert news(systemd) == ["STATUS=measuring 1 path"]
        file.write_text("{")
        (broken,) = news(systemd)
        assert broken.startswith("STATUS=measuring 1 path; the plan as it is now was not taken: ")
        end(process)
        assert news(systemd) == ["STOPPING=1", "STATUS=stopping: running rounds have 5 s to end"]


def test_what_cannot_start_says_why_and_is_never_ready(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with manager(address) as systemd, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        endpoint = f"127.0.0.1:{taken.getsockname()[1]}"
        reflect = ("reflect", "--stamp", "127.0.0.1:0", "--tcp-echo", endpoint, "--allow", "127.0.0.1")
        for arguments in (reflect, ("agent", str(plan(tmp_path, "a")), "--listen", endpoint)):
            with running(*arguments, address=address) as process:
                (status,) = news(systemd)
                assert status.startswith(f"STATUS={arguments[0]}: cannot listen on ")
                assert process.wait(WAIT) == 2


def test_without_systemd_nothing_is_told_and_a_deaf_one_stops_nobody(tmp_path: Path) -> None:
    options = ("reflect", "--stamp", "127.0.0.1:0", "--allow", "127.0.0.1")
    for address, told in ((None, False), (str(tmp_path / "nobody"), True)):
        with running(*options, address=address) as process:
            assert process.stderr is not None
            assert "answering STAMP" in process.stderr.readline()
            if told:
                assert "cannot tell systemd" in process.stderr.readline()
            assert ("cannot tell systemd" in end(process)) is told

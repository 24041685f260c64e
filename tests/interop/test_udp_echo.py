"""UDP echo against plain responders that know nothing of us."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ..peers import ours
from ..peers.processes import listening
from ..ports import free_port

PYTHON_ECHO = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    sock.sendto(*sock.recvfrom(65535))
"""


@pytest.mark.parametrize("size", [16, 1400], ids=lambda size: f"{size}-octets")
def test_socat_echoes_our_probes(socat: str, size: int, tmp_path: Path) -> None:
    port = free_port(socket.SOCK_DGRAM)
    echo = [socat, "-b", "65535", f"UDP4-RECVFROM:{port},bind=127.0.0.1,fork", "PIPE"]
    with listening(echo, port, log=tmp_path / "socat.log"):
        said = ours.ping(
            "127.0.0.1", "--udp-echo", str(port), "-c", "10", "-i", "30ms", "-s", str(size), "-W", "10s"
        )
    assert (said["sent"], said["received"]) == (10, 10)
    assert said["forward_lost"] is None  # an echo cannot tell


@pytest.mark.parametrize("size", [16, 1400], ids=lambda size: f"{size}-octets")
def test_ten_lines_of_python_echo_our_probes(size: int, tmp_path: Path) -> None:
    port = free_port(socket.SOCK_DGRAM)
    with listening([sys.executable, "-c", PYTHON_ECHO, port], port, log=tmp_path / "echo.log"):
        said = ours.ping("127.0.0.1", "--udp-echo", str(port), "-c", "20", "-i", "10ms", "-s", str(size))
    assert (said["sent"], said["received"], said["duplicates"], said["reordered"]) == (20, 20, 0, 0)


def test_socat_reads_its_own_words_back_from_our_echo(socat: str) -> None:
    with ours.reflector("udp-echo") as reflector:
        done = subprocess.run(
            [socat, "-t", "5", "STDIO", f"UDP4:127.0.0.1:{reflector.port},shut-null"],
            input=b"not a probe, but an echo is an echo",
            capture_output=True, timeout=ours.PATIENCE, check=True,
        )  # fmt: skip
        counters = reflector.stop()
    assert done.stdout == b"not a probe, but an echo is an echo"
    assert counters["octetsAnswered"] == counters["octetsReceived"] >= len(done.stdout)

"""TWAMP-Light (RFC 5357 appendix I) as routers speak it, both ways (RFC 8762 section 4.6)."""

import json
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ..peers import ours
from ..peers.processes import PATIENCE, listening
from ..ports import free_port

LOG_TO_STDOUT = """
appenders:
  out:
    kind: console
    encoder: {pattern: "{m}{n}"}
root: {level: info, appenders: [out]}
"""
SECONDS, EVERY_MS = 1, 50


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the program runs: it reads how to log from its working directory."""
    (tmp_path / "twamp").mkdir()
    (tmp_path / "twamp" / "log_config.yml").write_text(LOG_TO_STDOUT)
    return tmp_path


def configuration(folder: Path, content: dict[str, Any]) -> Path:
    file = folder / "configuration.json"
    file.write_text(json.dumps(content))
    return file


@pytest.mark.parametrize("size", [44, 100], ids=lambda size: f"{size}-octets")
def test_its_reflector_answers_our_sender_also_with_41_octets(
    twamp_light: str, size: int, folder: Path
) -> None:
    port = free_port(socket.SOCK_DGRAM)
    file = configuration(
        folder, {"mode": "LIGHT_REFLECTOR", "source_ip_address": f"127.0.0.1:{port}", "ref_wait": 900}
    )
    with listening([twamp_light, file], port, log=folder / "log", cwd=folder):
        said = ours.ping("127.0.0.1", "--stamp", str(port), "-c", "10", "-i", "20ms", "-s", str(size))
    # Its first answer in a session has no padding at all: 41 bytes, the least that TWAMP allows.
    assert (said["sent"], said["received"], said["duplicates"]) == (10, 10, 0)
    assert (said["forward_lost"], said["reverse_lost"]) == (0, 0)


@pytest.mark.parametrize("padding", [27, 41], ids=lambda padding: f"padding-{padding}")
def test_our_reflector_answers_its_sender(twamp_light: str, padding: int, folder: Path) -> None:
    with ours.reflector("stamp") as reflector:
        file = configuration(
            folder,
            {
                "mode": "LIGHT_SENDER",
                "hosts": [{"ip": "127.0.0.1", "port": reflector.port}],
                "source_ip_address": f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}",
                "collection_period": SECONDS,
                "packet_interval": EVERY_MS,
                "padding": padding,
                "ref_wait": 1,
                "last_message_timeout": 1,
            },
        )
        done = subprocess.run(
            [twamp_light, file], cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=True
        )
        counters = reflector.stop()
    session = json.loads(done.stdout.partition("Result ")[2])["session_results"][0]
    assert session["status"] == "Success"
    said = session["network_statistics"]
    assert said["total_packets"] == counters["received"] == counters["answered"] > 0
    assert (said["total_loss"], said["forward_loss"], said["backward_loss"]) == (0, 0, 0)
    assert counters["octetsAnswered"] == counters["octetsReceived"]

"""A target for agents to measure."""

import socket
from pathlib import Path
from typing import Any

from ...ports import free_port
from .processes import Process

TIMEOUT = "900ms"
"""Of probes once a second: on a busy machine answers of loopback take their time, too."""


class Reflector(Process):
    """A STAMP Session-Reflector on loopback."""

    port: int


def stamp_reflector(log: Path) -> Reflector:
    """One that listens."""
    port = free_port(socket.SOCK_DGRAM)
    words = ["-m", "ipsecping", "reflect", "--stamp", f"127.0.0.1:{port}", "--allow", "127.0.0.0/8"]
    made = Reflector(words=words, log=log)
    made.port = port
    made.launch()
    return made


def spec(port: int, **thresholds: Any) -> dict[str, Any]:
    """Four STAMP packets a second."""
    datapath = {
        "name": "datapath",
        "count": 4,
        "spacing": "20ms",
        "timeout": TIMEOUT,
        "stamp": {"port": port},
    }
    return {
        "schedule": {"interval": "1s"},
        "probes": [datapath],
        "thresholds": {"window": "5s", **thresholds},
    }

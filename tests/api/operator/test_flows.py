"""Flows with a real agent: the echo stops answering some source ports, and the check names them."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .cluster import Cluster
from .processes import OperatorProcess, eventually
from .reflectors import TIMEOUT


class Echo:
    """A UDP echo on loopback that can be told to answer no odd source port."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.half_dead = False
        self.port: int = sock.getsockname()[1]

    def serve(self) -> None:
        """Answer until the socket is closed."""
        while True:
            try:
                data, source = self._sock.recvfrom(2048)
                if not data:
                    return
                if not (self.half_dead and source[1] % 2):
                    self._sock.sendto(data, source)
            except OSError:
                return


@contextmanager
def echo() -> Iterator[Echo]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        made = Echo(sock)
        thread = threading.Thread(target=made.serve)
        thread.start()
        try:
            yield made
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", ("127.0.0.1", made.port))
            thread.join()


def spec(port: int) -> dict[str, Any]:
    probe = {"name": "datapath", "count": 5, "spacing": "20ms", "timeout": TIMEOUT, "flows": 8}
    return {"schedule": {"interval": "1s"}, "probes": [{**probe, "udpEcho": {"port": port}}]}


def test_dead_flows_are_named_with_the_share_and_forgotten_when_they_live(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    with echo() as responder:
        cluster.measured(spec(responder.port))
        assert cluster.status()["probes"][0]["flows"] == {"count": 8, "dead": 0}
        responder.half_dead = True
        told = "4 of 8 flows lost every packet: source ports "
        cluster.says("Healthy", "False", "FlowLoss", saying=told)
        status = cluster.shows(lambda seen: seen["probes"][0]["flows"]["dead"] == 4, what="the flows' status")
        assert [port % 2 for port in status["probes"][0]["flows"]["deadPorts"]] == [1] * 4
        eventually(lambda: any(event["reason"] == "FlowLoss" for event in cluster.events()), what="an event")
        responder.half_dead = False
        cluster.says("Healthy", "False", "LossHigh")

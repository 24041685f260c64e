"""`ipsecping mtu` and `ipsecping ike`: from where they send, and which ports they ask."""

import json
import socket
import threading
from collections.abc import Iterator

import pytest

from ipsecping.wire import ike

from ...ports import free_port
from .conftest import Reflector, ipsecping

ANSWER = bytes.fromhex("1112131415161718 29 20 22 20 00000000 00000024 00 00 0008 00 00 000e")


@pytest.mark.parametrize("command", ["mtu", "ike"])
@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("192.0.2.77", "to send from 192.0.2.77: Cannot assign requested address"),
        ("nosuch0", "to send from interface nosuch0: No such device"),
        ("::1", "to send from ::1 to an IPv4 address: Address family not supported"),
        ("a/b", "neither an IP address nor the name of an interface"),
    ],
)
def test_a_source_that_this_host_has_not_is_wrong_usage_and_no_lost_path(
    command: str, source: str, said: str
) -> None:
    done = ipsecping(command, "127.0.0.1", "-I", source, "--timeout", "100ms")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_a_search_leaves_from_the_address_and_port_that_are_asked_for(reflector: Reflector) -> None:
    port = free_port(socket.SOCK_DGRAM)
    options = ["-I", "127.0.0.2", "--source-port", str(port), "--ttl", "5", "--dscp", "46"]
    done = ipsecping("mtu", "127.0.0.1", "--stamp", str(reflector.stamp), *options, "--json")
    assert (done.returncode, json.loads(done.stdout)["forward"]) == (0, 1500)
    done = ipsecping("mtu", "127.0.0.1", "--icmp", "--source-port", "4000")
    assert "--source-port: ICMP has no ports" in done.stderr


class Gateway:
    """Answers IKE on one UDP port of 127.0.0.1, and remembers who asked, and whether behind the marker."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.port = sock.getsockname()[1]
        self.asked: list[tuple[str, int, bool]] = []

    def serve(self) -> None:
        while True:
            data, peer = self._sock.recvfrom(4096)
            if not data:
                return
            marked = data.startswith(ike.NON_ESP_MARKER)
            self.asked.append((*peer, marked))
            marker = ike.NON_ESP_MARKER if marked else b""
            self._sock.sendto(marker + data.removeprefix(marker)[:8] + ANSWER, peer)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        made = Gateway(sock)
        thread = threading.Thread(target=made.serve)
        thread.start()
        yield made
        sock.sendto(b"", sock.getsockname())
        thread.join()


def test_other_ports_are_asked_behind_the_marker_or_as_500_is(gateway: Gateway) -> None:
    port = str(gateway.port)
    done = ipsecping("ike", "127.0.0.1", "--port", port, "-I", "127.0.0.2", "--json")
    answered = [(each["port"], each["alive"]) for each in json.loads(done.stdout)["ports"]]
    assert (done.returncode, answered) == (0, [(gateway.port, True)])
    assert ipsecping("ike", "127.0.0.1", "--port", port, "--plain-port", port).returncode == 0
    assert [(address, marked) for address, _, marked in gateway.asked] == [
        ("127.0.0.2", True),
        ("127.0.0.1", False),
    ]
    other = ipsecping("ike", "127.0.0.1", "--plain-port", port).stderr
    assert "ike: --plain-port: only those among ports are possible: 500, 4500" in other
    twice = ipsecping("ike", "127.0.0.1", "--port", port, "--port", port).stderr
    assert "ike: --port: expected 1 to 4 different ports" in twice


def test_any_port_may_answer_unless_all_are_asked_for_and_they_share_a_source_port(gateway: Gateway) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        ports = ["--port", str(gateway.port), "--port", str(silent.getsockname()[1]), "--timeout", "100ms"]
        assert ipsecping("ike", "127.0.0.1", *ports).returncode == 0
        assert ipsecping("ike", "127.0.0.1", *ports, "--require", "All").returncode == 1
        own = free_port(socket.SOCK_DGRAM)
        assert ipsecping("ike", "127.0.0.1", *ports, "--source-port", str(own)).returncode == 0
        assert gateway.asked[-1][1] == own

"""The reflector as users run it: the command, the one-file build, the unit and the manifest."""

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import yaml

from ipsecping.cli.main import parser

from ...peers.processes import PATIENCE
from ...ports import free_port
from ..cli.conftest import ipsecping

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "probe_image" / "deploy"
KEY = "hex:" + "0f" * 16
# Without the site packages: Python as it comes, where prometheus-client is not installed.
BARE = [sys.executable, "-I", "-S"]


@pytest.fixture(scope="module")
def zipapp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("dist") / "ipsecping.pyz"
    subprocess.run([*BARE, str(ROOT / "scripts" / "zipapp.py"), str(target)], check=True, capture_output=True)
    return target


@contextmanager
def running(command: Sequence[str]) -> Iterator[tuple["subprocess.Popen[str]", Iterator[dict[str, Any]]]]:
    """The reflector with its log, one object a line."""
    process = subprocess.Popen(
        [*command, "--log-format", "json"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert process.stderr is not None
    lines = (json.loads(line) for line in process.stderr)
    try:
        yield process, lines
    finally:
        process.kill()
        process.wait(PATIENCE)
        process.stderr.close()


def port_of(line: dict[str, Any]) -> str:
    found = re.search(r"(?:port |:)(\d+)(?:/metrics)?$", line["message"])
    assert found, line
    return found[1]


def ping(command: Sequence[str], *options: str) -> dict[str, Any]:
    done = subprocess.run(
        [*command, "ping", "127.0.0.1", "-c", "3", "-i", "10ms", "--json", *options],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize(
    "words", ["run PLAN --textfile x.prom", "run PLAN --pushgateway http://127.0.0.1:9", "agent PLAN"]
)
def test_one_file_says_in_a_line_what_needs_prometheus_client(
    zipapp: Path, tmp_path: Path, words: str
) -> None:
    probe = {"name": "a", "type": "TCP", "port": 9, "count": 1, "spacingMs": 10, "timeoutMs": 100, "size": 0}
    named = dict.fromkeys(("uid", "namespace", "name", "tunnelName", "path"), "a")
    check = named | {"generation": 1, "target": "127.0.0.1", "intervalMs": 1000, "probes": [probe]}
    (tmp_path / "plan.json").write_text(json.dumps({"version": 1, "checks": [check]}))
    arguments = words.replace("PLAN", "plan.json").split()
    done = subprocess.run(
        [*BARE, str(zipapp), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=30,
    )
    needs = "this needs prometheus-client, which is not installed: apt install python3-prometheus-client"
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"ipsecping: {arguments[0]}: {needs}")


def test_one_file_measures_and_reflects_with_python_alone(zipapp: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(KEY)
    program = [*BARE, str(zipapp)]
    reflect = [*program, "reflect", "--allow", "127.0.0.1", "--stamp", "127.0.0.1:0", "--key-file", str(keys)]
    with running(reflect) as (process, lines):
        port = port_of(next(lines))
        measured = ping(program, "--stamp", port, "--key-file", str(keys))
        assert (measured["sent"], measured["received"], measured["size"]) == (3, 3, 112)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        [counters] = lines
    assert counters["message"] == "counters"
    assert (counters["received"], counters["answered"], counters["octetsAnswered"]) == (3, 3, 336)


def test_one_file_says_what_its_metrics_need(zipapp: Path) -> None:
    command = [*BARE, str(zipapp), "reflect", "--allow", "::1", "--stamp", "127.0.0.1:0"]
    done = subprocess.run([*command, "--metrics", "127.0.0.1:0"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert "--metrics needs prometheus-client" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_same_sources_make_the_same_file(zipapp: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.pyz"
    subprocess.run([*BARE, str(ROOT / "scripts" / "zipapp.py"), str(again)], check=True, capture_output=True)
    assert again.read_bytes() == zipapp.read_bytes()


def test_counters_are_served_for_prometheus() -> None:
    command = [sys.executable, "-m", "ipsecping", "reflect", "--allow", "127.0.0.1"]
    command += ["--metrics", "127.0.0.1:0", "--stamp", "127.0.0.1:0", "--tcp-echo", "127.0.0.1:0"]
    with running(command) as (process, lines):
        metrics, stamp, _ = (port_of(next(lines)) for _ in range(3))
        ping([sys.executable, "-m", "ipsecping"], "--stamp", stamp)
        connection = HTTPConnection("127.0.0.1", int(metrics), timeout=10)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    labels = f'address="127.0.0.1",port="{stamp}",protocol="STAMP"'
    assert f"ipsecping_reflector_packets_answered_total{{{labels}}} 3.0" in text
    assert f'ipsecping_reflector_packets_dropped_total{{{labels},reason="Replayed"}} 0.0' in text
    assert f'ipsecping_reflector_packets_dropped_total{{{labels},reason="ReservedPort"}} 0.0' in text
    assert f"ipsecping_reflector_queue_drops_total{{{labels}}} 0.0" in text
    assert "ipsecping_reflector_sessions 1.0" in text
    assert "ipsecping_reflector_sessions_evicted_total 0.0" in text
    assert "ipsecping_reflector_sources 1.0" in text


@pytest.mark.parametrize(
    ("options", "answered", "dropped"),
    [
        ([], [100, 600], {"Loop": 2}),
        (["--allow-source-port", "{port}"], [100, 600, 100, 600], {}),
        (["--max-octets", "500"], [100], {"Loop": 1, "TooLong": 2}),
        (["--octet-rate", "1", "--max-octets", "600"], [100], {"Loop": 2, "OctetRateLimited": 1}),
        (["--total-octet-rate", "1", "--max-octets", "600"], [100], {"Loop": 2, "TotalOctetRateLimited": 1}),
    ],
)
def test_limits_and_source_ports_are_what_the_options_say(
    options: list[str], answered: list[int], dropped: dict[str, int]
) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as like_a_reflector,
    ):
        port = free_port(socket.SOCK_DGRAM)
        like_a_reflector.bind(("127.0.0.2", port))
        command = [sys.executable, "-m", "ipsecping", "reflect", "--allow", "127.0.0.0/8"]
        command += ["--stamp", f"127.0.0.1:{port}", *(option.format(port=port) for option in options)]
        with running(command) as (process, lines):
            next(lines)
            for sock in (other, like_a_reflector):
                for size in (100, 600):
                    sock.sendto(bytes(size), ("127.0.0.1", port))
            counters: dict[str, Any] = {"received": 0}
            while counters["received"] < 4:
                process.send_signal(signal.SIGUSR1)
                counters = next(line for line in lines if line["message"] == "counters")
        received = [len(data) for sock in (other, like_a_reflector) for data in all_of(sock)]
    assert (received, counters["dropped"]) == (answered, dropped)


def all_of(sock: socket.socket) -> Iterator[bytes]:
    """What has come."""
    with suppress(BlockingIOError):
        while True:
            yield sock.recv(2048, socket.MSG_DONTWAIT)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "nothing to answer"),
        (["--udp-echo", ":0", "--key-file", "x"], "--key-file is for --stamp"),
        (["--stamp", ":0", "--key-file", "/no/such/file"], "key file /no/such/file: No such file"),
        (["--stamp", ":0", "--keys-for-tlvs"], "--keys-for-tlvs needs --key-file"),
        (["--tcp-echo", ":0", "--tls-cert", "x"], "--tls-cert and --tls-key go together"),
        (["--stamp", ":0", "--tls-cert", "x", "--tls-key", "x"], "--tls-cert is for --tcp-echo"),
        (["--tcp-echo", ":0", "--tls-cert", "/no/such/file", "--tls-key", "x"], "No such file"),
        (["--stamp", ":0", "--max-octets", "40"], "--max-octets is 41 at least"),
        (
            ["--stamp", ":0", "--octet-rate", "0"],
            "argument --octet-rate: '0' is not a whole number of at least 1",
        ),
        (["--stamp", ":0", "--allow-source-port", "65536"], "'65536' is not a port"),
        (["--tcp-echo", "192.0.2.1:0"], "cannot listen on 192.0.2.1 port 0"),
    ],
)
def test_wrong_usage_is_told_in_one_line(options: list[str], message: str) -> None:
    done = ipsecping("reflect", "--allow", "127.0.0.1", *options)
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]


def test_the_unit_runs_a_command_that_exists() -> None:
    unit = (DEPLOY / "systemd" / "ipsecping-reflector.service").read_text()
    [command] = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    environment = (DEPLOY / "systemd" / "reflector.env").read_text()
    [arguments] = re.findall(r"^ARGUMENTS=(.*)$", environment, re.MULTILINE)
    words = shlex.split(command.replace("$ARGUMENTS", arguments))
    options = parser().parse_args(words[words.index("reflect") :])
    assert options.stamp == [("0.0.0.0", 862)]


def test_the_manifest_runs_a_command_that_exists_under_the_restricted_level() -> None:
    deployment, service = yaml.safe_load_all((DEPLOY / "kubernetes" / "reflector.yaml").read_text())
    pod = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]
    options = parser().parse_args(container["args"])
    ports = {port for listed in (options.stamp, options.udp_echo, options.tcp_echo) for _, port in listed}
    assert {port["containerPort"] for port in container["ports"]} == ports | {options.metrics[1]}
    assert {port["port"] for port in service["spec"]["ports"]} == ports
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    [sysctl] = pod["securityContext"]["sysctls"]
    assert int(sysctl["value"]) <= min(ports)

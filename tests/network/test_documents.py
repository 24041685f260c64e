"""The prober's commands exactly as the documents show them, and what is printed then.

They run in a network namespace whose loopback has the addresses of the documents; a rule drops answers on
their way back where the documents show losses.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from ipsecping.contract import Control, PlannedProbe, ProbeType

from ..docs.documents import ROOT, block, shown
from ..docs.form import difference
from ..plans import check_of, plan_file
from . import chain as place
from .chain import Chain, as_documented, chain
from .routed import Namespace, Routed, reflector, routed

FAR, ALSO, NOBODY = "10.50.1.10", "10.50.1.138", "10.50.1.9"
POD = "10.244.0.7"
"""Of the network that the documented reflector allows."""
_LOST_ON_THE_WAY_BACK = """
table inet lose {{
  chain in {{
    type filter hook input priority 0
    udp sport 862 numgen inc mod {of} == {last} drop
  }}
}}
"""
_LOST_BY_PORT = """
table inet lose {
  chain in {
    type filter hook input priority 0
    udp dport 862 udp sport & 1 == 1 drop
  }
}
"""


class Host:
    """A namespace in which `ipsecping` is a command, as on a host where it is installed."""

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        self.namespace, self.folder = namespace, folder
        programs = folder / "bin"
        programs.mkdir()
        for name, module in (("ipsecping", "ipsecping"), ("ipsecping-operator", "ipsecping_operator")):
            (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} -m {module} "$@"\n')
            (programs / name).chmod(0o755)
        self.environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"}

    def start(self, command: str) -> "subprocess.Popen[str]":
        """Run a command line of a document, without waiting for its end."""
        return subprocess.Popen(
            self.namespace.command("bash", "-c", command),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def type(self, command: str, *, status: int = 0) -> str:
        """What a command line prints on both its outputs; fails the test when it ends with another status."""
        process = self.start(command)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == status, f"{command}: exit {process.returncode}\n{said}"
        return said

    @contextmanager
    def running(self, command: str, *, until: str) -> Iterator["subprocess.Popen[str]"]:
        """With a command that runs until it is ended, once it has said this."""
        process = self.start(f"exec {command}")
        try:
            assert process.stdout is not None
            said = ""
            while until not in said:
                line = process.stdout.readline()
                assert line, f"{command} ended: {said}"
                said += line
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=20)

    def lose_on_the_way_back(self, *, one_of: int) -> None:
        """Drop each so many-th answer of the STAMP reflector."""
        self.namespace.run("nft", "-f", "-", stdin=_LOST_ON_THE_WAY_BACK.format(of=one_of, last=one_of - 1))

    def lose_odd_ports(self) -> None:
        """Drop what is sent to the STAMP reflector from odd source ports."""
        self.namespace.run("nft", "-f", "-", stdin=_LOST_BY_PORT)


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    made = Namespace()
    for address in (FAR, ALSO, POD):
        made.run("ip", "address", "add", f"{address}/32", "dev", "lo")
    # Packets come from the pod's network; those to nobody vanish instead of being refused.
    made.run("ip", "route", "change", "local", FAR, "dev", "lo", "table", "local", "src", POD)
    made.run("ip", "route", "add", NOBODY, "dev", "lo", "src", POD)
    made.run("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
    yield made
    made.close()


@pytest.fixture
def host(namespace: Namespace, tmp_path: Path) -> Host:
    made = Host(namespace, tmp_path)
    (tmp_path / "plan.json").write_text(block("standalone.md", "json", behind="## A plan"))
    return made


@pytest.fixture
def far_end(host: Host) -> Iterator[Host]:
    """With the reflector of docs/reflector.md."""
    reflect = shown("ipsecping reflect --stamp", document="reflector.md")
    with host.running(reflect.command, until=f"{FAR} port 862"):
        yield host


@pytest.mark.parametrize(
    ("document", "command"),
    [
        ("README.md", "ipsecping ping 10.50.1.10 --stamp 862"),
        ("cli.md", "ipsecping ping 10.50.1.10 --stamp 862 -c 4"),
        ("cli.md", "ipsecping ping 10.50.1.10 10.50.1.138 10.50.1.9"),
        ("standalone.md", "ipsecping run plan.json"),
    ],
)
def test_it_prints_what_the_document_shows(far_end: Host, document: str, command: str) -> None:
    example = shown(command, document=document)
    printed = far_end.type(example.command, status=1 if NOBODY in command else 0)
    assert not difference(example.output, printed), difference(example.output, printed)


def test_the_audit_of_the_documented_reflector(far_end: Host) -> None:
    example = shown("ipsecping audit 10.50.1.10", document="reflector.md")
    printed = far_end.type(example.command, status=1)
    assert not difference(example.output, printed), difference(example.output, printed)


def test_losses_on_the_way_back_show_with_their_direction(far_end: Host) -> None:
    far_end.lose_on_the_way_back(one_of=24)
    example = shown("ipsecping ping 10.50.1.10 --stamp 862 -c 200", document="cli.md")
    printed = far_end.type(example.command)
    assert not difference(example.output, printed), difference(example.output, printed)
    assert "direction: 0 on the way there, 8 on the way back" in printed


def test_an_output_that_fails_takes_no_other_with_it(far_end: Host) -> None:
    far_end.lose_on_the_way_back(one_of=15)
    example = shown("ipsecping run plan.json --textfile", document="standalone.md")
    printed = far_end.type(example.command, status=2)
    assert not difference(example.output, printed), difference(example.output, printed)
    written = (far_end.folder / "ipsecping.prom").read_text().splitlines()
    for line in block("standalone.md", "", behind="### node_exporter").splitlines():
        series = line.rpartition(" ")[0]
        assert any(each.startswith(series) for each in written), series


def test_dead_flows_are_shown_in_a_table(far_end: Host) -> None:
    far_end.lose_odd_ports()
    example = shown("ipsecping ping 10.50.1.10 --stamp 862 --flows 4", document="cli.md")
    printed = far_end.type(example.command)
    assert not difference(example.output, printed), difference(example.output, printed)


def test_udp_echo_as_json(host: Host) -> None:
    example = shown("ipsecping ping 10.50.1.10 --udp-echo 7", document="cli.md")
    with host.running(f"ipsecping reflect --udp-echo {FAR}:7 --allow 10.0.0.0/8", until="port 7"):
        printed = host.type(example.command)
    assert not difference(example.output, printed), difference(example.output, printed)


def test_results_in_the_log(far_end: Host) -> None:
    printed = far_end.type("ipsecping run plan.json --log-results --log-format json 2>&1 >table")
    example = block("standalone.md", "json", behind="### Logs")
    first = next(line for line in printed.splitlines() if '"STAMP"' in line)
    assert not difference(example, first), difference(example, first)


def test_the_line_for_cron(far_end: Host) -> None:
    """As cron runs it: by sh, with the paths of the documented installation put into the test's folder."""
    line = shown("*/5 * * * *", document="standalone.md").command
    *schedule, user = line.split()[:6]
    assert (schedule, user) == (["*/5", "*", "*", "*", "*"], "ipsecping")
    command = line.split(maxsplit=6)[6]
    for installed, here in (
        ("/tmp/ipsecping.lock", "lock"),
        ("/usr/local/bin/ipsecping", "bin/ipsecping"),
        ("/etc/ipsecping/plan.json", "plan.json"),
        ("/var/lib/prometheus/node-exporter/", ""),
    ):
        assert installed in command
        command = command.replace(installed, f"{far_end.folder}/{here}")
    assert far_end.type(command) == "", "cron mails what is written"
    assert "ipsecping_packets_sent_total" in (far_end.folder / "ipsecping.prom").read_text()


def test_one_file_reflects_on_a_host_with_python_alone(host: Host) -> None:
    make = shown("make zipapp", document="reflector.md").command
    subprocess.run(make.split(), cwd=ROOT, check=True, capture_output=True)
    shutil.copy(ROOT / "dist" / "ipsecping.pyz", host.folder)
    reflect = shown("python3 ipsecping.pyz reflect ...", document="reflector.md").command
    arguments = shown("ipsecping reflect --stamp", document="reflector.md").command.partition(" reflect ")[2]
    with host.running(reflect.replace("...", arguments), until=f"{FAR} port 862"):
        assert "4 sent, 4 received" in host.type(shown("ipsecping ping 10.50.1.10 --stamp 862 -c 4").command)


@pytest.mark.long
def test_the_agent(far_end: Host) -> None:
    command = shown("ipsecping agent /etc/", document="standalone.md").command
    command = command.replace("/etc/ipsecping/plan.json", f"{far_end.folder}/plan.json")
    asked = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9109/metrics').read().decode())"
    with far_end.running(command, until="9109"):
        deadline = time.monotonic() + 30
        while "ipsecping_packets_sent_total{" not in far_end.type(f'{sys.executable} -c "{asked}"'):
            assert time.monotonic() < deadline, "no result on /metrics"
            time.sleep(0.2)


@pytest.mark.parametrize(
    "command", ["ping", "mtu", "trace", "ike", "diagnose", "run", "agent", "reflect", "audit"]
)
def test_help(host: Host, command: str) -> None:
    printed = host.type(
        shown("ipsecping COMMAND --help", document="cli.md").command.replace("COMMAND", command)
    )
    assert "options:" in printed
    assert "example" in printed


def test_a_check_is_rendered_without_a_cluster(host: Host) -> None:
    readme = (ROOT / "README.md").read_text()
    smallest, *_ = re.findall(r"^```yaml\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    (host.folder / "check.yaml").write_text(smallest)
    rendered = host.type(shown("ipsecping-operator render", document="api.md").command)
    kinds = [each["kind"] for each in yaml.safe_load_all(rendered)]
    assert kinds == ["IPsecTunnelCheck", "ConfigMap", "Deployment"]


@pytest.fixture
def path() -> Iterator[Routed]:
    with routed() as made:
        yield made


def test_path_mtu(path: Routed, tmp_path: Path) -> None:
    path.far.run("ip", "address", "add", f"{FAR}/32", "dev", "lo")
    path.router.run("ip", "route", "add", f"{FAR}/32", "via", "10.71.2.2", "mtu", "lock", "1446")
    path.router.run("ip", "route", "replace", "10.71.1.2/32", "dev", "r1", "mtu", "lock", "1446")
    example = shown("ipsecping mtu 10.50.1.10", document="README.md")
    printed = Host(path.near, tmp_path).type(example.command)
    assert not difference(example.output, printed), difference(example.output, printed)
    assert "path MTU there: 1446" in printed


@pytest.fixture
def hops() -> Iterator[Chain]:
    with chain() as made:
        as_documented(made, pod=POD, far=FAR)
        with reflector(made.far, "--stamp", f"{FAR}:862"):
            yield made


def test_the_hops_of_a_path(hops: Chain, tmp_path: Path) -> None:
    example = shown("ipsecping trace 10.50.1.10", document="cli.md")
    near = Host(hops.near, tmp_path)
    printed = near.type(example.command)
    assert not difference(example.output, printed), difference(example.output, printed)
    example = shown("ipsecping trace 10.50.1.10 --icmp --size 1500 --inside", document="cli.md")
    printed = near.type(example.command)
    assert not difference(example.output, printed), difference(example.output, printed)
    assert "traffic leaves in clear there" in printed


def test_a_diagnosis_that_is_measured(hops: Chain, tmp_path: Path) -> None:
    hops.routers[0].run("ip", "address", "add", "10.99.0.2/32", "dev", "lo")
    hops.near.run("ip", "route", "add", "10.99.0.2/32", "via", place.address(1, 2), "src", POD)
    for control in ("10.50.1.1", "192.0.2.1"):
        hops.routers[2].run("ip", "address", "add", f"{control}/32", "dev", "lo")
        hops.near.run("ip", "route", "add", f"{control}/32", "via", place.address(1, 2), "src", POD)
        for number, router in enumerate(hops.routers[:2], 2):
            router.run("ip", "route", "add", f"{control}/32", "via", place.address(number, 2))
    controls = {
        Control.FAR_INSIDE: "10.50.1.1",
        Control.NEAR_INSIDE: "10.99.0.2",
        Control.GATEWAY: "192.0.2.1",
    }
    probe = PlannedProbe(
        name="stamp", type=ProbeType.STAMP, port=862, count=1, spacing_ms=10, timeout_ms=100, size=44
    )
    named = replace(check_of(probe, target=FAR), namespace="vpn", name="site-b", controls=controls)
    plan_file(tmp_path, named)
    host = Host(hops.near, tmp_path)
    for command in ("ipsecping diagnose 10.50.1.10", "ipsecping diagnose plan.json --check"):
        printed = host.type(shown(command, document="diagnosis.md").command)
        assert "No fault found in what was tested." in printed
        assert not {"FarInside", "NearInside", "Gateway", "IKE"} & set(printed.replace(",", " ").split())

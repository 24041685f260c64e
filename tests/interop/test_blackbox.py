"""blackbox_exporter's example modules and our probes side by side: what it finds of a server, they find.

Each module is asked about a server that is as it should be and about others that are not in one way each, and
so is the probe that docs/probes.md maps it to.
"""

import asyncio
import os
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ipsecping.contract import DnsOptions, PlannedProbe, ProbeType, RecordType
from ipsecping.contract.methods.dns import Transport

from ..peers import debian
from ..peers.openssl import openssl
from ..ports import free_port
from .blackbox_probes import SECONDS, ours, planned, succeeds
from .blackbox_servers import SERVERS, Pki, serving
from .peer_process import running

PACKAGE = "prometheus-blackbox-exporter"


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    made = Pki(*(tmp_path_factory.mktemp("pki") / f"{name}.pem" for name in Pki._fields))
    for file in made:
        openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9", "-subj", "/CN=a",
            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", file.with_suffix(".key"), "-out", file,
        )  # fmt: skip
    return made


class Blackbox:
    """A running blackbox_exporter."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def succeeds(self, module: str, target: str) -> bool:
        """Whether its probe of the target finds nothing wrong."""
        return await asyncio.to_thread(self._ask, module, target)

    def _ask(self, module: str, target: str) -> bool:
        address = f"http://127.0.0.1:{self._port}/probe?module={module}&target={target}"
        with urllib.request.urlopen(address, timeout=30) as answer:
            found = re.search(r"^probe_success ([01])$", answer.read().decode(), re.MULTILINE)
        assert found is not None
        return found[1] == "1"


def _examples(program: Path) -> dict[str, Any]:
    """The modules of the package's two examples."""
    folder = program.parents[1] / "share" / "doc" / PACKAGE / "examples"
    modules = dict[str, Any]()
    for name in ("blackbox.yml", "example.yml"):
        modules |= yaml.safe_load((folder / name).read_text())["modules"]
    return modules


def _at_home(modules: dict[str, Any], pki: Pki) -> dict[str, Any]:
    """The modules, with what is of no use on loopback replaced: names, and where certificates are."""
    for module in modules.values():
        module["timeout"] = f"{SECONDS}s"
        if module["prober"] == "dns":
            module["dns"] |= {"query_name": "far.example", "preferred_ip_protocol": "ip4"}
    modules["http_custom_ca_example"]["http"]["tls_config"]["ca_file"] = str(pki.trusted)
    modules["pop3s_banner"]["tcp"]["query_response"] = [{"expect": r"^\+OK"}]  # in the example a bare +
    # Its example asks for and forbids the same address.
    answer = {"fail_if_not_matches_regexp": [r"\tA\t192\.0\.2\.1$"]}
    modules["dns_udp_example"]["dns"] |= {
        "validate_answer_rrs": answer, "validate_authority_rrs": {}, "validate_additional_rrs": {},
    }  # fmt: skip
    return modules


@pytest.fixture(scope="module")
def blackbox(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Blackbox]:
    program = Path(debian.program(PACKAGE, PACKAGE))
    file = tmp_path_factory.mktemp("blackbox") / "blackbox.yml"
    file.write_text(yaml.safe_dump({"modules": _at_home(_examples(program), pki)}))
    port = free_port(socket.SOCK_STREAM)
    command = [str(program), f"--config.file={file}", f"--web.listen-address=127.0.0.1:{port}"]
    environment = {**os.environ, "SSL_CERT_FILE": str(pki.trusted)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            while process.poll() is None:
                with socket.socket() as trying:
                    if trying.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            else:
                pytest.fail(f"{program} ended with {process.returncode}")
            yield Blackbox(port)
        finally:
            process.kill()


def target_of(module: str, port: int) -> str:
    """As blackbox_exporter wants it."""
    if not module.startswith(("http", "redirected")):
        return f"127.0.0.1:{port}"
    return f"http{'s' if 'custom_ca' in module else ''}://127.0.0.1:{port}/"


BAD = [(module, name) for module, (_, bad) in SERVERS.items() for name in bad]


@pytest.mark.parametrize(("module", "name"), [*((module, None) for module in SERVERS), *BAD])
async def test_both_find_the_same_of_a_server(
    blackbox: Blackbox, pki: Pki, tmp_path: Path, module: str, name: str | None
) -> None:
    good, bad = SERVERS[module]
    theirs = "http_2xx" if module == "redirected" else module
    async with serving(good if name is None else bad[name], pki) as port:
        found = await blackbox.succeeds(theirs, target_of(module, port))
        assert await succeeds(ours(module, port, pki, tmp_path)) == found == (name is None)


@pytest.mark.parametrize("module", ["http_2xx", "tcp_connect_example", "tls_connect"])
async def test_both_miss_a_server_that_is_not_there(
    blackbox: Blackbox, pki: Pki, tmp_path: Path, module: str
) -> None:
    port = free_port(socket.SOCK_STREAM)
    assert not await blackbox.succeeds(module, target_of(module, port))
    assert not await succeeds(ours(module, port, pki, tmp_path))


async def test_both_are_answered_by_icmp(blackbox: Blackbox) -> None:
    if os.geteuid() != 0:
        pytest.skip("ICMP needs a raw or a ping socket")
    assert await blackbox.succeeds("icmp_example", "127.0.0.1")
    assert await succeeds(planned(ProbeType.ICMP, None, None, size=56))


RECORDS = {
    "good": ["--host-record=far.example,192.0.2.1", "--local=/example/"],
    "another address": ["--host-record=far.example,192.0.2.9", "--local=/example/"],
    "no such name": ["--local=/example/"],
}


@pytest.mark.parametrize("records", list(RECORDS))
async def test_both_find_the_same_of_a_name_server(blackbox: Blackbox, records: str) -> None:
    port = free_port(socket.SOCK_DGRAM)
    command = [
        debian.program("dnsmasq", "dnsmasq-base"), "--no-daemon", "--conf-file=/dev/null", f"--port={port}",
        "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--no-hosts", "--user=",
    ]  # fmt: skip

    def asking(**more: Any) -> PlannedProbe:
        return planned(ProbeType.DNS, DnsOptions(query="far.example", **more), port)

    probes = {
        "dns_udp_example": asking(networks=("192.0.2.1/32",)),
        "dns_tcp_example": asking(transport=Transport.TCP),
    }
    with running(*command, *RECORDS[records], ready="started"):
        for module, probe in probes.items():
            found = await blackbox.succeeds(module, f"127.0.0.1:{port}")
            assert await succeeds(probe) == found, module
            wanted = records == "good" or (records == "another address" and module == "dns_tcp_example")
            assert found == wanted
        if records == "no such name":
            assert not await blackbox.succeeds("dns_soa", f"127.0.0.1:{port}")
            assert not await succeeds(asking(record_type=RecordType.SOA))

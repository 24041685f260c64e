"""The DNS probe against dnsmasq and unbound."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from ipsecping.cli.run import measure
from ipsecping.contract import (
    DnsOptions,
    LossReason,
    Plan,
    PlannedProbe,
    ProbeType,
    RecordType,
    RoundResult,
)

from ..peers import debian
from ..plans import check_of
from ..ports import free_port
from .peer_process import running

UNBOUND = """
server:
  interface: 127.0.0.1
  port: {port}
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  module-config: "iterator"
  verbosity: 1
  local-zone: "example." static
  local-data: "far.example. 60 IN A 192.0.2.1"
  local-data: "far.example. 60 IN AAAA 2001:db8::1"
  local-data: 'far.example. 60 IN TXT "text"'
remote-control:
  control-enable: no
"""


def dnsmasq(port: int, folder: Path) -> AbstractContextManager[None]:
    return running(
        debian.program("dnsmasq", "dnsmasq-base"), "--no-daemon", "--conf-file=/dev/null", f"--port={port}",
        "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--no-hosts", "--user=",
        "--local=/example/", "--host-record=far.example,192.0.2.1,2001:db8::1",
        "--txt-record=far.example,text", ready="started",
    )  # fmt: skip


def unbound(port: int, folder: Path) -> AbstractContextManager[None]:
    file = folder / "unbound.conf"
    file.write_text(UNBOUND.format(port=port, folder=folder))
    return running(debian.program("unbound", "unbound"), "-d", "-c", str(file), ready="start of service")


@pytest.fixture(params=[dnsmasq, unbound], ids=["dnsmasq", "unbound"])
def port(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    number = free_port(socket.SOCK_DGRAM)
    with request.param(number, tmp_path):
        yield number


def ask(port: int, query: str, record_type: RecordType = RecordType.A) -> RoundResult:
    probe = PlannedProbe(
        name="p", type=ProbeType.DNS, count=5, spacing_ms=20, timeout_ms=10_000, size=0, port=port,
        options=DnsOptions(query=query, record_type=record_type),
    )  # fmt: skip
    check = check_of(probe)
    (result,) = asyncio.run(measure(Plan(checks=(check,))))
    return result


@pytest.mark.parametrize("record_type", [RecordType.A, RecordType.AAAA, RecordType.TXT])
def test_a_record_that_is_there_is_an_answer(port: int, record_type: RecordType) -> None:
    result = ask(port, "Far.Example.", record_type)
    assert (result.received, result.rtt.count, result.losses) == (5, 5, {})


def test_a_name_that_is_not_there_is_an_unexpected_status(port: int) -> None:
    assert ask(port, "gone.example").losses == {LossReason.UNEXPECTED_STATUS: 5}


def test_a_name_without_such_a_record_is_an_unexpected_status(port: int) -> None:
    assert ask(port, "far.example", RecordType.MX).losses == {LossReason.UNEXPECTED_STATUS: 5}

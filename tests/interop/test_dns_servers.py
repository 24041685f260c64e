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
{more}
remote-control:
  control-enable: no
"""


RECORDS = {
    "CNAME": "far.example.",
    "MX": "10 Mail.CNAME.example.",
    "NS": "ns.NS.example.",
    "PTR": "Far.example.",
    "SOA": "ns.SOA.example. host.SOA.example. 1 3600 600 86400 60",
    "SRV": "0 5 500 far.example.",
    "CAA": '0 issue "ca.example"',
    "DNSKEY": "257 3 13 AQIDBA==",
    "DS": "60485 13 2 AABBCCDDEEFF00112233445566778899AABBCCDDEEFF00112233445566778899",
    "NAPTR": '100 10 "u" "E2U+sip" "!^.*$!sip:a@b!" .',
    "TLSA": "3 1 1 AABBCCDDEEFF00112233445566778899AABBCCDDEEFF00112233445566778899",
    "HTTPS": "1 . alpn=h2,h3 port=443 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1",
    "SVCB": "0 far.example.",
}
"""One record of each further type, of a name that is called as the type."""


def dnsmasq(port: int, folder: Path) -> AbstractContextManager[None]:
    return running(
        debian.program("dnsmasq", "dnsmasq-base"), "--no-daemon", "--conf-file=/dev/null", f"--port={port}",
        "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--no-hosts", "--user=",
        "--local=/example/", "--host-record=far.example,192.0.2.1,2001:db8::1",
        "--txt-record=far.example,text", ready="started",
    )  # fmt: skip


def unbound(port: int, folder: Path) -> AbstractContextManager[None]:
    file = folder / "unbound.conf"
    more = "\n".join(f"  local-data: '{kind}.example. 60 IN {kind} {data}'" for kind, data in RECORDS.items())
    file.write_text(UNBOUND.format(port=port, folder=folder, more=more))
    return running(debian.program("unbound", "unbound"), "-d", "-c", str(file), ready="start of service")


@pytest.fixture(params=[dnsmasq, unbound], ids=["dnsmasq", "unbound"])
def port(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    number = free_port(socket.SOCK_DGRAM)
    with request.param(number, tmp_path):
        yield number


def ask(
    port: int, query: str, record_type: RecordType = RecordType.A, answers: tuple[str, ...] = ()
) -> RoundResult:
    probe = PlannedProbe(
        name="p", type=ProbeType.DNS, count=5, spacing_ms=20, timeout_ms=10_000, size=0, port=port,
        options=DnsOptions(query=query, record_type=record_type, answers=answers),
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


@pytest.mark.parametrize("kind", list(RECORDS))
def test_what_a_zone_file_says_of_a_record_is_what_its_server_answers(tmp_path: Path, kind: str) -> None:
    number, record_type = free_port(socket.SOCK_DGRAM), RecordType(kind)
    with unbound(number, tmp_path):
        assert ask(number, f"{kind}.example", record_type, (RECORDS[kind],)).losses == {}

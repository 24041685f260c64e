"""The probe that the options of `ipsecping ping` make."""

import argparse

import pytest

from ipsecping.cli import ping
from ipsecping.cli.errors import CommandError
from ipsecping.cli.ping_probe import probe_from
from ipsecping.contract import (
    DnsOptions,
    HttpOptions,
    Options,
    ProbeType,
    RecordType,
    StampOptions,
    TcpOptions,
    TlsOptions,
)
from ipsecping.contract.methods.dns import Rcode, Transport
from ipsecping.contract.methods.http import ConnectTo, Header, Method
from ipsecping.contract.methods.tcp import StartTls, Step


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    ping.add_arguments(parser)
    return parser.parse_args(["10.0.0.1", *words])


@pytest.mark.parametrize(
    ("words", "kind", "port", "size", "options"),
    [
        ("", ProbeType.ICMP, None, 56, None),
        ("--stamp 862", ProbeType.STAMP, 862, 56, StampOptions()),
        ("--udp-echo 7 -s 100", ProbeType.UDP_ECHO, 7, 100, None),
        ("--tcp 22", ProbeType.TCP, 22, 0, TcpOptions()),
        ("--tcp 443 --tls", ProbeType.TCP, 443, 0, TcpOptions(tls=TlsOptions())),
        (
            "--tcp 443 --tls --insecure --server-name a --ca-file b",
            ProbeType.TCP,
            443,
            0,
            TcpOptions(tls=TlsOptions(server_name="a", ca_file="b", verify=False)),
        ),
        (
            "--tcp 25 --tls --starttls SMTP --send a\\r\\n --expect ^250",
            ProbeType.TCP,
            25,
            0,
            TcpOptions(
                tls=TlsOptions(), start_tls=StartTls.SMTP, steps=(Step(None, "a\r\n"), Step("^250", None))
            ),
        ),
        ("--tcp 443 --tls --tls-strict", ProbeType.TCP, 443, 0, TcpOptions(tls=TlsOptions(strict=True))),
        (
            "--http http://a/b",
            ProbeType.HTTP,
            None,
            0,
            HttpOptions(url="http://a/b", connect_to=ConnectTo.TARGET),
        ),
        (
            "--http https://a/ --user u --password-file f --method POST --data x --header A:b "
            "--body-matches ok",
            ProbeType.HTTP,
            None,
            0,
            HttpOptions(
                url="https://a/",
                connect_to=ConnectTo.TARGET,
                method=Method.POST,
                body="x",
                headers=(Header("A", "b"),),
                username="u",
                password_file="f",
                body_matches=("ok",),
            ),
        ),
        (
            "--http https://a/ --insecure",
            ProbeType.HTTP,
            None,
            0,
            HttpOptions(url="https://a/", connect_to=ConnectTo.TARGET, tls=TlsOptions(verify=False)),
        ),
        ("--dns a.example", ProbeType.DNS, 53, 0, DnsOptions(query="a.example")),
        (
            "--dns a.example --dns-tcp --rcode NXDOMAIN --answer-in 10.0.0.0/8 --edns-size 1232",
            ProbeType.DNS,
            53,
            0,
            DnsOptions(
                query="a.example",
                transport=Transport.TCP,
                rcodes=(Rcode.NXDOMAIN,),
                networks=("10.0.0.0/8",),
                edns_size=1232,
            ),
        ),
        (
            "--dns a.example/aaaa --dns-port 5353",
            ProbeType.DNS,
            5353,
            0,
            DnsOptions(query="a.example", record_type=RecordType.AAAA),
        ),
    ],
)
def test_options_make_a_probe(
    words: str, kind: ProbeType, port: int | None, size: int, options: Options | None
) -> None:
    probe = probe_from(parse(*words.split(), "--dscp", "46"))
    assert (probe.type, probe.port, probe.size, probe.options) == (kind, port, size, options)
    assert probe.dscp == 46


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--tls", "--tcp PORT"),
        ("--tcp 22 --insecure", "go with --tls or --http"),
        ("--tcp 22 --tls-strict", "go with --tls or --http"),
        ("--http https://a/ --tls-strict --insecure", "leave out --tls-strict"),
        ("--tcp 22 -s 100", "no payload"),
        ("--stamp 862 -s 20", "44 to 65507"),
        ("--tcp 80 --gzip", "--gzip goes with --http"),
        ("--http http://a/ --user u --password-file f", "credentials need an https URL"),
        ("--http http://a/ --header Authorization:x", "is written by the prober"),
        ("--http http://a/ --body-matches (", "without its"),
        ("--expect a", "go with --tcp"),
        ("--tcp 25 --starttls SMTP", "goes with --tls"),
        ("--tcp 443 --tls --client-key f", "--client-certificate"),
        ("--http ftp://a/", "http:// or https://"),
        ("--dns a..b", "not a domain name"),
        ("--tcp 53 --dns-tcp", "goes with --dns"),
        ("--dns a/TXT --answer-in 10.0.0.0/8", "only A and AAAA"),
        ("--dns a/bogus", "not one of A, AAAA"),
        ("-i 1ms", "shortest interval"),
    ],
)
def test_options_that_make_no_sense_are_refused_with_a_reason(words: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        probe_from(parse(*words.split()))


@pytest.mark.parametrize("words", [["--dscp", "64"], ["--dscp", "ef"], ["--tcp", "0"]])
def test_values_out_of_range_are_refused(words: list[str]) -> None:
    with pytest.raises(argparse.ArgumentError, match="is not"):
        parse(*words)


@pytest.mark.parametrize(
    ("words", "flows", "port", "interval"),
    [
        ("--stamp 862", 1, None, 1000),
        ("--stamp 862 --flows 8", 8, None, 1000),
        ("--udp-echo 7 --flows 2 --source-port 65534", 2, 65_534, 1000),
        ("--tcp 22 --flows 16", 16, None, 2250),
        ("--tcp 22 --flows 16 -W 100ms", 16, None, 1000),
        ("--tcp 22 --flows 2 -W 100ms -i 350ms --source-port 4000", 2, 4000, 350),
    ],
)
def test_flows(words: str, flows: int, port: int | None, interval: int) -> None:
    made = probe_from(parse(*words.split()))
    assert (made.flows, made.source_port, made.spacing_ms) == (flows, port, interval)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--flows 2", "--flows: ICMP has no source ports to choose"),
        ("--dns a.example/A --flows 2", "--flows: DNS has no source ports to choose"),
        ("--stamp 862 --flows 2 --source-port 65535", "there are no 2 ports from there on"),
        ("--tcp 22 --flows 2 -i 2249ms", "with --flows at least 2250ms"),
        ("--tcp 22 --source-port 4000", "TCP has no port of its own to fix without --flows"),
    ],
)
def test_flows_that_cannot_be(words: str, says: str) -> None:
    with pytest.raises(CommandError, match=says):
        probe_from(parse(*words.split()))


@pytest.mark.parametrize("number", ["0", "17", "x", "-1", "1e1"])
def test_a_number_of_flows_is_from_1_to_16(number: str) -> None:
    with pytest.raises(argparse.ArgumentError, match="is not a number of flows"):
        parse("--stamp", "862", f"--flows={number}")

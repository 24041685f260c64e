"""Line protocol, read back by a parser of its own, and the write API's address and token."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ipsecping.contract import Addresses
from ipsecping.outputs import influx
from ipsecping.outputs.errors import OutputError
from ipsecping.outputs.figures import LABELS, fields
from ipsecping.outputs.http import parse_url

from .results import NOON, check, invalid, measured


def parse(line: str) -> tuple[str, dict[str, str], dict[str, object], int]:
    """A line after the rules of the InfluxDB v2 reference; not made from the code under test."""
    match = re.fullmatch(r"((?:\\.|[^ \\])+) (.*) ([0-9]+)", line)
    assert match, line
    series, body, stamp = match.groups()
    measurement, *pairs = re.split(r"(?<!\\),", series)
    tags = {}
    for pair in pairs:
        name, value = re.split(r"(?<!\\)=", pair)
        tags[name] = re.sub(r"\\([,= ])", r"\1", value)
    figures = re.findall(r'([a-z0-9_]+)=("(?:\\.|[^"\\])*"|[^," ]+)(?:,|$)', body)
    assert ",".join(f"{name}={value}" for name, value in figures) == body
    return measurement, tags, {name: value_of(text) for name, text in figures}, int(stamp)


def value_of(text: str) -> object:
    if text.startswith('"'):
        return re.sub(r'\\(["\\])', r"\1", text[1:-1])
    return int(text[:-1]) if text.endswith("i") else float(text)


def test_a_result_is_one_line() -> None:
    assert influx.line(measured(rtt=measured().result.rtt)) == (
        "ipsecping,check=hq-dc1,namespace=network,path=primary,probe=datapath,target=203.0.113.10,"
        'tunnel_name=hq-dc1,type=STAMP clock="Kernel",remote_ip="203.0.113.10",duration_seconds=1.5,'
        "sent=10i,received=9i,lost=1i,loss_ratio=0.1,forward_lost=0i,reverse_lost=1i,duplicates=0i,"
        "reordered=0i,lost_timeout=1i,rtt_min_seconds=0.012,rtt_mean_seconds=0.012,rtt_p50_seconds=0.012,"
        "rtt_p90_seconds=0.012,rtt_p99_seconds=0.012,rtt_max_seconds=0.012,jitter_seconds=0.0005 "
        "1795608000000000000"
    )


def test_the_line_says_what_the_result_says() -> None:
    each = measured()
    assert parse(influx.line(each)) == ("ipsecping", each.labels, fields(each.result), NOON)


def test_an_invalid_round_is_a_row_of_its_own_kind() -> None:
    _, _, figures, _ = parse(influx.line(invalid()))
    assert figures["invalid"] == "CPUThrottled"
    assert "loss_ratio" not in figures


# Characters that the protocol gives a meaning, and some that it does not.
AWKWARD = st.text(st.sampled_from('a,= "é#/'), min_size=1, max_size=12)


@given(name=AWKWARD, tunnel=AWKWARD, address=st.text(st.sampled_from('a,= "\\é'), min_size=1))
def test_awkward_names_come_through(name: str, tunnel: str, address: str) -> None:
    each = measured(check(name=name, tunnel_name=tunnel), remote_ip=address)
    _, tags, figures, _ = parse(influx.line(each))
    assert (tags["check"], tags["tunnel_name"]) == (name, tunnel)
    assert figures["remote_ip"] == address


@example("\\")
@example("\\ ")
@example("a\\\\,b")
@given(st.text(min_size=1, max_size=8))
def test_no_name_breaks_out_of_its_line(name: str) -> None:
    line = influx.line(measured(check(target=name)))
    assert len(line.splitlines()) == 1
    _, tags, _, stamp = parse(line)
    assert (set(tags), stamp) == (set(LABELS), NOON)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://h:8086?org=o&bucket=b", "/api/v2/write"),
        ("http://h:8086/?bucket=b&orgID=1&precision=ns", "/api/v2/write"),
        ("https://h/influx/api/v2/write?org=my%20org&bucket=b", "/influx/api/v2/write"),
        ("http://h:8086?db=tunnels", "/write"),
        ("http://h:8428/write?db=tunnels", "/write"),
        ("http://h/insert/0/influx/write?db=tunnels&rp=month", "/insert/0/influx/write"),
    ],
)
def test_the_write_apis_path_may_be_left_out(url: str, path: str) -> None:
    target = influx.parse_write_url(url)
    assert target.path == path
    assert target.query.endswith("precision=ns")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://h:8086", r"\?org=ORG&bucket=BUCKET"),
        ("http://h?org=o", "bucket"),
        ("http://h/write", "db=DATABASE"),
        ("http://h/write?db=x&u=me&p=secret", "name a file"),
        ("http://h/write?db=x&precision=ms", "times are in ns"),
        ("http://h?org=o&bucket=b&precision=s", "times are in ns"),
        ("http://user:secret@h?org=o&bucket=b", "leave it out"),
        ("http://user:secret/x@h?org=o&bucket=b", "port is none"),
        ("http://us\u2100er:secret@h", "not a URL"),
        ("http://h/secret/path", "say where to"),
        ("ftp://secret@h/secret?secret", "leave it out"),
        ("ftp://h/secret?secret", "not a URL"),
        ("http://h/secret x", "%20"),
        ("ftp://h", "not a URL"),
        ("h:9091", "not a URL"),
        ("http://h:99999", "not a URL"),
        ("http://h/a b", "%20"),
        ("http://h/\r\nX: y", "not a URL|%20"),
    ],
)
def test_a_wrong_address_is_refused_with_the_remedy(url: str, says: str) -> None:
    with pytest.raises(OutputError, match=says) as refused:
        influx.parse_write_url(url)
    assert "secret" not in str(refused.value)


def test_an_ipv6_address_is_written_as_a_url_has_it() -> None:
    assert str(parse_url("http://[2001:db8::1]:9091/")) == "http://[2001:db8::1]:9091"


def test_each_address_is_a_series_of_its_own_and_no_key_is_both_tag_and_field() -> None:
    of_many = measured(check(target="many.example", addresses=Addresses.ALL), addresses=2)
    tags, fields, _ = influx.line(of_many).split(" ")
    assert ",remote_ip=203.0.113.10," in tags
    assert "remote_ip" not in fields

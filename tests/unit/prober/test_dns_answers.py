"""Records that a DNS probe expects, of each type: as people write them, and as they come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract import ContractError, DnsOptions, LossReason, ProbeType, RecordType, RoundResult
from ipsecping.contract.methods.dns_text import LAYOUTS, canonical
from ipsecping.probes.dns import Expectation
from ipsecping.wire import dns

from .dns_responders import response, udp_server
from .far_ends import measure, probe

# Type, data on the wire in which c00c points to a.example, and two ways to write it.
RECORDS = [
    (RecordType.A, "c0000201", "192.0.2.1", " 192.0.2.1 "),
    (RecordType.AAAA, "20010db8" + "00" * 11 + "01", "2001:db8::1", "2001:DB8:0:0::1"),
    (RecordType.CNAME, "0162 c00c", "b.a.example", "B.A.Example."),
    (RecordType.NS, "026e73 c00c", "ns.a.example", "NS.a.example."),
    (RecordType.PTR, "00", ".", "."),
    (RecordType.MX, "000a 046d61696c c00c", "10 mail.a.example", "010 Mail.A.example."),
    (
        RecordType.SOA,
        "026e73c00c 04686f7374c00c 00000001 00000e10 00000258 00015180 0000003c",
        "ns.a.example host.a.example 1 3600 600 86400 60",
        "ns.a.example. HOST.a.example. 1 3600 600 86400 60",
    ),
    (RecordType.SRV, "0000 0005 01f4 0167 c00c", "0 5 500 g.a.example", "0 5 500 G.a.example."),
    (RecordType.TXT, "0876 3d737066 31202d 03616c6c", "v=spf1 -all", '"v=spf1 -" "all"'),
    (RecordType.TXT, "02 5c22", '"\\\\\\""', '"\\092\\034"'),
    (RecordType.CAA, "00 05 6973737565 63612e6578", '0 issue "ca.ex"', "0 ISSUE ca.ex"),
    (RecordType.DNSKEY, "0101 03 0d 010203", "257 3 13 AQID", "257 3 13 AQ ID"),
    (RecordType.DS, "ec45 0d 02 aabb", "60485 13 2 aabb", "60485 13 2 AA BB"),
    (RecordType.TLSA, "03 01 01 aabb", "3 1 1 aabb", "3 1 1 AABB"),
    (
        RecordType.NAPTR,
        "0064 000a 0175 07 4532552b736970 00 0473697073 c00c",
        '100 10 "u" "E2U+sip" "" sips.a.example',
        '100 10 u E2U+sip "" SIPS.a.example.',
    ),
    (
        RecordType.HTTPS,
        "0001 00 0000 0004 0001 0003 0001 0006 0268320268 33 0003 0002 01bb 0004 0004 c0000201",
        "1 . mandatory=alpn,port alpn=h2,h3 port=443 ipv4hint=192.0.2.1",
        '1 . port="443" ipv4hint=192.0.2.1 alpn="h2,h3" mandatory=alpn,port',
    ),
    (RecordType.SVCB, "0000 c00c", "0 a.example", "0 A.example."),
]
ANOTHER = {
    RecordType.A: "192.0.2.2", RecordType.AAAA: "2001:db8::2", RecordType.CNAME: "a.example",
    RecordType.NS: "n.a.example", RecordType.PTR: "a.example", RecordType.MX: "20 mail.a.example",
    RecordType.SOA: "ns.a.example host.a.example 2 3600 600 86400 60", RecordType.SRV: "0 5 501 g.a.example",
    RecordType.TXT: "v=spf1 +all", RecordType.CAA: '128 issue "ca.ex"', RecordType.DNSKEY: "257 3 13 AQIE",
    RecordType.DS: "60485 13 2 aabbcc", RecordType.TLSA: "3 1 2 aabb",
    RecordType.NAPTR: "100 10 u E2U+sip y sips.a.example", RecordType.HTTPS: "1 . alpn=h2,h3",
    RecordType.SVCB: "1 a.example",
}  # fmt: skip


def answering(kind: RecordType, data: str) -> bytes:
    """A response with one record of these data."""
    asked = dns.question("a.example", kind.value)
    query = dns.pack_query(asked, 1)
    rdata = bytes.fromhex(data)
    head = b"\xc0\x0c" + dns.TYPES[kind.value].to_bytes(2, "big") + bytes.fromhex("0001 0000003c")
    return response(query, records=head + len(rdata).to_bytes(2, "big") + rdata, count=1)


def judged(kind: RecordType, data: str, *answers: str) -> LossReason | None:
    options = {"query": "a.example", "recordType": kind.value, "answers": list(answers)}
    read = dns.parse_response(answering(kind, data))
    assert read is not None
    return Expectation(DnsOptions.from_json(options, "dns")).failure(read, 1)


def test_every_type_that_can_be_asked_for_has_a_text() -> None:
    assert set(LAYOUTS) == {each.value for each in RecordType} == {each.value for each, *_ in RECORDS}


@pytest.mark.parametrize(("kind", "data", "one", "other"), RECORDS)
def test_a_record_is_the_expected_one_however_that_is_written(
    kind: RecordType, data: str, one: str, other: str
) -> None:
    assert canonical(kind.value, one) == canonical(kind.value, other)
    for text in (one, other):
        assert judged(kind, data, text) is None


@pytest.mark.parametrize(("kind", "data", "one", "other"), RECORDS)
def test_another_record_is_not_the_expected_one_and_a_mangled_one_is_none(
    kind: RecordType, data: str, one: str, other: str
) -> None:
    assert judged(kind, data, ANOTHER[kind]) is LossReason.UNEXPECTED_STATUS
    raw = bytes.fromhex(data)
    for cut in range(len(raw)):
        assert judged(kind, raw[:cut].hex(), one) is not None


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("A", "192.0.2"), ("AAAA", "192.0.2.1"), ("MX", "mail.example"), ("MX", "70000 mail.example"),
        ("MX", "10 mail.example more"), ("CNAME", "a..b"), ("CNAME", "a" * 64), ("CNAME", ""),
        ("DS", "1 2 3 xyz"), ("DNSKEY", "1 2 3 !"), ("HTTPS", "1 . what=1"), ("HTTPS", "1 . alpn="),
        ("TXT", '"open'),
        ("TXT", "t\u00e4xt"), ("TXT", '"\\256"'), ("TXT", "x" * 513), ("SOA", "a b 1 2 3 4"),
    ],
)  # fmt: skip
def test_what_is_no_record_is_refused_with_its_place(kind: str, text: str) -> None:
    with pytest.raises(ContractError, match=rf"^dns\.answers\[0\]: .* is no {kind} record: "):
        DnsOptions.from_json({"query": "a", "recordType": kind, "answers": [text]}, "dns")


@given(kind=st.sampled_from(RecordType), data=st.binary(max_size=60))
def test_whatever_data_come_are_judged(kind: RecordType, data: bytes) -> None:
    judged(kind, data.hex(), RECORDS[[each for each, *_ in RECORDS].index(kind)][2])


@given(kind=st.sampled_from(sorted(LAYOUTS)), text=st.text(max_size=60))
def test_whatever_is_written_is_read_or_refused_and_reads_the_same_again(kind: str, text: str) -> None:
    try:
        found = canonical(kind, text)
    except ValueError:
        return
    assert canonical(kind, found) == found


async def test_all_records_of_the_answer_must_be_among_the_expected() -> None:
    both = answering(RecordType.A, "c0000201")[12 + 15 :] + answering(RecordType.A, "c0000202")[12 + 15 :]

    async def asked(*answers: str) -> RoundResult:
        async with udp_server(lambda query: [response(query, records=both, count=2)]) as port:
            options = DnsOptions(query="a.example", answers=answers)
            return await measure(probe(ProbeType.DNS, port=port, options=options))

    assert (await asked("192.0.2.1")).losses == {LossReason.UNEXPECTED_STATUS: 3}
    assert (await asked("192.0.2.2", "192.0.2.1", "192.0.2.3")).received == 3

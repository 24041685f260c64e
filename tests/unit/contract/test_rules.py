"""One set of rules for a result, as it is made and as it is read."""

import json
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract import (
    METHODS,
    Audit,
    AuditFinding,
    CheckRef,
    ClockSource,
    ContractError,
    Histogram,
    Invalidity,
    LossReason,
    PathMtu,
    ProbeType,
    RoundResult,
    Sources,
    check_result,
    result_from_json,
    result_to_json,
)
from ipsecping.contract.bounds import (
    MAX_COUNT,
    MAX_DURATION,
    MAX_EXPIRY,
    MAX_INSTANT,
    MAX_INTEGER,
    MAX_RTT,
    MAX_TEXT,
)
from ipsecping.contract.check import LOSS_REASONS
from ipsecping.contract.figure import figures_by_name
from ipsecping.contract.result_stream import MAX_LINE, Item, line_to_json
from ipsecping.rounds.hand_out import HandOut, refused

from ...result_figures import keywords, sources_of
from .strategies import results

REF = CheckRef(uid="u", namespace="n", name="c", generation=1, nonce="x", path="default")
GOOD = RoundResult(
    check=REF, probe="p", type=ProbeType.STAMP, started_at=1, duration=1, sent=3, received=2,
    losses=MappingProxyType({LossReason.TIMEOUT: 1}), rtt=Histogram.of([10, 30]), jitter_sum=20,
    jitter_count=1, clock=ClockSource.KERNEL, remote_ip="10.0.0.1",
    figures=figures_by_name(Sources.of({"10.0.0.2": 2})),
)  # fmt: skip
RTT = GOOD.rtt

WRONG: list[tuple[str, dict[str, Any]]] = [
    ("startedAt", {"started_at": -1}),
    ("startedAt", {"started_at": MAX_INSTANT + 1}),
    ("duration", {"duration": -1}),
    ("duration", {"duration": MAX_DURATION + 1}),
    ("sent", {"sent": MAX_COUNT + 1, "losses": {LossReason.TIMEOUT: MAX_COUNT - 1}}),
    ("received", {"received": 4}),
    ("received", {"received": -1}),
    ("losses", {"losses": {LossReason.TIMEOUT: 2}}),
    ("losses", {"losses": {LossReason.TIMEOUT: 2, LossReason.REFUSED: -1}}),
    ("losses", {"losses": {LossReason.TIMEOUT: 1, LossReason.REFUSED: 0}}),
    ("sent", {"sent": 0, "received": 0, "losses": {}}),
    ("duplicates", {"duplicates": 10**9 + 1}),
    ("duplicates", {"duplicates": -1}),
    ("reordered", {"reordered": 3}),
    ("forwardLost", {"forward_lost": 1}),
    ("forwardLost", {"reverse_lost": 1}),
    ("forwardLost", {"forward_lost": 1, "reverse_lost": 1}),
    ("reverseLost", {"forward_lost": 0, "reverse_lost": -1}),
    ("forwardLost", {"forward_lost": 0, "reverse_lost": 1, "type": ProbeType.ICMP, "sources": {}}),
    ("minForwardLost", {"min_forward_lost": 2}),
    ("minReverseLost", {"min_forward_lost": 1, "min_reverse_lost": 1}),
    ("minReverseLost", {"min_reverse_lost": -1}),
    ("minForwardLost", {"min_reverse_lost": 1, "forward_lost": 0, "reverse_lost": 1}),
    ("minForwardLost", {"min_forward_lost": 1, "type": ProbeType.ICMP, "sources": {}}),
    ("rtt", {"rtt": Histogram.of([1, 2, 3])}),
    ("rtt.max", {"rtt": Histogram.of([MAX_RTT + 1])}),
    ("rtt.sum", {"rtt": replace(RTT, sum=61)}),
    ("rtt.buckets", {"rtt": replace(RTT, counts={})}),
    ("rtt.buckets", {"rtt": replace(RTT, counts={10: 1})}),
    ("rtt.buckets", {"rtt": replace(RTT, counts={11: 1, 30: 1})}),
    ("rtt", {"rtt": replace(RTT, min=None)}),
    ("rtt.precision", {"rtt": replace(RTT, precision=11)}),
    ("jitterSum", {"jitter_sum": 21}),
    ("jitterSum", {"jitter_count": 0}),
    ("jitterCount", {"jitter_count": 2}),
    ("clock", {"sent": 1, "received": 0, "rtt": Histogram(), "jitter_sum": 0, "jitter_count": 0}),
    ("remoteIP", {"remote_ip": "\ud800"}),
    ("remoteIP", {"remote_ip": "far.example"}),
    ("remoteIP", {"remote_ip": "fe80::1%\n"}),
    ("remoteIP", {"remote_ip": "fe80::1%" + "e" * 16}),
    ("remoteIP", {"remote_ip": "2001:db8::1%eth0"}),
    ("remoteIP", {"remote_ip": ""}),
    ("remoteIP", {"remote_ip": None, "addresses": 1}),
    ("remoteIP", {"remote_ip": None, "address_age": 1}),
    ("addresses", {"addresses": 0}),
    ("addresses", {"addresses": 10_001}),
    ("addressAge", {"address_age": -1}),
    ("addressAge", {"address_age": MAX_DURATION + 1}),
    ("sources", {"sources": {"10.0.0.2": 3}}),
    ("sources", {"sources": {"10.0.0.2": 0}}),
    ("sources", {"sources": {"fe80::1%eth0": 1}}),
    ("sources", {"sources": {"2001:DB8::1": 1, "2001:db8::1": 1}}),
    ("sources", {"type": ProbeType.ICMP}),
    ("runNow", {"run_now": "a\nb"}),
    ("runNow", {"run_now": ""}),
    ("probe", {"probe": "\x1b[31m"}),
    ("uid", {"check": replace(REF, uid="u" * (MAX_TEXT + 1))}),
    ("path", {"check": replace(REF, path="")}),
    ("namespace", {"check": replace(REF, namespace="\u202e")}),
    ("generation", {"check": replace(REF, generation=MAX_INTEGER + 1)}),
    ("certificateExpiry", {"type": ProbeType.TCP, "certificate_expiry": -1, "sources": {}}),
    ("certificateExpiry", {"type": ProbeType.TCP, "certificate_expiry": MAX_EXPIRY + 1, "sources": {}}),
    ("certificateExpiry", {"certificate_expiry": 1}),
    ("nat", {"nat": True}),
    ("unanswered", {"unanswered": {500: LossReason.TIMEOUT}}),
    ("unanswered", {"type": ProbeType.IKE, "unanswered": {65_536: LossReason.TIMEOUT}, "sources": {}}),
    ("pathMTU", {"path_mtu": PathMtu(forward=1400, reverse=None, too_big=False)}),
    ("audit", {"audit": Audit(found=(AuditFinding.SHORT,))}),
    *(
        ("audit", {"type": ProbeType.AUDIT, "sources": {}, "audit": audit})
        for audit in (
            Audit(),
            Audit(found=(AuditFinding.SHORT,), closed=(AuditFinding.SHORT,)),
            Audit(not_tested=(AuditFinding.SHORT, AuditFinding.SHORT)),
        )
    ),
    (
        "audit",
        {
            "type": ProbeType.AUDIT,
            "sources": {},
            "audit": Audit(closed=(AuditFinding.SHORT,)),
            "sent": 1,
            "received": 0,
            "reordered": 0,
            "duplicates": 0,
            "clock": ClockSource.USER,
            "losses": {LossReason.TIMEOUT: 1},
            "rtt": Histogram(),
            "jitter_sum": 0,
            "jitter_count": 0,
            "forward_lost": None,
            "reverse_lost": None,
        },
    ),
]
WRONG += [
    (
        "pathMTU",
        {
            "type": ProbeType.PATH_MTU,
            "sources": {},
            "path_mtu": PathMtu(forward=forward, reverse=reverse, too_big=False),
        },
    )
    for forward, reverse in ((67, None), (65_536, None), (1400, 1401), (1400, 0), (None, 1400))
]
WRONG += [
    (
        "pathMTU",
        {
            "type": ProbeType.PATH_MTU,
            "sources": {},
            "path_mtu": PathMtu(forward=size, reverse=None, too_big=told, too_big_from="10.99.0.2"),
        },
    )
    for size, told in ((1400, False), (None, True))
]


@pytest.mark.parametrize(("field", "changed"), WRONG, ids=lambda value: str(value)[:40])
def test_what_breaks_a_rule_is_refused_on_both_sides_and_replaced_by_what_is_accepted(
    field: str, changed: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    check_result(GOOD)
    wrong = replace(GOOD, **keywords(changed, GOOD.figures))
    for look in (lambda: check_result(wrong), lambda: result_from_json(result_to_json(wrong))):
        with pytest.raises(ContractError, match=rf"^result\.{field}[.:]"):
            look()
    handed_out = HandOut()(wrong)
    assert (handed_out.check, handed_out.probe, handed_out.type) == (wrong.check, wrong.probe, wrong.type)
    assert handed_out.invalid is Invalidity.RESULT_REFUSED
    assert f"result.{field}" in caplog.text
    if field not in ("uid", "path", "namespace", "generation", "probe"):  # those are the plan's
        check_result(handed_out)


def test_what_is_wrong_with_a_probe_is_said_once_until_it_has_been_right_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hand_out = HandOut()
    for wrong in (11, 12, 13):
        hand_out(replace(GOOD, received=wrong))
    hand_out(replace(GOOD, duration=-1))
    assert hand_out(GOOD) is GOOD
    hand_out(replace(GOOD, duration=-1))
    assert [record.message.partition("result.")[2][:8] for record in caplog.records] == [
        "received", "duration", "duration",
    ]  # fmt: skip


VALUES: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(
        (
            "started_at",
            "duration",
            "sent",
            "received",
            "duplicates",
            "reordered",
            "min_forward_lost",
            "min_reverse_lost",
            "jitter_sum",
            "jitter_count",
        ),
        st.integers(-(2**70), 2**70) | st.integers(-1, 30),
    ),
    **dict.fromkeys(
        ("forward_lost", "reverse_lost", "certificate_expiry"),
        st.none() | st.integers(-(2**40), 2**40) | st.integers(0, 30),
    ),
    **dict.fromkeys(("addresses", "address_age"), st.none() | st.integers(-1, 2**70)),
    "remote_ip": st.none() | st.text(max_size=8) | st.ip_addresses().map(str),
    "run_now": st.none() | st.text(max_size=4),
    "nat": st.none() | st.booleans(),
    "rtt": st.lists(st.integers(0, 2**70), max_size=5).map(Histogram.of),
    "losses": st.dictionaries(st.sampled_from(list(LOSS_REASONS.values())), st.integers(-5, 20), max_size=3),
    "sources": st.dictionaries(st.text(max_size=5) | st.just("10.0.0.1"), st.integers(-1, 20), max_size=5),
    "unanswered": st.dictionaries(
        st.integers(0, 5000), st.sampled_from(list(LOSS_REASONS.values())), max_size=3
    ),
    "path_mtu": st.builds(
        PathMtu,
        forward=st.none() | st.integers(-1, 70_000),
        reverse=st.none() | st.integers(-1, 70_000),
        too_big=st.booleans(),
    ),
    "type": st.sampled_from(list(METHODS)),
    "clock": st.sampled_from(ClockSource),
    "invalid": st.none() | st.sampled_from(Invalidity),
}


@given(st.data(), results(max_count=10))
def test_whatever_a_prober_makes_its_reader_accepts_what_it_hands_out(
    data: st.DataObject, result: RoundResult
) -> None:
    changed = data.draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=3, unique=True))
    drawn = {name: data.draw(VALUES[name], label=name) for name in changed}
    made = replace(result, **keywords(drawn, result.figures))
    handed_out = HandOut()(made)
    text = json.dumps(result_to_json(handed_out))
    read = result_from_json(json.loads(text))
    assert read == replace(handed_out, remote_ip=read.remote_ip)
    # What a reader would refuse is not handed out as it was, and nothing else is touched.
    try:
        result_from_json(json.loads(json.dumps(result_to_json(made))))
    except ContractError:
        assert handed_out == refused(made)
    else:
        assert handed_out is made


def test_the_longest_result_that_keeps_the_rules_fits_into_a_line() -> None:
    wide = "\U0001f600" * MAX_TEXT
    longest = replace(
        GOOD,
        check=CheckRef(uid=wide, namespace=wide, name=wide, generation=MAX_INTEGER, nonce=wide, path=wide),
        probe=wide,
        run_now=wide,
        started_at=MAX_INSTANT,
        duration=MAX_DURATION,
        sent=MAX_COUNT,
        received=MAX_COUNT,
        losses={},
        rtt=Histogram.of([(MAX_RTT // MAX_COUNT) * number for number in range(MAX_COUNT)], precision=10),
        remote_ip="fe80:1234:1234:1234:1234:1234:1234:1234%eth0123456789ab",
        figures=figures_by_name(
            Sources.of({f"2001:db8:1234:1234:1234:1234:1234:123{n}": 250 for n in range(4)})
        ),
    )
    check_result(longest)
    line = json.dumps(line_to_json(Item(sequence=MAX_INTEGER, ended=MAX_INTEGER, result=longest)))
    assert len(line) <= MAX_LINE


def test_an_address_is_read_in_its_canonical_form() -> None:
    raw = result_to_json(GOOD)
    assert result_from_json(raw | {"remoteIP": "2001:DB8:0::1"}).remote_ip == "2001:db8::1"
    assert sources_of(result_from_json(raw | {"sources": {"2001:DB8:0::1": 1}})) == {"2001:db8::1": 1}
    with pytest.raises(ContractError, match="twice"):
        result_from_json(raw | {"sources": {"2001:DB8::1": 1, "2001:db8::1": 1}})


@pytest.mark.parametrize("field", ["losses", "rtt", "sources", "unanswered"])
@pytest.mark.parametrize("value", [[], "", 0, False])
def test_nothing_else_stands_for_an_empty_object(field: str, value: object) -> None:
    with pytest.raises(ContractError, match=rf"^result\.{field}: expected an object"):
        result_from_json(result_to_json(GOOD) | {field: value})

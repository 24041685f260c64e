"""What a reader accepts goes through windows, judge, status, events, metrics and logs without an exception.

The lines are hostile: any JSON value may stand anywhere in an otherwise good result.
"""

import json
import logging
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipsecping.contract import (
    METHODS,
    Addresses,
    AuditOptions,
    DnsOptions,
    Expect,
    HttpOptions,
    IkeOptions,
    Options,
    ProbeType,
    StampOptions,
)
from ipsecping.contract.result_stream import Item, Refused, line_to_json, read_line
from ipsecping_operator import logs
from ipsecping_operator.api.status import CheckStatus
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.collect import placing
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.compile.compiled import HopLimits, Verified
from ipsecping_operator.metrics.checks import CheckCollector
from ipsecping_operator.metrics.exposition import pieces
from ipsecping_operator.report.assessment import assess
from ipsecping_operator.report.events import event, of_address_change, of_condition, of_paths

from ..contract.strategies import json_values, results
from .builders import NOON, SECOND, check, plan, probe
from .states import shown, take_up

METADATA = {"namespace": "network", "name": "hq", "uid": "u", "generation": 1}

HOSTILE: list[Any] = [
    None, True, [], {}, 0.5, -1, 0, 1, 2**31, 2**32, 2**53, 2**62, 2**63 - 1, 2**63, 2**64, 10**400,
    253_402_300_799, 253_402_300_800, 9 * 10**18 + 1, 600_000_000_001,
    "\ud800", "\x00", "a\nb", "\u202e", "", "x" * 600, "fe80::1%\n", "fe80::1%" + "x" * 40, "fe80::1%eth0",
    "::ffff:10.0.0.1", "2001:DB8::0:1", "10.0.0.1", "Timeout", "STAMP", "LateTicks",
    {"10.0.0.1": 1, "10.0.0.01": 1}, {"Timeout": 2**62}, {"\ud800": 1}, {"500": "Timeout"},
]  # fmt: skip


_OPTIONS: dict[ProbeType, Options] = {
    ProbeType.STAMP: StampOptions(ask_source=True, ask_dscp=True, ask_hops=True),
    ProbeType.AUDIT: AuditOptions(),
    ProbeType.HTTP: HttpOptions(url="http://many.example/"),
    ProbeType.DNS: DnsOptions(query="many.example"),
    ProbeType.IKE: IkeOptions(gateway="198.51.100.2"),
}


def check_of(kind: ProbeType, expect: Expect) -> CompiledCheck:
    """A check with all limits, of one probe of the type, from each node to each address."""
    counted = probe(
        "p",
        type=kind,
        count=500,
        timeout_ms=600_000,
        size=0,
        expect=expect,
        options=_OPTIONS.get(kind),
        flows=2 if METHODS[kind].has_flows else 1,
    )
    made = check(
        plan(counted, target="many.example", addresses=Addresses.ALL),
        rtt_ms={"p50": 1, "p99": 2},
        jitter_ms=1,
        path_mtu=1400,
        certificate_days={"p": 30},
        down_after=1,
        every_node=True,
    )
    verified = Verified(sources=(ip_network("10.0.0.0/24"),), dscp=(46,), hops=HopLimits(1, 3))
    return replace(made, verified=verified)


def state_of(compiled: CompiledCheck) -> CheckState:
    state = shown({"metadata": METADATA})
    take_up(state, compiled)
    return state


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


@st.composite
def hostile_lines(draw: st.DrawFn) -> tuple[ProbeType, Expect, list[bytes]]:
    """Lines of an agent for one probe: some as they should be, some with wrong values in some places."""
    kind, expect = draw(st.sampled_from(list(METHODS))), draw(st.sampled_from(Expect))
    (path,) = check_of(kind, expect).paths
    lines = []
    for number in range(draw(st.integers(1, 3))):
        result = draw(results(max_count=6, kind=kind))
        line = line_to_json(
            Item(
                sequence=number + 1,
                ended=draw(st.sampled_from([0, NOON, 2**63 - 1]) | st.integers(0, 2**63 - 1)),
                result=replace(result, check=path.plan.ref, probe="p"),
            )
        )
        for _ in range(draw(st.integers(0, 2))):
            *way, last = draw(st.sampled_from(list(places(line))[1:]))
            inner = line
            try:
                for step in way:
                    inner = inner[step]
                inner[last] = deepcopy(draw(json_values | st.sampled_from(HOSTILE)))
            except (KeyError, IndexError, TypeError):
                continue  # the first change has taken it away
        lines.append(json.dumps(line).encode())
    return kind, expect, lines


def printed(state: CheckState, *, now: int) -> None:
    """Go all the way that a result goes; raises what a consumer raises."""
    assessment = assess(state, now=now)
    assert assessment is not None
    status = json.loads(json.dumps(assessment.status))
    CheckStatus.model_validate(status)
    assert status["conditions"][1]["reason"]
    log = logs.for_check("test", METADATA)
    notices = [of_condition(condition) for condition in assessment.changed]
    notices += of_paths(assessment.paths)
    notices += map(of_address_change, assessment.address_changes)
    for notice in notices:
        note = event(notice, METADATA, name="e", at=datetime(2026, 11, 23, tzinfo=UTC))
        assert notice.note.isprintable()
        assert len(note["note"]) <= 1024
        json.dumps(note, ensure_ascii=False).encode()
    for condition in assessment.changed:
        record = logging.LogRecord(
            "test", logging.INFO, "", 0, "%s: %s", (condition.type, condition.message), None
        )
        log.process("", {})
        for form in (logs._Text(), logs._Json()):
            form.format(record).encode()
    collector = CheckCollector(
        {"u": state},
        failed=lambda state, error: pytest.fail(f"not exported: {error!r}"),
        exported=lambda state: None,
        clock=lambda: now,
    )
    assert b"".join(pieces(collector))
    state.reported.judged(assessment.report)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(hostile_lines())
def test_what_is_accepted_can_be_judged_and_printed_everywhere(
    given: tuple[ProbeType, Expect, list[bytes]],
) -> None:
    kind, expect, lines = given
    state = state_of(check_of(kind, expect))
    offset = placing.ClockOffset(sent=0, now=NOON)
    for octets in lines:
        line = read_line(octets)
        if isinstance(line, Refused):
            str(line.error).encode()
            assert str(line.error).isprintable()
            assert len(str(line.error)) < 400
        elif isinstance(line, Item):
            offset.learn(sent=line.ended, now=NOON)
            start = offset.place(line.ended, now=NOON) - line.result.duration
            state.measured.accept(line.result, start=start, now=NOON, node="w1")
        printed(state, now=NOON)
    printed(state, now=NOON + 3600 * SECOND)


RICH: dict[ProbeType, dict[str, Any]] = {
    ProbeType.STAMP: {
        "sources": {"10.0.0.9": 3},
        "markings": [{"dscp": 0, "ecn": 3, "packets": 2}],
        "hops": {"-255": 1, "255": 1},
        "forwardLost": 1,
        "reverseLost": 1,
        "refusedAnswers": [{"reason": "OtherSource", "source": "10.9.9.9", "port": 9, "count": 10**9}],
    },
    ProbeType.UDP_ECHO: {
        "flows": {
            "firstPort": 65534,
            "flows": [{"sent": 3, "received": 3, "rttSum": 9 * 10**11}, {"sent": 2}],
        },
    },
    ProbeType.HTTP: {"certificateExpiry": NOON // SECOND},
    ProbeType.PATH_MTU: {"pathMTU": {"forward": 1400, "reverse": 1300, "tooBig": True}},
    ProbeType.IKE: {"nat": True, "unanswered": {"500": "Timeout"}},
    ProbeType.AUDIT: {"audit": {"found": ["Amplifies"], "closed": ["AnswersShort"], "notTested": []}},
}


@pytest.mark.parametrize("expect", Expect)
@pytest.mark.parametrize("kind", RICH)
def test_any_wrong_value_in_any_field_is_refused_or_can_be_printed(kind: ProbeType, expect: Expect) -> None:
    compiled = check_of(kind, expect)
    ref = compiled.paths[0].plan.ref
    good = {
        "uid": ref.uid, "namespace": ref.namespace, "name": ref.name, "generation": 1, "nonce": ref.nonce,
        "path": ref.path, "probe": "p", "type": kind, "startedAt": NOON, "duration": SECOND,
        "sent": 5, "received": 3, "losses": {"Timeout": 1, "Refused": 1}, "duplicates": 1, "reordered": 1,
        "rtt": {"precision": 7, "min": 5, "max": 100, "sum": 150, "buckets": [5, 1, 40, 1, 55, 1]},
        "jitterSum": 100, "jitterCount": 2, "clock": "Kernel", "remoteIP": "10.0.0.1",
        "addresses": 2, "addressAge": 10**17, "runNow": "now",
        "invalid": None,
    } | RICH[kind]  # fmt: skip
    state = state_of(compiled)
    accepted = 0
    for way in list(places(good))[1:]:
        for value in HOSTILE:
            line = {"sequence": 1, "ended": 1, "result": json.loads(json.dumps(good))}
            inner = line["result"]
            for step in way[:-1]:
                inner = inner[step]
            inner[way[-1]] = deepcopy(value)
            read = read_line(json.dumps(line).encode())
            if isinstance(read, Refused):
                assert str(read.error).isprintable()
                assert len(str(read.error)) < 400
            else:
                assert isinstance(read, Item)
                if state.measured.accept(read.result, start=NOON - SECOND, now=NOON, node="w1") is None:
                    accepted += 1
                    printed(state, now=NOON)
    assert accepted > 10

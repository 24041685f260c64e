"""Plans, results and stream lines survive JSON unchanged, and broken ones are refused by field name."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping.contract import (
    ContractError,
    Control,
    Plan,
    PlannedCheck,
    PlannedProbe,
    ProbeType,
    RoundResult,
    plan_from_json,
    plan_to_json,
    result_from_json,
    result_to_json,
)
from ipsecping.contract.result_stream import Cursor, Heartbeat, Hello, Item, line_from_json, line_to_json

from .strategies import checks, json_values, results


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


@given(check=checks())
def test_a_plan_survives_json(check: PlannedCheck) -> None:
    plan = Plan(checks=(check,))
    assert plan_from_json(through_json(plan_to_json(plan))) == plan


@given(check=checks())
def test_equal_probes_of_a_plan_stand_in_memory_once(check: PlannedCheck) -> None:
    probe = PlannedProbe(
        name="ping", type=ProbeType.ICMP, count=10, spacing_ms=1000, timeout_ms=2000, size=56
    )
    checks = tuple(replace(check, uid=f"u{i}", probes=(probe,)) for i in range(3))
    read = plan_from_json(through_json(plan_to_json(Plan(checks=checks))))
    assert read == Plan(checks=checks)
    assert len({id(check.probes[0]) for check in read.checks}) == 1


@given(check=checks())
def test_the_nonce_changes_with_what_is_measured_and_only_with_that(check: PlannedCheck) -> None:
    assert replace(check, generation=check.generation + 1).nonce == check.nonce
    assert replace(check, run_now="again").nonce == check.nonce
    told = replace(check, controls={Control.NEAR_INSIDE: "10.99.0.2"}, inside=("10.9.0.0/16",), underlay=())
    assert told.nonce == check.nonce
    assert replace(check, target="192.0.2.77").nonce != check.nonce
    slower = replace(check.probes[0], count=check.probes[0].count % 1000 + 1)
    assert replace(check, probes=(slower, *check.probes[1:])).nonce != check.nonce


@given(result=results())
def test_a_result_survives_json(result: RoundResult) -> None:
    assert result_from_json(through_json(result_to_json(result))) == result


@given(result=results(), sequence=st.integers(1, 10**9))
def test_stream_lines_survive_json(result: RoundResult, sequence: int) -> None:
    for line in (
        Item(sequence=sequence, ended=9, result=result),
        Hello(boot_id="b", pod_uid=None, now=5, first=1),
        Heartbeat(now=7),
    ):
        assert line_from_json(through_json(line_to_json(line))) == line


@given(sequence=st.integers(0, 10**12), boot=st.uuids().map(str))
def test_a_cursor_survives_its_text_form(sequence: int, boot: str) -> None:
    cursor = Cursor(boot_id=boot, sequence=sequence)
    assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize("text", ["", ":", "a", "a:", ":1", "a:-1", "a:1.5", "a:²", "x" * 200 + ":1"])
def test_a_malformed_cursor_is_refused(text: str) -> None:
    with pytest.raises(ContractError, match="BOOT_ID:SEQUENCE"):
        Cursor.parse(text)


@given(value=json_values)
def test_any_other_json_is_refused_without_a_crash(value: Any) -> None:
    for read in (plan_from_json, result_from_json, line_from_json):
        with pytest.raises(ContractError):
            read(value)


@given(check=checks(), data=st.data())
def test_a_plan_with_one_field_replaced_is_read_or_refused_by_name(
    check: PlannedCheck, data: st.DataObject
) -> None:
    raw = through_json(plan_to_json(Plan(checks=(check,))))
    spot = data.draw(st.sampled_from([raw, raw["checks"][0], raw["checks"][0]["probes"][0]]))
    key = data.draw(st.sampled_from(sorted(spot)))
    spot[key] = data.draw(json_values)
    message = ""
    try:
        plan_from_json(raw)
    except ContractError as error:
        message = str(error)
    assert not message or message.startswith("plan")


@pytest.mark.parametrize(
    ("options", "least"),
    [
        ({}, 44),
        ({"keyFile": "/keys/hq"}, 112),
        ({"askSource": True}, 72),
        ({"keyFile": "/keys/hq", "askSource": True}, 160),
    ],
)
def test_a_stamp_packet_that_is_signed_or_asks_needs_more_room(options: dict[str, Any], least: int) -> None:
    probe = {"name": "p", "type": "STAMP", "count": 1, "spacingMs": 10, "timeoutMs": 10, "port": 862}
    check = {"uid": "u", "namespace": "n", "name": "c", "generation": 1, "tunnelName": "t", "path": "default"}
    check |= {"target": "10.50.1.10", "intervalMs": 1000}

    def plan(size: int) -> Any:
        return {"version": 1, "checks": [check | {"probes": [probe | {"size": size, "options": options}]}]}

    assert plan_from_json(plan(least)).checks[0].probes[0].size == least
    with pytest.raises(ContractError, match=rf"probes\[0\]\.size: {least - 1} is outside {least}\.\."):
        plan_from_json(plan(least - 1))


PLANNED: dict[str, Any] = {
    "uid": "u",
    "namespace": "n",
    "name": "c",
    "generation": 1,
    "tunnelName": "t",
    "path": "default",
    "target": "far.example",
    "intervalMs": 1000,
    "probes": [{"name": "p", "type": "ICMP", "count": 1, "spacingMs": 10, "timeoutMs": 10, "size": 56}],
}


@pytest.mark.parametrize(
    ("address", "permitted"),
    [
        ("10.1.2.3", True),
        ("2001:db8::7", True),
        ("::ffff:10.1.2.3", True),
        ("192.0.2.1", False),
        ("2001:db9::7", False),
        ("::ffff:192.0.2.1", False),
        ("fe80::1%eth0", False),
    ],
)
def test_a_plan_permits_the_addresses_of_its_networks_however_they_are_written(
    address: str, permitted: bool
) -> None:
    check = PLANNED | {"allowedTargets": ["10.0.0.0/8", "2001:db8::/32"]}
    (read,) = plan_from_json({"version": 1, "checks": [check]}).checks
    assert read.permits(address) is permitted


def test_an_address_of_the_old_kind_within_the_new_needs_the_old_network() -> None:
    (read,) = plan_from_json({"version": 1, "checks": [PLANNED | {"allowedTargets": ["::/0"]}]}).checks
    assert not read.permits("::ffff:10.1.2.3")


def test_a_plan_without_networks_permits_everything_and_an_empty_list_nothing() -> None:
    for allowed, permitted in ((None, True), ([], False)):
        (read,) = plan_from_json({"version": 1, "checks": [PLANNED | {"allowedTargets": allowed}]}).checks
        assert read.permits("10.1.2.3") is permitted


def test_a_network_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(ContractError, match=r"plan\.checks\[0\]\.allowedTargets: .*10\.0\.0\.0/33"):
        plan_from_json({"version": 1, "checks": [PLANNED | {"allowedTargets": ["10.0.0.0/33"]}]})


def keeping(kind: str, keepalive: int, **fields: Any) -> dict[str, Any]:
    """A plan's fields with a probe of this type that has a keepalive, in a check every minute."""
    probe = {"name": "p", "type": kind, "count": 1, "spacingMs": 10, "timeoutMs": 1000, "size": 56}
    return {"intervalMs": 60_000, "probes": [probe | {"keepaliveMs": keepalive} | fields]}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"controls": {"FarInside": "gw.example"}},
            r"controls\.FarInside: 'gw\.example' is not an IP address",
        ),
        ({"controls": {"Neighbour": "10.0.0.1"}}, r"controls: 'Neighbour' is not one of FarInside, "),
        ({"controls": {"Gateway": ["10.0.0.1"]}}, r"controls\.Gateway: expected a non-empty string"),
        ({"controls": {"Gateway": "g" * 254}}, r"controls\.Gateway: longer than a name"),
        ({"controls": {"FarInside": "::1", "NearInside": "0::1"}}, r"controls: two controls are the same"),
        ({"underlay": ["198.51.100.1/24"]}, r"underlay: '198\.51\.100\.1/24' is not a network"),
        ({"inside": ["10.0.0.0/8"] * 65}, r"inside: 65 items, at most 64"),
        (keeping("STAMP", 4999, port=862), r"probes\[0\]\.keepaliveMs: 4999 is outside 5000\.\.300000"),
        (keeping("STAMP", 60_000, port=862), r"probes\[0\]\.keepaliveMs: 60000, must be shorter than"),
        (keeping("STAMP", 5000, port=862, timeoutMs=6000), r"probes\[0\]\.keepaliveMs: .* than timeoutMs"),
        (keeping("TCP", 20_000, port=22, size=0), r"probes\[0\]\.keepaliveMs: a TCP probe has no mapping"),
        (keeping("ICMP", 20_000) | {"intervalMs": None}, r"probes\[0\]\.keepaliveMs: 20000, must be"),
    ],
)
def test_what_a_diagnosis_is_told_is_refused_by_name(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ContractError, match=r"^plan\.checks\[0\]\." + said):
        plan_from_json({"version": 1, "checks": [PLANNED | wrong]})


RESULT = {
    "uid": "u",
    "namespace": "n",
    "name": "c",
    "generation": 1,
    "nonce": "0123456789abcdef",
    "path": "default",
    "probe": "p",
    "type": "STAMP",
    "startedAt": 1,
    "duration": 1,
    "sent": 10,
    "received": 8,
    "losses": {"Timeout": 2},
    "clock": "Kernel",
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"received": 11}, r"result\.received: 11 is outside 0\.\.10"),
        ({"received": 9}, r"result\.losses: do not add up to the 1 packets lost"),
        ({"losses": {"Gremlins": 2}}, r"result\.losses: 'Gremlins' is not one of Timeout"),
        ({"forwardLost": 3, "reverseLost": 0}, r"result\.forwardLost: 3 is outside 0\.\.2"),
        ({"forwardLost": 2, "reverseLost": 1}, r"result\.forwardLost: with reverseLost more than the 2 "),
        ({"forwardLost": 2}, r"result\.forwardLost: known only where reverseLost is"),
        ({"type": "Ping"}, r"result\.type: 'Ping' is not one of ICMP"),
        ({"sent": 100000}, r"result\.sent: 100000 is outside"),
        ({"uid": "u" * 600}, r"result\.uid: empty, or longer than"),
        ({"invalid": "Tired"}, r"result\.invalid: 'Tired' is not one of"),
        (
            {"type": "IKE", "unanswered": {"0": "Timeout"}},
            r"result\.unanswered: '0' is not a port",
        ),
        (
            {"type": "IKE", "unanswered": {"500": "Gremlins"}},
            r"result\.unanswered\.500: 'Gremlins' is not one of",
        ),
        ({"sources": {"far.example": 1}}, r"result\.sources: 'far\.example' is not an IP address"),
        ({"sources": {"10.0.0.1": 8, "10.0.0.2": 1}}, r"result\.sources: more packets than the 8 received"),
        (
            {"sources": {f"10.0.0.{n}": 1 for n in range(5)}},
            r"result\.sources: 5 values, at most 4 are allowed",
        ),
        ({"hops": {"02": 1}}, r"result\.hops: '02' is not a number of hops"),
        ({"hops": {"256": 1}}, r"result\.hops: 256 is outside -255\.\.255"),
        ({"hops": {"2": 9}}, r"result\.hops: more packets than the 8 received"),
        ({"hops": {"9" * 5000: 1}}, r"result\.hops: '9+… is not a number of hops"),
        ({"markings": [{"dscp": 64, "ecn": 0, "packets": 1}]}, r"result\.markings\[0\]\.dscp: 64 is outside"),
        ({"markings": [{"dscp": 46, "ecn": 4, "packets": 1}]}, r"result\.markings\[0\]\.ecn: 4 is outside"),
        (
            {"markings": [{"dscp": 46, "ecn": 0, "packets": 1}] * 2},
            r"result\.markings: the same marking appears twice",
        ),
    ],
)
def test_a_contradictory_result_is_refused_with_the_name_of_the_field(
    change: dict[str, Any], message: str
) -> None:
    result_from_json(RESULT)
    with pytest.raises(ContractError, match=message):
        result_from_json(RESULT | change)


def test_a_port_belongs_to_udp_probes_only() -> None:
    probe = {"name": "p", "type": "ICMP", "count": 1, "spacingMs": 10, "timeoutMs": 10, "size": 56, "port": 7}
    check = {"uid": "u", "namespace": "n", "name": "c", "generation": 1, "tunnelName": "t", "path": "default"}
    plan = {"version": 1, "checks": [check | {"target": "192.0.2.1", "intervalMs": None, "probes": [probe]}]}
    with pytest.raises(ContractError, match=r"plan\.checks\[0\]\.probes\[0\]\.port: ICMP has no port"):
        plan_from_json(plan)

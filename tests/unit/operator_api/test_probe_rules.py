"""What a probe may not ask for together, and what is judged of it by the operator alone."""

from typing import Any

import pytest

from ipsecping.contract import AuditFinding, IkeOptions, StampOptions
from ipsecping_operator.compile import InvalidSpec, compile_check
from ipsecping_operator.compile.effective import effective_spec

from .probe_plans import HTTPS, METADATA, compiled, planned


def test_an_answer_that_is_no_record_of_the_type_is_refused_with_its_place() -> None:
    with pytest.raises(InvalidSpec, match=r"^spec\.probes\[0\]\.dns\.answers\[0\]: 'mail' is no MX record"):
        compiled({"dns": {"query": "db.example", "recordType": "MX", "answers": ["mail"]}})
    long = ".".join(["a" * 60] * 4)
    with pytest.raises(InvalidSpec, match=r"^spec\.probes\[1\]\.dns\.query: too long for sequenceLabel"):
        compiled({"icmp": {}}, {"dns": {"query": long, "sequenceLabel": True}})


def test_a_pattern_that_the_schema_cannot_judge_is_refused_by_its_field() -> None:
    with pytest.raises(InvalidSpec) as refused:
        compiled({"http": {"url": HTTPS, "bodyMatches": ["ok", "(a"]}})
    assert str(refused.value).startswith("spec.probes[0].http.bodyMatches[1]: a ( without its )")


def test_how_long_a_certificate_must_be_valid_is_judged_by_the_operator_not_the_prober() -> None:
    one = compiled({"tcp": {"port": 443, "tls": {"minValidDays": 14}}})
    other = compiled({"tcp": {"port": 443, "tls": {"minValidDays": 30}}})
    assert dict(one.thresholds.certificate_ns) == {"p0": 14 * 24 * 3600 * 10**9}
    assert one.paths[0].plan.nonce == other.paths[0].plan.nonce


def test_limits_of_jitter_and_path_mtu_are_kept() -> None:
    check = compiled({"icmp": {}}, {"pathMTU": {}}, thresholds={"jitter": "0.5ms", "pathMTU": 1400})
    assert (check.thresholds.jitter_ns, check.thresholds.path_mtu) == (500_000, 1400)
    assert compile_check({"metadata": METADATA, "spec": effective_spec(check)}) == check


def test_a_limit_of_a_probe_stands_in_place_of_that_of_the_check_each_by_itself() -> None:
    own = {"lossPercent": 5, "rtt": {"p99": "600ms"}, "burst": "3s", "downAfter": 5}
    check = compiled(
        {"icmp": {}},
        {"http": {"url": HTTPS}, "thresholds": own},
        thresholds={"rtt": {"p50": "12ms", "p99": "40ms"}, "jitter": "4ms", "recoverAfter": 2},
    )
    ping, app = check.thresholds_of("p0"), check.thresholds_of("p1")
    assert ping is check.thresholds
    assert dict(ping.rtt_ns) == {"p50": 12_000_000, "p99": 40_000_000}
    assert dict(app.rtt_ns) == {"p50": 12_000_000, "p99": 600_000_000}
    assert (int(app.loss_percent), app.burst_ns, app.down_after) == (5, 3 * 10**9, 5)
    assert (app.jitter_ns, app.window_ms, app.recover_after) == (4_000_000, 300_000, 2)
    effective = effective_spec(check)
    assert effective["probes"][1]["thresholds"] == {**own, "lossPercent": "5"}
    assert "thresholds" not in effective["probes"][0]
    assert compile_check({"metadata": METADATA, "spec": effective}) == check


def test_limits_of_a_probe_change_nothing_that_is_measured_and_cost_nothing_where_they_say_the_same() -> None:
    before = compiled({"icmp": {}}, thresholds={"lossPercent": 5})
    same = compiled(
        {"icmp": {}, "thresholds": {"lossPercent": "5.0", "downAfter": 3, "rtt": {}}},
        thresholds={"lossPercent": 5},
    )
    assert same == before
    other = compiled({"icmp": {}, "thresholds": {"downAfter": 1}}, thresholds={"lossPercent": 5})
    assert other != before
    assert other.paths[0].plan.nonce == before.paths[0].plan.nonce


def test_a_path_mtu_may_be_limited_where_it_is_searched_for_alone() -> None:
    check = compiled(
        {"pathMTU": {}},
        {"pathMTU": {"max": 1400}, "thresholds": {"pathMTU": 1380}},
        thresholds={"pathMTU": 1438},
    )
    assert [check.thresholds_of(name).path_mtu for name in ("p0", "p1")] == [1438, 1380]
    alone = compiled({"pathMTU": {}, "thresholds": {"pathMTU": 1400}})
    assert (alone.thresholds.path_mtu, alone.thresholds_of("p0").path_mtu) == (None, 1400)


def test_an_audit_is_made_at_most_once_an_hour_and_has_time_for_all_its_packets() -> None:
    check = compiled({"audit": {"rate": 5}}, schedule={"cron": "0 * * * *"})
    assert check.paths[0].plan.probes[0].round_ms == 299 * 100 + 2000
    assert effective_spec(check)["probes"][0]["audit"] == {
        "port": 862, "protocol": "STAMP", "rate": 5,
    }  # fmt: skip
    with pytest.raises(InvalidSpec) as refused:
        compiled({"audit": {}}, schedule={"cron": "*/30 * * * *"})
    assert str(refused.value) == (
        "spec.probes: audit must not come more often than every 1h, but spec.schedule.cron fires 1800s apart"
    )


def test_what_an_audit_may_find_is_judged_anew_and_measured_no_other_way() -> None:
    strict, tolerant = compiled({"audit": {}}), compiled({"audit": {"accept": ["AnswersUnsigned"]}})
    assert strict.paths[0].plan.nonce == tolerant.paths[0].plan.nonce
    assert dict(tolerant.thresholds.accepted) == {"p0": (AuditFinding.UNSIGNED,)}
    assert effective_spec(tolerant)["probes"][0]["audit"]["accept"] == ["AnswersUnsigned"]
    assert compile_check({"metadata": METADATA, "spec": effective_spec(tolerant)}) == tolerant


def test_nat_is_looked_for_only_where_asked_for_and_by_no_cron_line_that_fires_too_often() -> None:
    assert planned({"ike": {}}).options == IkeOptions(gateway="198.51.100.2")
    check = compiled({"ike": {"detectNAT": True}}, schedule={"cron": "*/10 * * * *"})
    assert check.paths[0].plan.probes[0].options == IkeOptions(gateway="198.51.100.2", detect_nat=True)
    assert effective_spec(check)["probes"][0]["ike"] == {
        "ports": [500, 4500], "require": "All", "detectNAT": True,
    }  # fmt: skip
    with pytest.raises(InvalidSpec) as refused:
        compiled({"ike": {"detectNAT": True}}, schedule={"cron": "0,9 * * * *"})
    assert str(refused.value) == (
        "spec.probes: ike.detectNAT must not be asked for more often than every 10 minutes, but "
        "spec.schedule.cron fires 540s apart"
    )


def test_with_verify_the_stamp_probes_ask_for_their_source_and_have_room_for_it() -> None:
    auth = {"secretName": "s", "key": "k"}
    check = compiled(
        {"stamp": {}},
        {"stamp": {"auth": auth}},
        {"size": 500, "stamp": {}},
        {"expect": "Blocked", "stamp": {}},
        {"icmp": {}},
        verify={"sourceSeen": ["10.244.0.0/16", "2001:db8::/64"]},
    )
    probes = check.paths[0].plan.probes
    assert [probe.size for probe in probes] == [72, 160, 500, 44, 56]
    asked = [isinstance(probe.options, StampOptions) and probe.options.ask_source for probe in probes]
    assert asked == [True, True, True, False, False]
    assert effective_spec(check)["verify"] == {"sourceSeen": ["10.244.0.0/16", "2001:db8::/64"]}
    assert compile_check({"metadata": METADATA, "spec": effective_spec(check)}) == check


@pytest.mark.parametrize(
    ("verify", "sizes", "effective"),
    [
        ({"dscp": {}}, [52, 140], {"dscp": {}}),
        ({"dscp": {"allowed": [46, 34]}}, [52, 140], {"dscp": {"allowed": [46, 34]}}),
        ({"hops": {"min": 2}}, [44, 112], {"hops": {"min": 2, "max": 254}}),
        ({"hops": {"max": 3}}, [44, 112], {"hops": {"min": 0, "max": 3}}),
        (
            {"sourceSeen": ["10.244.0.0/16"], "dscp": {}, "hops": {"min": 2, "max": 2}},
            [80, 168],
            {"sourceSeen": ["10.244.0.0/16"], "dscp": {}, "hops": {"min": 2, "max": 2}},
        ),
    ],
)
def test_what_is_verified_of_arriving_packets_is_asked_for_and_written_out(
    verify: dict[str, Any], sizes: list[int], effective: dict[str, Any]
) -> None:
    check = compiled(
        {"stamp": {}}, {"stamp": {"auth": {"secretName": "s", "key": "k"}}}, {"icmp": {}}, verify=verify
    )
    first, signed, other = check.paths[0].plan.probes
    assert [first.size, signed.size] == sizes
    for each in (first, signed):
        assert isinstance(each.options, StampOptions)
        asked = {
            "sourceSeen": each.options.ask_source,
            "dscp": each.options.ask_dscp,
            "hops": each.options.ask_hops,
        }
        assert {name for name, wanted in asked.items() if wanted} == set(verify)
    assert other.options is None
    assert effective_spec(check)["verify"] == effective
    assert compile_check({"metadata": METADATA, "spec": effective_spec(check)}) == check

"""From measurements to the report: conditions that keep their times, restarts that change nothing."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from ipsecping.contract import IkeOptions, Invalidity, PathMtu, ProbeType, RoundResult, StampOptions
from ipsecping_operator.api.conditions import ConditionType, HealthyReason, ReadyReason
from ipsecping_operator.api.status import CheckStatus
from ipsecping_operator.api.validation import read
from ipsecping_operator.cache.store import Store
from ipsecping_operator.compile import CompiledCheck, InvalidSpec
from ipsecping_operator.compile.compiled import KeyRef
from ipsecping_operator.reconcile.assessment import Assessment, assess
from ipsecping_operator.results.unreadable import Unreadable
from ipsecping_operator.state import CheckState, Readiness

from .builders import NOON, SECOND, UID, check, plan, probe, result

RUNS = Readiness(reason=ReadyReason.RECONCILED, message="Deployment hq runs the agent")


def seen(
    status: dict[str, Any] | None = None, *, now: int = NOON, of: CompiledCheck | None = None
) -> CheckState:
    """A check as a starting operator finds it: with the status an earlier run left, reconciled once."""
    store = Store()
    metadata = {"namespace": "network", "name": "hq", "uid": UID, "generation": 1, "resourceVersion": "7"}
    store.put_check({"metadata": metadata, "spec": {}, "status": status or {}}, now=now)
    state = store.checks[UID]
    state.compiled = of or check()
    state.ready = RUNS
    state.measurements.follow(state.compiled)
    return state


def take(state: CheckState, *results: RoundResult) -> None:
    for one in results:
        end = one.started_at + one.duration
        assert state.measurements.accept(one, start=one.started_at, now=end) is None


def assessed(state: CheckState, *, at: float) -> Assessment:
    """Seconds after noon."""
    made = assess(state, now=NOON + int(at * SECOND))
    assert made is not None
    made.commit(state)
    read(CheckStatus, made.status, path="status")  # what the API server would refuse is refused here
    return made


def healthy(status: Any) -> Any:
    return next(each for each in status["conditions"] if each["type"] == "Healthy")


def at(seconds: int, **values: Any) -> RoundResult:
    return result(at=NOON + seconds * SECOND, **values)


def test_a_status_tells_all_that_was_measured() -> None:
    state = seen()
    take(
        state,
        *(
            at(
                30 * n,
                received=9,
                rtt_ms=[12, 12, 12, 12, 13, 13, 14, 15, 16],
                forward_lost=0,
                reverse_lost=1,
            )
            for n in range(4)
        ),
    )
    status = assessed(state, at=100).status
    assert status["observedGeneration"] == 1
    assert status["lastResultTime"] == "2026-11-23T12:01:32Z"
    assert status["headline"] == {"path": "default", "probe": "ping"}
    assert status["lossPercent"] == "10.00"
    assert status["rtt"]["min"] == "12.00ms"
    assert status["rtt"]["max"] == "16.00ms"
    assert set(status["rtt"]) == {"min", "p50", "p90", "p99", "max"}
    assert status["paths"][0]["state"] == "Unhealthy"
    (entry,) = status["probes"]
    assert (entry["sent"], entry["received"]) == (40, 36)
    assert (entry["forwardLossPercent"], entry["reverseLossPercent"]) == ("0.00", "10.00")
    assert [outage["reason"] for outage in status["outages"]] == ["LossHigh"]


def test_what_was_not_measured_is_absent_not_zero() -> None:
    status = assessed(seen(), at=1).status
    assert not {"lossPercent", "rtt", "jitter", "lastResultTime", "probes", "outages"} & set(status)


def test_a_total_outage_has_a_loss_but_no_round_trip_time() -> None:
    state = seen()
    take(state, *(at(30 * n, received=0) for n in range(3)))
    status = assessed(state, at=70).status
    assert status["lossPercent"] == "100.00"
    assert "rtt" not in status
    assert "jitter" not in status


def test_a_condition_keeps_its_time_while_its_status_stays() -> None:
    state = seen()
    take(state, at(0))
    first = assessed(state, at=5)
    take(state, at(30))
    second = assessed(state, at=35)
    assert healthy(first.status)["lastTransitionTime"] == "2026-11-23T12:00:05Z"
    assert healthy(second.status)["lastTransitionTime"] == "2026-11-23T12:00:05Z"
    assert healthy(second.status)["message"] != healthy(first.status)["message"]
    assert not second.urgent
    assert second.changed == ()


def test_a_transition_is_urgent_and_tells_which_condition_changed() -> None:
    state = seen()
    take(state, at(0))
    assessed(state, at=5)
    take(state, at(30, received=0))
    made = assessed(state, at=35)
    assert made.urgent
    assert [(each.type, each.reason) for each in made.changed] == [(ConditionType.HEALTHY, "LossHigh")]
    assert healthy(made.status)["lastTransitionTime"] == "2026-11-23T12:00:35Z"


def test_time_alone_makes_results_stale_and_the_figures_stay() -> None:
    state = seen()
    take(state, at(0))
    made = assessed(state, at=5)
    assert made.next_change == NOON + (2 + 60 + 2) * SECOND
    stale = assess(state, now=made.next_change)
    assert stale is not None
    assert healthy(stale.status)["reason"] == "StaleResults"
    assert stale.status["lossPercent"] == "0.00"
    assert stale.status["lastResultTime"] == "2026-11-23T12:00:02Z"


def left_behind(*, reason_after: int = 0) -> dict[str, Any]:
    """The status of a check that was down from noon on, as an earlier run wrote it."""
    state = seen()
    take(state, *(at(30 * n, received=0) for n in range(4)))
    return dict(assessed(state, at=95 + reason_after).status)


def test_a_restart_keeps_finding_and_figures_until_the_results_are_read_again() -> None:
    before = left_behind()
    state = seen(before, now=NOON + 100 * SECOND)
    made = assessed(state, at=101)
    assert made.status == before
    assert made.changed == ()
    assert not made.urgent


def test_results_read_again_after_a_restart_are_no_transition_and_no_new_outage() -> None:
    before = left_behind()
    state = seen(before, now=NOON + 100 * SECOND)
    assessed(state, at=101)
    take(state, *(at(30 * n, received=0) for n in range(2)))
    assert assessed(state, at=101.5).status == before, "half of the ring says nothing yet"
    take(state, *(at(30 * n, received=0) for n in range(2, 4)))
    made = assessed(state, at=102)
    assert made.changed == ()
    assert made.status["outages"] == before["outages"]
    assert healthy(made.status)["lastTransitionTime"] == healthy(before)["lastTransitionTime"]
    assert state.outages_begun == 0


def test_what_happened_while_nobody_looked_is_found_out() -> None:
    before = left_behind()
    state = seen(before, now=NOON + 600 * SECOND)
    take(state, *(at(30 * n, received=0) for n in range(4)))
    take(state, *(at(30 * n) for n in range(4, 20)))
    made = assessed(state, at=601)
    assert healthy(made.status)["reason"] == "WithinThresholds"
    assert made.status["outages"][0]["end"] == "2026-11-23T12:10:01Z"


def test_where_no_results_come_the_message_says_which_agent_cannot_be_read_where_and_why() -> None:
    state = seen()
    text = "http://10.244.0.7:9109/v1/results does not answer: does a NetworkPolicy let the operator in?"
    state.unread["p-1"] = Unreadable(pod="hq-1", text=text)
    none_yet = assessed(state, at=1)
    assert healthy(none_yet.status)["reason"] == "NoResults"
    assert healthy(none_yet.status)["message"].endswith(f"; pod hq-1 cannot be read: {text}")
    take(state, at(0))
    made = assessed(state, at=3)
    assert "cannot be read" not in healthy(made.status)["message"], "what was measured is there"
    assert made.next_change is not None
    stale = assess(state, now=made.next_change)
    assert stale is not None
    assert healthy(stale.status)["reason"] == "StaleResults"
    assert text in healthy(stale.status)["message"]


def test_after_a_restart_silence_is_stale_when_it_is_due_and_not_before() -> None:
    before = left_behind()
    state = seen(before, now=NOON + 3600 * SECOND)
    # The operator was away for long; the agents are given their time anew.
    assert healthy(assessed(state, at=3600 + 61.9).status)["reason"] == "Down"
    stale = assessed(state, at=3600 + 62)
    assert healthy(stale.status)["reason"] == "StaleResults"
    assert stale.status["lastResultTime"] == before["lastResultTime"]
    assert stale.status["lossPercent"] == "100.00"


def test_a_probe_added_while_the_operator_was_away_is_missed_when_it_is_due() -> None:
    before = left_behind()
    both = plan(probe("ping"), probe("second"))
    state = seen(before, now=NOON + 100 * SECOND, of=check(both))
    take(state, *(result(of=both, at=NOON + 30 * n * SECOND, received=0) for n in range(4)))
    assert healthy(assessed(state, at=101).status)["reason"] == "Down"
    take(state, *(result(of=both, at=NOON + 30 * n * SECOND) for n in range(4, 15)))
    found = healthy(assessed(state, at=430).status)
    assert found["reason"] == "StaleResults"
    assert found["message"].startswith("no result from default/second, expected")


def test_an_invalid_spec_is_stalled_and_claims_no_health() -> None:
    state = seen()
    state.compiled, state.invalid = None, InvalidSpec("spec.schedule.timeZone", "no such zone")
    state.ready = Readiness(reason=ReadyReason.INVALID_SPEC, message=str(state.invalid))
    status = assessed(state, at=1).status
    assert [(each["type"], each["status"], each["reason"]) for each in status["conditions"]] == [
        ("Ready", "False", "InvalidSpec"),
        ("Healthy", "Unknown", "NoResults"),
        ("Stalled", "True", "InvalidSpec"),
    ]


def test_a_suspended_check_keeps_its_figures_and_their_time() -> None:
    state = seen()
    take(state, at(0))
    assessed(state, at=5)
    state.compiled = check(suspend=True)
    state.measurements.follow(state.compiled)
    status = assessed(state, at=500).status
    assert healthy(status)["reason"] == HealthyReason.SUSPENDED
    assert (status["lossPercent"], status["lastResultTime"]) == ("0.00", "2026-11-23T12:00:02Z")


def test_nothing_is_reported_before_the_check_was_reconciled() -> None:
    state = seen()
    state.ready = None
    assert assess(state, now=NOON) is None


def test_a_message_too_long_for_the_api_is_cut() -> None:
    state = seen()
    state.ready = Readiness(reason=ReadyReason.WORKLOAD_UNAVAILABLE, message="x" * 5000)
    ready = assessed(state, at=1).status["conditions"][0]
    assert len(ready["message"]) == 1024


KEY = KeyRef(kind="Secret", name="tunnel-keys", key="hq-dc1")


def test_a_missing_key_is_ready_false_until_the_first_round_that_has_it() -> None:
    state = seen(of=check(keys={"ping": KEY}))
    take(state, at(0, received=0, invalid=Invalidity.KEY_MISSING))
    made = assessed(state, at=5)
    ready = made.status["conditions"][0]
    assert (ready["status"], ready["reason"]) == ("False", "KeyMissing")
    assert ready["message"].startswith(
        "Secret tunnel-keys has no usable key hq-dc1, which default/ping signs with: put it there"
    )
    assert healthy(made.status)["reason"] == "MeasurementInvalid"
    take(state, at(30))
    made = assessed(state, at=35)
    assert made.status["conditions"][0]["reason"] == "Reconciled"
    assert healthy(made.status)["reason"] == "WithinThresholds"


def test_missing_certificates_are_ready_false_too_and_count_what_else_is_missing() -> None:
    both = plan(probe("web", type=ProbeType.TCP, port=443, size=0), probe())
    ca = KeyRef(kind="ConfigMap", name="authorities", key="ca.crt")
    state = seen(of=replace(check(both, keys={"ping": KEY}), authorities={"web": ca}))

    def missing(probe_name: str) -> RoundResult:
        return result(of=both, probe_name=probe_name, sent=0, invalid=Invalidity.KEY_MISSING)

    take(state, missing("web"))
    ready = assessed(state, at=5).status["conditions"][0]
    lacking = "ConfigMap authorities has no usable certificates ca.crt, which default/web trusts"
    assert (ready["status"], ready["reason"]) == ("False", "KeyMissing")
    assert ready["message"] == f"{lacking}: put it there, the prober takes it up within about a minute"
    take(state, missing("ping"))
    assert (
        assessed(state, at=5).status["conditions"][0]["message"].startswith(f"{lacking} (1 more is missing)")
    )
    for name in ("web", "ping"):
        take(state, result(of=both, probe_name=name, at=NOON + 30 * SECOND))
    assert assessed(state, at=35).status["conditions"][0]["reason"] == "Reconciled"


def test_a_name_with_an_address_that_is_not_permitted_is_told_by_field_until_it_has_another() -> None:
    limited = plan(target="far.example", allowed=("10.0.0.0/8",))
    state = seen(of=check(limited))
    take(state, result(of=limited, sent=0, invalid=Invalidity.NOT_PERMITTED, remote_ip="192.0.2.7"))
    made = assessed(state, at=5)
    ready = made.status["conditions"][0]
    assert (ready["status"], ready["reason"]) == ("False", "NotPermitted")
    assert ready["message"] == (
        "spec.target: 192.0.2.7, the address of far.example on path default, is not a permitted target in "
        "namespace network: allowed is 10.0.0.0/8 (--allow-targets of the operator)"
    )
    assert healthy(made.status)["reason"] == "MeasurementInvalid"
    take(state, result(of=limited, at=NOON + 30 * SECOND))
    made = assessed(state, at=35)
    assert made.status["conditions"][0]["reason"] == "Reconciled"


def test_a_special_address_that_a_name_has_is_told_as_what_it_is() -> None:
    limited = plan(target="far.example", refused=("169.254.169.254/32", "10.96.0.1/32"))
    state = seen(of=check(limited))
    for address, kind in (
        ("169.254.169.254", "a cloud's metadata address"),
        ("64:ff9b::a9fe:a9fe", "a cloud's metadata address"),
        ("10.96.0.1", "an address of the API server"),
    ):
        take(state, result(of=limited, sent=0, invalid=Invalidity.NOT_PERMITTED, remote_ip=address))
        ready = assessed(state, at=5).status["conditions"][0]
        assert (ready["status"], ready["reason"]) == ("False", "NotPermitted")
        assert ready["message"] == (
            f"spec.target: {address}, the address of far.example on path default, is {kind}, not a permitted "
            "target in namespace network: it has to be allowed by a network of its own (--allow-targets of "
            "the operator)"
        )


def test_a_key_that_is_text_is_not_permitted_by_its_field_until_it_is_marked() -> None:
    signing = plan(probe("datapath", type=ProbeType.STAMP, size=112, port=862))
    state = seen(of=check(signing, keys={"datapath": KEY}))
    take(
        state,
        result(of=signing, probe_name="datapath", sent=0, invalid=Invalidity.KEY_NOT_PERMITTED),
    )
    made = assessed(state, at=5)
    ready = made.status["conditions"][0]
    assert (ready["status"], ready["reason"]) == ("False", "NotPermitted")
    assert ready["message"] == (
        "spec.probes[0].stamp.auth.key: key hq-dc1 of Secret tunnel-keys is not permitted in namespace "
        "network: allowed are keys of at least 32 octets, written as hex:... or base64:... "
        "(--allow-text-keys of the operator)"
    )
    assert healthy(made.status)["reason"] == "MeasurementInvalid"
    take(state, result(of=signing, probe_name="datapath", at=NOON + 30 * SECOND))
    assert assessed(state, at=35).status["conditions"][0]["reason"] == "Reconciled"


def test_a_workload_that_does_not_run_is_told_before_a_key_that_is_missing() -> None:
    state = seen(of=check(keys={"ping": KEY}))
    take(state, at(0, received=0, invalid=Invalidity.KEY_MISSING))
    state.ready = Readiness(reason=ReadyReason.WORKLOAD_UNAVAILABLE, message="no pod can be made")
    assert assessed(state, at=5).status["conditions"][0]["reason"] == "WorkloadUnavailable"


def test_what_is_known_about_nat_and_sources_stands_in_the_status() -> None:
    both = plan(
        probe("ike", type=ProbeType.IKE, size=0, options=IkeOptions(gateway="a", detect_nat=True)),
        probe("stamp", type=ProbeType.STAMP, port=862, size=72, options=StampOptions(ask_source=True)),
    )
    state = seen(of=replace(check(both), source_seen=(ip_network("10.244.0.0/16"),)))
    take(
        state,
        result(of=both, probe_name="ike", sent=2, nat=False),
        result(of=both, probe_name="stamp", sources={"10.244.0.7": 4, "10.244.0.10": 6}),
    )
    ike, stamp = assessed(state, at=5).status["probes"]
    assert (ike["nat"], stamp["sourceSeen"]) == (False, ["10.244.0.10", "10.244.0.7"])


def test_path_mtu_and_certificate_stand_in_the_status_with_each_probe_s_reason() -> None:
    both = plan(
        probe("web", type=ProbeType.TCP, port=443, size=0),
        probe("mtu", type=ProbeType.PATH_MTU, port=862, size=0, count=1),
    )
    state = seen(of=check(both, path_mtu=1400))
    found = PathMtu(forward=1438, reverse=1320, too_big=True)
    take(
        state,
        result(of=both, probe_name="web", certificate_expiry=NOON // SECOND + 3600),
        result(of=both, probe_name="mtu", sent=1, path_mtu=found),
    )
    status = assessed(state, at=5).status
    web, mtu = status["probes"]
    assert (web["reason"], web["certificateExpiry"]) == ("WithinThresholds", "2026-11-23T13:00:00Z")
    assert (mtu["reason"], mtu["pathMTU"]) == ("PathMTULow", 1320)
    assert status["pathMTU"] == 1320


def test_a_restart_does_not_let_go_of_a_limit_that_was_exceeded() -> None:
    state = seen()
    take(state, at(0, received=8), *(at(30 * n) for n in range(1, 9)), at(270, received=9))
    before = dict(assessed(state, at=275).status)
    assert healthy(before)["reason"] == "LossHigh"
    again = seen(before, now=NOON + 280 * SECOND)
    take(again, *(at(30 * n) for n in range(1, 9)), at(270, received=9), at(300), at(330))
    assert healthy(assessed(again, at=335).status)["reason"] == "LossHigh", "1 % is not yet far enough below"


@pytest.mark.parametrize("spoilt", [Invalidity.LATE_TICKS, None], ids=["rounds-spoilt", "path-silent"])
def test_no_number_is_older_than_the_last_result_that_is_named(spoilt: Invalidity | None) -> None:
    """The first path, whose figures are shown, falls silent or is spoilt; the other goes on, and is down."""
    first, second = plan(path="primary"), plan(path="backup")
    state = seen(of=check(first, second))
    for seconds in range(0, 90, 30):
        take(state, at(seconds, of=first, received=5), at(seconds, of=second, received=0))
    for seconds in range(90, 900, 30):
        take(state, at(seconds, of=second, received=0))
        if spoilt is not None:
            take(state, at(seconds, of=first, invalid=spoilt))
    status = assessed(state, at=902).status
    assert status["headline"]["path"] == "primary"
    assert status["lossPercent"] == "50.00"
    assert status["lastResultTime"] == "2026-11-23T12:01:02Z", "the end of its last round that counted"


def test_the_last_result_of_a_check_without_figures_is_the_newest_of_all() -> None:
    state = seen()
    take(state, at(0, invalid=Invalidity.LATE_TICKS))
    assert assessed(state, at=3).status["lastResultTime"] == "2026-11-23T12:00:02Z"


def test_a_restart_carries_until_the_headline_has_caught_up() -> None:
    first, second = plan(path="primary"), plan(path="backup")
    state = seen(of=check(first, second))
    for seconds in range(0, 120, 30):
        take(state, at(seconds, of=first), at(seconds, of=second, received=9))
    before = assessed(state, at=92)
    again = seen({**before.status}, now=NOON + 95 * SECOND, of=check(first, second))
    take(again, *(at(seconds, of=second, received=9) for seconds in range(0, 120, 30)), at(0, of=first))
    carried = assessed(again, at=96)
    assert (carried.changed, carried.status["lastResultTime"]) == ((), before.status["lastResultTime"])
    take(again, *(at(seconds, of=first) for seconds in range(30, 120, 30)))
    caught_up = assessed(again, at=97)
    assert caught_up.changed == ()
    assert caught_up.status["probes"] == before.status["probes"]

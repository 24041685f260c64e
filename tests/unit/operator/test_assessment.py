"""From measurements to the report: figures, and conditions that keep their times."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from ipsecping.contract import IkeOptions, Invalidity, PathMtu, ProbeType, StampOptions
from ipsecping_operator.api.conditions import ConditionType, HealthyReason, ReadyReason
from ipsecping_operator.check.applied import Readiness
from ipsecping_operator.check.unreadable import Unreadable
from ipsecping_operator.compile import CompiledCheck, InvalidSpec
from ipsecping_operator.compile.compiled import Verified
from ipsecping_operator.report.assessment import assess
from ipsecping_operator.report.readiness import readiness

from .assessments import assessed, at, healthy, seen, take
from .builders import NOON, SECOND, check, plan, probe, result
from .states import shown, take_up


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


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (8, {"forwardLossPercent": "0.00", "reverseLossPercent": "40.00", "undirectedLossPercent": "5.00"}),
        (
            7,
            {
                "minForwardLossPercent": "0.00",
                "minReverseLossPercent": "35.00",
                "undirectedLossPercent": "5.00",
            },
        ),
        (0, {}),
    ],
)
def test_a_few_losses_of_unknown_direction_leave_the_figures_of_the_others(
    known: int, told: dict[str, str]
) -> None:
    state = seen()
    take(state, at(0, received=9), at(30, received=10 - known, forward_lost=0, reverse_lost=known))
    (entry,) = assessed(state, at=40).status["probes"]
    assert {name: value for name, value in entry.items() if name.endswith("LossPercent")} == told


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


def test_where_no_results_come_the_message_says_which_agent_cannot_be_read_where_and_why() -> None:
    state = seen()
    text = "http://10.244.0.7:9109/v1/results does not answer: does a NetworkPolicy let the operator in?"
    state.measured.agent_unreadable("p-1", Unreadable(pod="hq-1", text=text))
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


def test_an_invalid_spec_is_stalled_and_claims_no_health() -> None:
    state = shown()
    state.reject(InvalidSpec("spec.schedule.timeZone", "no such zone"), generation=1)
    state.applied.reconciled(readiness(state))
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
    take_up(state, check(suspend=True))
    status = assessed(state, at=500).status
    assert healthy(status)["reason"] == HealthyReason.SUSPENDED
    assert (status["lossPercent"], status["lastResultTime"]) == ("0.00", "2026-11-23T12:00:02Z")


def test_nothing_is_reported_before_the_check_was_reconciled() -> None:
    state = shown()
    take_up(state, ready=None)
    assert assess(state, now=NOON) is None


def test_a_message_too_long_for_the_api_is_cut() -> None:
    state = seen()
    state.applied.reconciled(Readiness(reason=ReadyReason.WORKLOAD_UNAVAILABLE, message="x" * 5000))
    ready = assessed(state, at=1).status["conditions"][0]
    assert len(ready["message"]) == 1024


def test_what_is_known_about_nat_and_sources_stands_in_the_status() -> None:
    both = plan(
        probe("ike", type=ProbeType.IKE, size=0, options=IkeOptions(gateway="a", detect_nat=True)),
        probe("stamp", type=ProbeType.STAMP, port=862, size=72, options=StampOptions(ask_source=True)),
    )
    state = seen(of=replace(check(both), verified=Verified(sources=(ip_network("10.244.0.0/16"),))))
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


def test_an_edit_of_where_pods_run_gives_them_time_to_start() -> None:
    state = seen()
    take(state, at(0), at(30))
    assert healthy(assessed(state, at=33).status)["status"] == "True"
    take_up(state, check(every_node=True), now=NOON + 60 * SECOND)
    # Nothing is measured meanwhile: from 30 s later on two intervals and the round's 2 s, and no longer.
    assert healthy(assessed(state, at=151).status)["reason"] == "WithinThresholds"
    assert healthy(assessed(state, at=153).status)["reason"] == "StaleResults"


@pytest.mark.parametrize("edited", [check(every_node=True), check(plan(interval_ms=31_000))])
def test_an_edit_makes_no_check_healthy_that_nobody_has_heard_of(edited: CompiledCheck) -> None:
    state = seen()
    take(state, at(0))
    assessed(state, at=3)
    assert healthy(assessed(state, at=70).status)["reason"] == "StaleResults"
    take_up(state, edited, now=NOON + 71 * SECOND)
    assert healthy(assessed(state, at=72).status)["reason"] == "StaleResults"

"""Which alerts a check deserves: what the rules for Prometheus say, by the same names and labels."""

from ipsecping.contract import Expect, ProbeType
from ipsecping_operator.api.conditions import ConditionType, HealthyReason, ReadyReason
from ipsecping_operator.notify import alert_kinds as kinds
from ipsecping_operator.notify.alerts import MAX_TEXT
from ipsecping_operator.notify.gateways import gateway_alerts
from ipsecping_operator.status.conditions import condition

from ..operator.builders import NOON
from .alerts import ROUTING, alerts, facts, finding, named

DOWN, GOOD, LOSS = HealthyReason.DOWN, HealthyReason.WITHIN_THRESHOLDS, HealthyReason.LOSS_HIGH


def test_an_outage_is_one_alert_with_the_labels_and_texts_of_the_rules() -> None:
    (alert,) = alerts(finding(DOWN), diagnosis="NoSA: no SA is up")
    assert dict(alert.labels) == {
        **{key: value for key, value in ROUTING.items() if value},
        "alertname": "IPsecPingTunnelDown",
    }
    assert alert.summary == "hq-dc1: the tunnel is down on hq/default to 203.0.113.10 (203.0.113.10)"
    assert alert.description == (
        "Down on default/ping. Probes: ping (Down). Diagnosis: NoSA: no SA is up; "
        "next step: kubectl -n network describe itc hq."
    )


def test_one_path_of_two_is_no_dead_tunnel_and_one_probe_of_two_no_dead_path() -> None:
    paths = ("a", "b")
    assert named(alerts(finding(DOWN, path="a"), finding(GOOD, path="b"), paths=paths)) == [
        ("PathDown", "a", "warning")
    ]
    assert named(alerts(finding(DOWN, path="a"), finding(DOWN, path="b"), paths=paths)) == [
        ("TunnelDown", "a", "critical"),
        ("TunnelDown", "b", "critical"),
    ]
    assert named(alerts(finding(DOWN), finding(GOOD, "echo"))) == [("ProbeDown", "default", "warning")]
    # What is not known of a path says nothing of the other.
    stale = HealthyReason.STALE_RESULTS
    assert named(alerts(finding(DOWN, path="a"), finding(stale, path="b"), paths=paths)) == [
        ("TunnelDown", "a", "critical"),
        ("Stale", "b", "warning"),
    ]


def test_a_probe_with_more_patience_than_the_others_holds_up_no_alert() -> None:
    patient = finding(LOSS, "app", silent=True)
    undecided = [("default", "app")]
    assert ("TunnelDown", "default", "critical") in named(alerts(finding(DOWN), patient, undecided=undecided))
    for others in ((), (finding(GOOD),), (finding(GOOD), finding(DOWN, "echo"))):
        found = named(alerts(*others, patient, undecided=undecided))
        assert not {"TunnelDown", "PathDown"} & {name for name, _, _ in found}, "somebody answers, or may"


def test_ike_and_what_is_to_be_blocked_make_no_tunnel_dead() -> None:
    ike = finding(DOWN, "ike", kind=ProbeType.IKE)
    assert named(alerts(ike, finding(GOOD))) == [("ProbeDown", "default", "warning")]
    blocked = finding(HealthyReason.UNEXPECTEDLY_REACHABLE, "bypass", expect=Expect.BLOCKED)
    assert named(alerts(finding(GOOD), blocked)) == [("TrafficLeak", "default", "critical")]


def test_the_loss_that_an_outage_has_left_is_no_second_fault() -> None:
    assert named(alerts(finding(LOSS))) == [("LossHigh", "default", "warning")]
    assert alerts(finding(LOSS), lately_down=[("default", "ping")]) == []
    assert named(alerts(finding(LOSS), lately_down=[("default", "echo")])) == [
        ("LossHigh", "default", "warning")
    ]


def test_loss_is_no_fault_of_its_own_while_it_may_be_the_beginning_of_an_outage() -> None:
    begins = [("default", "ping")]
    for reason in (LOSS, HealthyReason.LOSS_BURST, HealthyReason.FLOW_LOSS):
        (alert,) = alerts(finding(reason), undecided=begins)
        assert alert.later == 900
        (alert,) = alerts(finding(reason), finding(reason, "echo"), undecided=begins)
        assert alert.later == 0, "another probe is answered"
        assert "Probes: echo (" in alert.description
    for reason in (DOWN, HealthyReason.LATENCY_HIGH):
        (alert,) = alerts(finding(reason), undecided=begins)
        assert alert.later == 0


def test_a_certificate_that_ends_is_told_instead_of_a_failure() -> None:
    failed = HealthyReason.PROBE_FAILED
    assert named(alerts(finding(failed, certificate_ends=True))) == [
        ("CertificateExpiring", "default", "warning")
    ]
    assert named(alerts(finding(failed))) == [("ProbeFailed", "default", "warning")]


def test_each_reason_that_is_not_good_has_an_alert() -> None:
    silent = {HealthyReason.WITHIN_THRESHOLDS, HealthyReason.SUSPENDED, HealthyReason.INTERNAL_ERROR}
    for reason in HealthyReason:
        assert bool(alerts(finding(reason))) == (reason not in silent), reason


def test_no_alert_is_graver_than_the_check_says() -> None:
    for severity, expected in (("critical", "critical"), ("warning", "warning"), ("info", "info")):
        assert named(alerts(finding(DOWN), severity=severity)) == [("TunnelDown", "default", expected)]
    assert named(alerts(finding(LOSS), severity="info")) == [("LossHigh", "default", "info")]


def test_a_check_that_is_not_set_up_or_flaps_is_told_without_a_path() -> None:
    ready = condition(
        ConditionType.READY, ReadyReason.INVALID_SPEC, "spec.target: odd", previous={}, generation=1, now=NOON
    )
    healthy = condition(ConditionType.HEALTHY, GOOD, "fine", previous={}, generation=1, now=NOON)
    flapping, not_ready = alerts(finding(GOOD), ready=ready, healthy=healthy, outages=4)
    assert (flapping.kind, not_ready.kind) == (kinds.FLAPPING, kinds.CHECK_NOT_READY)
    for alert in (flapping, not_ready):
        assert not {"path", "target", "remote_ip"} & dict(alert.labels).keys()
    assert flapping.summary == "hq-dc1: 4 outages of hq in an hour"
    assert not_ready.description == "Ready is not True: InvalidSpec: spec.target: odd"


def test_what_somebody_has_named_a_tunnel_stays_a_line_of_bounded_length() -> None:
    found = [finding(LOSS, f"probe-{number}" * 40) for number in range(16)]
    (alert,) = alerts(*found)
    assert len(alert.description) <= MAX_TEXT
    assert alert.description.isprintable()


def test_a_gateway_is_down_with_its_daemon_or_with_two_tunnels_and_never_while_one_works() -> None:
    assert not [*gateway_alerts([facts("a", down=True)])], "one tunnel may be at fault itself"
    assert not [*gateway_alerts([facts("a", down=True), facts("a", down=True)])], "two paths of one"
    assert not [*gateway_alerts([facts("a", down=True, ike_down=True), facts("b", down=False)])]
    for known in (
        [facts("a", down=True), facts("b", down=True)],
        [facts("a", down=True, ike_down=True)],
        [facts("a", down=None, ike_down=True)],
    ):
        (alert,) = gateway_alerts(known)
        assert dict(alert.labels) == {
            "alertname": "IPsecPingGatewayDown",
            "namespace": "network",
            "gateway": "198.51.100.2",
            "severity": "critical",
        }

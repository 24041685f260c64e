"""What a user reads in `kubectl get itc`: mistakes that only the operator can tell, and each verdict."""

from pathlib import Path
from typing import Any

import pytest

from ipsecping.contract import LossReason, PathMtu, termination

from ...yaml_text import from_yaml
from .cluster import Cluster, ended
from .processes import OperatorProcess
from .rounds import MS, planned, round_of

MISTAKES = from_yaml((Path(__file__).parents[2] / "operator_mistakes.yaml").read_text())


def test_what_the_schema_cannot_know_is_told_in_the_status_in_the_words_of_render(
    operator: OperatorProcess, cluster: Cluster
) -> None:
    for index, mistake in enumerate(MISTAKES):
        cluster.check(mistake["spec"], name=f"m{index}")
    for index, mistake in enumerate(MISTAKES):
        said = cluster.says("Ready", "False", "InvalidSpec", name=f"m{index}")
        assert said == mistake["says"]
        cluster.says("Stalled", "True", "InvalidSpec", name=f"m{index}")
        cluster.says("Healthy", "Unknown", "NoResults", name=f"m{index}")
    assert cluster.children("deployment") == cluster.children("cronjob") == []


STAMP = [{"name": "datapath", "stamp": {}}]
REASONS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "Down": (
        {"probes": STAMP, "thresholds": {"downAfter": 1}},
        {"received": 0, "losses": {LossReason.UNREACHABLE: 10}},
        "no answer to the last 10 packets in 1 round on default/datapath, since ",
    ),
    "LossHigh": (
        {"probes": STAMP},
        {"received": 8, "losses": {LossReason.TIMEOUT: 2}, "forward_lost": 0, "reverse_lost": 2},
        "20.00 % of 10 packets lost in 5m (limit 1 %) on default/datapath, all on the way back",
    ),
    "LatencyHigh": (
        {"probes": STAMP, "thresholds": {"rtt": {"p50": "10ms"}}},
        {},
        "RTT p50 12.00ms of 10 packets in 5m (limit 10ms) on default/datapath",
    ),
    "JitterHigh": (
        {"probes": STAMP, "thresholds": {"jitter": "2ms"}},
        {"rtt_ms": [12, 15] * 5, "jitter_sum": 27 * MS, "jitter_count": 9},
        "jitter 3.00ms of 10 packets in 5m (limit 2ms) on default/datapath",
    ),
    "PathMTULow": (
        {"probes": [{"name": "mtu", "pathMTU": {}}], "thresholds": {"pathMTU": 1400}},
        {"path_mtu": PathMtu(forward=1320, reverse=1320, too_big=False)},
        "packets of at most 1320 bytes pass on the way there (limit 1400) on default/mtu; larger ones",
    ),
    "UnexpectedlyReachable": (
        {"probes": [{"name": "telnet", "expect": "Blocked", "tcp": {"port": 23}}]},
        {"received": 9, "losses": {LossReason.TIMEOUT: 1}},
        "9 packets got through in 5m on default/telnet, though Blocked is expected: answered",
    ),
    "SourceMismatch": (
        {"probes": STAMP, "verify": {"sourceSeen": ["10.244.0.0/16"]}},
        {"sources": {"198.51.100.1": 10}},
        "the target saw 10 packets in 5m come from 198.51.100.1 on default/datapath, allowed is 10.244.0",
    ),
    "ProbeFailed": (
        {"probes": [{"name": "app", "http": {"url": "http://203.0.113.10/"}}]},
        {"received": 5, "losses": {LossReason.UNEXPECTED_STATUS: 5}},
        "50.00 % of 10 packets without a good answer in 5m (limit 1 %) on default/app",
    ),
}


@pytest.mark.usefixtures("operator")
def test_each_reason_to_be_unhealthy_is_reached_and_says_value_limit_window_and_place(
    cluster: Cluster,
) -> None:
    for reason, (spec, _, _) in REASONS.items():
        cluster.check({"schedule": {"cron": "*/5 * * * *"}, **spec}, name=reason.lower())
    for reason, (_, measured, said) in REASONS.items():
        name = reason.lower()
        cron_job, config_map = (cluster.one(kind, check=name) for kind in ("cronjob", "configmap"))
        results = round_of(planned(config_map), **measured)
        pod = cluster.round_pod(cron_job)
        cluster.set_status("pod", pod, ended(termination.encode(results)))
        assert cluster.says("Healthy", "False", reason, name=name).startswith(said)
        assert cluster.status(name)["outages"][0]["reason"] == reason


@pytest.mark.usefixtures("operator")
def test_a_probe_with_a_limit_of_its_own_is_judged_by_it_and_an_edit_of_it_judges_anew(
    cluster: Cluster,
) -> None:
    def spec(limit: str) -> dict[str, Any]:
        app = {"name": "app", "http": {"url": "http://203.0.113.10/"}, "thresholds": {"rtt": {"p50": limit}}}
        limits = {"rtt": {"p50": "20ms"}, "jitter": "1s"}
        schedule = {"cron": "*/5 * * * *"}
        return {"schedule": schedule, "probes": [*STAMP, app], "thresholds": limits}

    cluster.check(spec("10ms"), name="own")
    cron_job, config_map = (cluster.one(kind, check="own") for kind in ("cronjob", "configmap"))
    pod = cluster.round_pod(cron_job)
    cluster.set_status("pod", pod, ended(termination.encode(round_of(planned(config_map)))))
    assert cluster.says("Healthy", "False", "LatencyHigh", name="own") == (
        "RTT p50 12.00ms of 10 packets in 5m (limit 10ms) on default/app; the other probe within thresholds"
    )
    reasons = {each["name"]: each["reason"] for each in cluster.status("own")["probes"]}
    assert reasons == {"datapath": "WithinThresholds", "app": "LatencyHigh"}
    cluster.check(spec("15ms"), name="own")
    cluster.says("Healthy", "True", "WithinThresholds", name="own")

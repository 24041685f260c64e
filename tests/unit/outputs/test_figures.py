"""What a database or a log is told of one round."""

import json
import logging
from pathlib import Path
from types import MappingProxyType

import pytest

from ipsecping.cli.logs import JsonFormatter
from ipsecping.contract import (
    Audit,
    AuditFinding,
    CertificateExpiry,
    Figure,
    Flows,
    Histogram,
    Hops,
    LossReason,
    LossShape,
    Marking,
    Markings,
    Nat,
    PathMtu,
    Refusal,
    RefusedAnswers,
    RefusedKind,
    Sources,
    Unanswered,
)
from ipsecping.contract.methods import figure_types
from ipsecping.outputs.figures import fields
from ipsecping.outputs.logline import log_result

from .results import MS, invalid, measured


def test_counts_are_integers_and_times_are_seconds() -> None:
    assert fields(measured().result) == {
        "clock": "Kernel",
        "remote_ip": "203.0.113.10",
        "duration_seconds": 1.5,
        "sent": 10,
        "received": 9,
        "lost": 1,
        "loss_ratio": 0.1,
        "forward_lost": 0,
        "reverse_lost": 1,
        "duplicates": 0,
        "reordered": 0,
        "lost_timeout": 1,
        "rtt_min_seconds": 0.012,
        "rtt_mean_seconds": 0.012,
        "rtt_p50_seconds": 0.012,
        "rtt_p90_seconds": 0.012,
        "rtt_p99_seconds": 0.012,
        "rtt_max_seconds": 0.012,
        "jitter_seconds": 0.0005,
    }


def test_an_outage_has_losses_and_no_times() -> None:
    lost = MappingProxyType({LossReason.TLS_FAILED: 4, LossReason.MESSAGE_TOO_BIG: 6})
    said = fields(measured(received=0, losses=lost, rtt=Histogram(), jitter_count=0).result)
    assert (said["loss_ratio"], said["lost_tls_failed"], said["lost_message_too_big"]) == (1.0, 4, 6)
    assert not [name for name in said if name.startswith(("rtt", "jitter"))]


def test_an_invalid_round_says_why_and_gives_no_figure_that_could_be_taken_for_the_paths() -> None:
    assert set(fields(invalid().result)) == {"clock", "remote_ip", "duration_seconds", "invalid"}


def test_findings_of_the_probe_types_are_told() -> None:
    found = PathMtu(forward=1438, reverse=1400, too_big=False)
    said = fields(measured(path_mtu=found, certificate_expiry=1_800_000_000).result)
    assert said["path_mtu_bytes"] == 1438
    assert said["path_mtu_reverse_bytes"] == 1400
    assert said["certificate_expiry"] == 1_800_000_000


def test_a_log_line_is_one_json_object_with_labels_and_figures(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        log_result(measured(rtt=Histogram.of([MS] * 9)))
    content = json.loads(JsonFormatter().format(caplog.records[0]))
    assert content["message"] == "result"
    assert content["started_at"] == "2026-11-25T12:00:00.000Z"
    assert content["tunnel_name"] == "hq-dc1"
    assert content["rtt_max_seconds"] == 0.001


def test_every_figure_of_a_type_is_explained_where_outputs_are() -> None:
    examples: list[Figure] = [
        LossShape(packets=2, duration=1, period=5),
        PathMtu(forward=1400, reverse=1300, too_big=False),
        Flows.of([(2, 1, 1, 5), (2, 0, 0, 0)], first_port=61_000),
        Audit(found=(AuditFinding.SHORT,)),
        CertificateExpiry(0),
        Nat(True),
        Unanswered.of({500: LossReason.TIMEOUT}),
        Sources.of({"10.0.0.1": 1}),
        Markings.of({Marking(46, 0): 1}),
        Hops.of({2: 1}),
        RefusedAnswers.of({RefusedKind(Refusal.TOO_SHORT, 20): 1}),
    ]
    assert tuple(map(type, examples)) == figure_types()
    text = (Path(__file__).parents[3] / "docs" / "standalone.md").read_text()
    names = {name for figure in examples for name in figure.fields()}
    gauges = {gauge.name for figure in examples for gauge in figure.gauges}
    gauges |= {gauge.name for figure in examples for gauge in figure.labelled}
    assert {name for name in gauges if not name.startswith("ipsecping_")} == set()
    names |= gauges
    assert {name for name in names if f"`{name}`" not in text} == set()

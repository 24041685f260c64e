"""Evidence that `make catalogue` recorded behind real ESP, and what may be said of it."""

from pathlib import Path

import pytest

from ipsecping.diagnosis import Confidence, Diagnosis, diagnose, evidence_from_bytes
from ipsecping.diagnosis.cause import Cause

RECORDED = Path(__file__).with_name("recorded")
PROVEN = Confidence.PROVEN


def judged(name: str) -> Diagnosis:
    return diagnose(evidence_from_bytes((RECORDED / f"{name}.json").read_bytes()))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a-busy-host", []),
        ("node-route-unreachable", [("NearRoutingWrong", PROVEN)]),
        ("leak-behind-an-unknown-gateway", [("LeavesInClear", PROVEN), ("SourceTranslated", PROVEN)]),
        ("sa-limit-reached-meanwhile", [("TunnelSilent", Confidence.ONE_OF)]),
        ("outages-at-rekeyings", [("PacketsLost", Confidence.ONE_OF)]),
        ("a-policer-that-loses-large-packets-first", [("RateLimited", Confidence.ONLY_ONE_LEFT)]),
        ("a-queue-that-is-full-at-a-low-rate-too", [("RateDependentLoss", Confidence.ONE_OF)]),
    ],
)
def test_what_is_said_of_it(name: str, said: list[tuple[str, Confidence]]) -> None:
    assert [(finding.reason, finding.confidence) for finding in judged(name).findings] == said


def test_the_truth_is_among_the_causes_of_a_tunnel_that_broke_meanwhile() -> None:
    assert Cause.SA_EXHAUSTED in judged("sa-limit-reached-meanwhile").findings[0].causes


def test_the_truth_is_among_the_causes_of_a_tunnel_that_comes_and_goes() -> None:
    assert judged("outages-at-rekeyings").findings[0].causes == (Cause.REKEY_BROKEN, Cause.UNDERLAY_LOSS)

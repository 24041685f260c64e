"""When the operator says that only a restart can help."""

from ipsecping_operator.metrics.health import UNWATCHED_SECONDS, Health


def test_health_notices_that_nobody_looks_and_that_looking_does_not_help() -> None:
    health = Health(ticked=1000.0)
    health.watched = 1000.0 - UNWATCHED_SECONDS
    assert health.problem(1000.0) is None
    health.watched -= 1
    assert "nobody has looked for 121 s" in str(health.problem(1000.0))
    health.watched, health.unjudged = 1000.0, ["network/hq"]
    assert health.problem(1000.0) == "1 checks are not judged any more (network/hq)"

"""When the operator says that only a restart can help."""

from ipsecping_operator.app.self_report import SelfReport
from ipsecping_operator.cache.sweep import Listed
from ipsecping_operator.metrics.health import UNWATCHED_SECONDS, Health
from ipsecping_operator.metrics.operator import OperatorMetrics


def test_health_notices_that_nobody_looks_and_that_looking_does_not_help() -> None:
    health = Health(ticked=1000.0)
    health.watched = 1000.0 - UNWATCHED_SECONDS
    assert health.problem(1000.0) is None
    health.watched -= 1
    assert "nobody has looked for 121 s" in str(health.problem(1000.0))
    health.watched, health.unjudged = 1000.0, ["network/hq"]
    assert health.problem(1000.0) == "1 checks are not judged any more (network/hq)"


def test_that_nobody_looked_while_the_process_stood_still_is_no_reason_to_restart_it() -> None:
    health = Health(ticked=1000.0)
    health.watched = 1000.0
    health.tick(1500.0)
    assert health.problem(1500.0) is None
    for second in range(1501, 1500 + int(UNWATCHED_SECONDS) + 2):
        health.tick(second)
    assert "nobody has looked" in str(health.problem(second)), "while it works"


def test_storage_that_was_put_back_to_a_backup_asks_for_a_restart_until_there_is_one() -> None:
    health = Health(ticked=1000.0)
    report = SelfReport(OperatorMetrics(lease=""), health)
    report.unseen([Listed("IPsecTunnelCheck", "network/hq", 500, older=True)])
    said = (
        "the API holds older versions than before, of network/hq for one: its storage was put back to a "
        "backup, and all has to be read anew"
    )
    assert health.problem(1000.0) == said
    report.unseen([])
    assert health.problem(1000.0) == said, (
        "what was edited meanwhile was taken for old, and is still not known"
    )

"""The cluster's DNS goes away under checks whose targets are names: the tunnel is not to blame."""

import time
from typing import Any

from ipsecping_lab.workbench import wait_for

from .bench import FAR_A, FAR_B, SHORT_WINDOW, Bench
from .names import name_of, no_resolver

NAMED = 20
AWAY = 60.0
"""Seconds without a resolver: many times as long as an answer of CoreDNS may be kept (5 s)."""
PROBE: dict[str, Any] = {
    "name": "datapath",
    "count": 4,
    "spacing": "50ms",
    "timeout": "1s",
    "stamp": {"port": 862},
}


def test_twenty_named_checks_go_on_without_a_resolver_and_a_new_one_blames_the_resolver(bench: Bench) -> None:
    spec: dict[str, Any] = {
        "schedule": {"interval": "2s"},
        "thresholds": SHORT_WINDOW,
        "probes": [PROBE],
    }
    checks = {f"named-{number}": (FAR_A, FAR_B)[number % 2] for number in range(NAMED)}
    for check, address in checks.items():
        bench.declare(check, target=name_of(bench, address, name=f"far-{check}"), **spec)
    for check in checks:
        bench.wait_for_reason(check, "WithinThresholds", seconds=120)
    new = name_of(bench, FAR_A, name="far-new")
    with no_resolver():
        before = {check: sent(bench, check) for check in checks}
        bench.declare("new", target=new, **spec)
        until = time.monotonic() + AWAY
        bench.wait_for_reason("new", "TargetUnresolved")
        while time.monotonic() < until:
            reasons = {check: bench.healthy(check)["reason"] for check in checks}
            assert set(reasons.values()) == {"WithinThresholds"}, reasons
            time.sleep(5)
        for check, figure in before.items():
            wait_for(
                f"figures of {check} to go on",
                lambda each=check: sent(bench, each),  # type: ignore[misc]
                lambda now, then=figure: now != then,  # type: ignore[misc]
                seconds=90,
            )
    bench.wait_for_reason("new", "WithinThresholds")
    for check in (*checks, "new"):
        status = bench.check(check)["status"]
        assert "outages" not in status, check
        assert status["probes"][0]["lossPercent"] == "0.00", check


def sent(bench: Bench, check: str) -> tuple[int, str]:
    """The packets of the window and the time of its last result: one of them moves while figures go on."""
    status = bench.check(check)["status"]
    return status["probes"][0]["sent"], status["lastResultTime"]

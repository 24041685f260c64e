"""Termination messages as a probe pod would leave them."""

import json
import time
from collections.abc import Sequence
from typing import Any

from ipsecping.contract import (
    Histogram,
    Invalidity,
    LossReason,
    PlannedCheck,
    PlannedProbe,
    RoundResult,
    plan_from_json,
    termination,
)

from ...result_figures import keywords

MS = 1_000_000


def message(
    config_map: dict[str, Any],
    *,
    received: int = 10,
    rtt_ms: Sequence[float] | float = 12,
    invalid: Invalidity | None = None,
) -> str:
    """One round of the ConfigMap's plan, just ended: ten packets, so many of them answered."""
    return termination.encode(
        round_of(planned(config_map), received=received, rtt_ms=rtt_ms, invalid=invalid)
    )


def planned(config_map: dict[str, Any]) -> PlannedCheck:
    """The one check of the ConfigMap's plan."""
    (check,) = plan_from_json(json.loads(config_map["data"]["plan.json"])).checks
    return check


def round_of(
    check: PlannedCheck,
    *,
    received: int = 10,
    rtt_ms: Sequence[float] | float = 12,
    invalid: Invalidity | None = None,
    losses: dict[LossReason, int] | None = None,
    **figures: Any,
) -> list[RoundResult]:
    """The results of one round of the check, just ended: ten packets, so many of them answered.

    Fewer where the plan has fewer.
    """
    return [
        _round(
            check,
            probe,
            sent=min(probe.count, 10),
            received=received,
            rtt_ms=rtt_ms,
            invalid=invalid,
            losses=losses,
            **figures,
        )
        for probe in check.probes
    ]


def _round(
    check: PlannedCheck,
    probe: PlannedProbe,
    *,
    sent: int,
    received: int,
    rtt_ms: Sequence[float] | float,
    losses: dict[LossReason, int] | None,
    **figures: Any,
) -> RoundResult:
    received = min(received, sent)
    times = [rtt_ms] * received if isinstance(rtt_ms, int | float) else rtt_ms
    return RoundResult(
        check=check.ref,
        probe=probe.name,
        type=probe.type,
        started_at=time.time_ns() - MS,
        duration=MS,
        sent=sent,
        received=received,
        losses=losses or ({LossReason.TIMEOUT: sent - received} if received < sent else {}),
        rtt=Histogram.of(int(each * MS) for each in times),
        **keywords(figures),
    )

"""Termination messages as a probe pod would leave them."""

import json
import time
from collections.abc import Sequence
from typing import Any

from ipsecping.contract import Histogram, Invalidity, LossReason, RoundResult, plan_from_json, termination

MS = 1_000_000


def message(
    config_map: dict[str, Any],
    *,
    received: int = 10,
    rtt_ms: Sequence[float] | float = 12,
    invalid: Invalidity | None = None,
) -> str:
    """One round of the ConfigMap's plan, just ended: ten packets, so many of them answered."""
    (check,) = plan_from_json(json.loads(config_map["data"]["plan.json"])).checks
    times = [rtt_ms] * received if isinstance(rtt_ms, int | float) else rtt_ms
    results = [
        RoundResult(
            check=check.ref,
            probe=probe.name,
            type=probe.type,
            started_at=time.time_ns() - MS,
            duration=MS,
            sent=10,
            received=received,
            losses={LossReason.TIMEOUT: 10 - received} if received < 10 else {},
            rtt=Histogram.of(int(each * MS) for each in times),
            invalid=invalid,
        )
        for probe in check.probes
    ]
    return termination.encode(results)

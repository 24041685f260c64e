"""What crosses the boundary between operator and prober: plan, result, and the statistics inside a result.

Pure data and pure functions; the operator imports this package and nothing else of the prober.
"""

from .check import MIN_PAYLOAD, CheckRef, ContractError, LossReason, ProbeType
from .histogram import Histogram
from .plan import Plan, PlannedCheck, PlannedProbe, plan_from_json, plan_to_json
from .result import ClockSource, Invalidity, RoundResult, result_from_json, result_to_json

__all__ = [
    "MIN_PAYLOAD",
    "CheckRef",
    "ClockSource",
    "ContractError",
    "Histogram",
    "Invalidity",
    "LossReason",
    "Plan",
    "PlannedCheck",
    "PlannedProbe",
    "ProbeType",
    "RoundResult",
    "plan_from_json",
    "plan_to_json",
    "result_from_json",
    "result_to_json",
]

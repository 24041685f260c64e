"""What crosses the boundary between operator and prober: plan, result, and the statistics inside a result.

Pure data and pure functions; the operator imports this package and nothing else of the prober.
"""

from .check import MIN_PAYLOAD, PORTLESS, CheckRef, ContractError, Expect, LossReason, ProbeType
from .destination import destination, named
from .expectation import as_expected, packets_reached
from .histogram import Histogram
from .options import (
    DnsOptions,
    HttpOptions,
    IkeOptions,
    Options,
    PathMtuOptions,
    RecordType,
    StampOptions,
    TcpOptions,
    TlsOptions,
    least_payload,
)
from .plan import Plan, PlannedCheck, PlannedProbe, plan_from_json, plan_to_json
from .result import ClockSource, Invalidity, PathMtu, RoundResult
from .result_json import result_from_json, result_to_json
from .rules import check_result

__all__ = [
    "MIN_PAYLOAD",
    "PORTLESS",
    "CheckRef",
    "ClockSource",
    "ContractError",
    "DnsOptions",
    "Expect",
    "Histogram",
    "HttpOptions",
    "IkeOptions",
    "Invalidity",
    "LossReason",
    "Options",
    "PathMtu",
    "PathMtuOptions",
    "Plan",
    "PlannedCheck",
    "PlannedProbe",
    "ProbeType",
    "RecordType",
    "RoundResult",
    "StampOptions",
    "TcpOptions",
    "TlsOptions",
    "as_expected",
    "check_result",
    "destination",
    "least_payload",
    "named",
    "packets_reached",
    "plan_from_json",
    "plan_to_json",
    "result_from_json",
    "result_to_json",
]

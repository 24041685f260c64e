"""What crosses the boundary between operator and prober: plan, result, and the statistics inside a result.

Pure data and pure functions; the operator imports this package and nothing else of the prober.
"""

from .audit_finding import AuditFinding, AuditProtocol
from .check import Addresses, CheckRef, ContractError, Expect, Family, LossReason, ProbeType
from .controls import Control
from .destination import destination, most_addresses, named, per_address
from .expectation import as_expected, packets_reached
from .figure import Figure
from .flows import FlowPackets, Flows
from .histogram import Histogram
from .loss_shape import LossShape
from .methods import METHODS
from .methods.arrival import Hops, Marking, Markings, Sources
from .methods.audit import Audit, AuditOptions
from .methods.dns import DnsOptions, RecordType
from .methods.http import HttpOptions
from .methods.ike import IkeOptions, Nat, Unanswered
from .methods.path_mtu import PathMtu, PathMtuOptions
from .methods.spec import MethodSpec, Options
from .methods.stamp import StampOptions
from .methods.tcp import TcpOptions
from .methods.tls import CertificateExpiry, TlsOptions
from .plan import Plan, PlannedCheck, plan_from_json, plan_to_json
from .planned_probe import PlannedProbe
from .refused_answers import Refusal, RefusedAnswers, RefusedKind
from .result import ClockSource, Invalidity, RoundResult
from .result_json import result_from_json, result_to_json
from .rules import check_result

__all__ = [
    "METHODS",
    "Addresses",
    "Audit",
    "AuditFinding",
    "AuditOptions",
    "AuditProtocol",
    "CertificateExpiry",
    "CheckRef",
    "ClockSource",
    "ContractError",
    "Control",
    "DnsOptions",
    "Expect",
    "Family",
    "Figure",
    "FlowPackets",
    "Flows",
    "Histogram",
    "Hops",
    "HttpOptions",
    "IkeOptions",
    "Invalidity",
    "LossReason",
    "LossShape",
    "Marking",
    "Markings",
    "MethodSpec",
    "Nat",
    "Options",
    "PathMtu",
    "PathMtuOptions",
    "Plan",
    "PlannedCheck",
    "PlannedProbe",
    "ProbeType",
    "RecordType",
    "Refusal",
    "RefusedAnswers",
    "RefusedKind",
    "RoundResult",
    "Sources",
    "StampOptions",
    "TcpOptions",
    "TlsOptions",
    "Unanswered",
    "as_expected",
    "check_result",
    "destination",
    "most_addresses",
    "named",
    "packets_reached",
    "per_address",
    "plan_from_json",
    "plan_to_json",
    "result_from_json",
    "result_to_json",
]

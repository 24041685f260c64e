"""What a diagnosis says, in short: what crosses from prober to operator. Pure data and its rules.

The evidence itself stays with the prober. A report fits a container's termination message, of which the
kubelet keeps 4,096 bytes.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .bounds import MAX_DURATION, MAX_INSTANT, MAX_INTEGER
from .check import CheckRef
from .diagnosis_terms import Confidence, Direction, Outcome
from .fields import ContractError, check_text, out_of_range, shown

VERSION = 1
MAX_REPORT_BYTES = 3500
"""Of a report's JSON text in UTF-8."""
MAX_FINDINGS = 4
MAX_CAUSES = 3
"""More are not named: then the reason of the finding says what they have in common."""
MAX_MESSAGE = 300
"""Characters of a summary, a message and a next step."""
MAX_LAYER = 88
MAX_NOT_TESTED = 32
MAX_SENT = 10_000
"""Packets of one diagnosis."""
_NAME = re.compile(r"[A-Z][A-Za-z]{1,40}")
_REQUEST = re.compile(r"[A-Za-z0-9._-]{1,64}")
_DIGEST = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedFinding:
    """One fault, or a set of causes of which one is at fault."""

    reason: str
    """The cause's name, or that of what several causes have in common."""
    causes: tuple[str, ...]
    """Those that are left, at most `MAX_CAUSES`, or names for several that only a gateway can tell apart;
    empty where there are more, or none."""
    direction: Direction
    confidence: Confidence
    layer: str
    """The layer, or the region on the way from the prober to the target."""
    message: str
    """What is at fault, with what was counted."""
    next_step: str
    """The machine, the command to type there, and what to look for."""
    warning: bool = False
    """The traffic passes nevertheless."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisReport:
    """A diagnosis of one path. Durations in nanoseconds, times in nanoseconds since the Unix epoch."""

    check: CheckRef
    request: str
    """Whose answer this is: the word that asked for it, fit for a path of a URL (`is_request`)."""
    started_at: int
    duration: int
    outcome: Outcome
    summary: str
    """The gravest finding in one line, or what else there is to say."""
    findings: tuple[ReportedFinding, ...] = ()
    """Gravest first, the gravest `MAX_FINDINGS` of them."""
    not_tested: tuple[str, ...] = ()
    """Names of the parts of the evidence that were not tested."""
    packets: int
    """That the diagnosis sent."""
    evidence_digest: str
    """16 hexadecimal digits that name the evidence."""


def is_name(value: str) -> bool:
    """Whether it can be the name of a cause or of a part of the evidence."""
    return _NAME.fullmatch(value) is not None


def is_request(value: str) -> bool:
    """Whether it can name who asked: 1 to 64 letters, digits, dots, hyphens and underscores."""
    return _REQUEST.fullmatch(value) is not None


def check_request(value: str, path: str) -> None:
    """Raise ContractError unless `is_request`."""
    if not is_request(value):
        said = "is not 1 to 64 letters, digits, dots, hyphens and underscores"
        raise ContractError(f"{path}: {shown(value)} {said}")


def check_report(report: DiagnosisReport, path: str = "diagnosis") -> None:
    """Raise ContractError, with the path of the field, unless the report keeps the rules."""
    _check_ref(report.check, path)
    check_request(report.request, f"{path}.request")
    _within(report.started_at, f"{path}.startedAt", MAX_INSTANT)
    _within(report.duration, f"{path}.duration", MAX_DURATION)
    _within(report.packets, f"{path}.packets", MAX_SENT)
    _check_line(report.summary, path, "summary", MAX_MESSAGE)
    _at_most(len(report.findings), f"{path}.findings", MAX_FINDINGS)
    for number, finding in enumerate(report.findings):
        _check_finding(finding, f"{path}.findings[{number}]")
    faults = any(not finding.warning for finding in report.findings)
    # What spoiled a measurement is a finding, and no fault of the path.
    if report.outcome is not Outcome.NOT_MEASURED and faults is not (report.outcome is Outcome.FAULT):
        raise ContractError(f"{path}.outcome: {report.outcome}, which the findings do not bear out")
    _at_most(len(report.not_tested), f"{path}.notTested", MAX_NOT_TESTED)
    _check_names(report.not_tested, f"{path}.notTested")
    if _DIGEST.fullmatch(report.evidence_digest) is None:
        raise ContractError(f"{path}.evidenceDigest: {shown(report.evidence_digest)} is not 16 hex digits")


def _check_ref(check: CheckRef, path: str) -> None:
    for key in ("uid", "namespace", "name", "nonce", "path"):
        check_text(getattr(check, key), path, key)
    _within(check.generation, f"{path}.generation", MAX_INTEGER)


def _check_finding(finding: ReportedFinding, path: str) -> None:
    _check_names((finding.reason,), f"{path}.reason")
    _at_most(len(finding.causes), f"{path}.causes", MAX_CAUSES)
    _check_names(finding.causes, f"{path}.causes")
    _check_line(finding.layer, path, "layer", MAX_LAYER)
    _check_line(finding.message, path, "message", MAX_MESSAGE)
    _check_line(finding.next_step, path, "nextStep", MAX_MESSAGE)


def _check_line(value: str, path: str, key: str, most: int) -> None:
    check_text(value, path, key)
    if len(value) > most:
        raise ContractError(f"{path}.{key}: longer than {most} characters")


def _check_names(names: Iterable[str], path: str) -> None:
    for name in names:
        if not is_name(name):
            raise ContractError(f"{path}: {shown(name)} is not a capital letter and up to 40 more letters")


def _at_most(count: int, path: str, most: int) -> None:
    if count > most:
        raise ContractError(f"{path}: {count} items, at most {most} are allowed")


def _within(value: int, path: str, most: int) -> None:
    if not 0 <= value <= most:
        raise out_of_range(value, path, 0, most)

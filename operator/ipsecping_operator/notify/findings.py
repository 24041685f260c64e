"""What the last report of a check says of each probe, also where an earlier run made it. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ipsecping.contract import CertificateExpiry, Expect, ProbeType
from ipsecping_operator.api.conditions import ConditionStatus, ConditionType, HealthyReason
from ipsecping_operator.check.reported import Report
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.verdict.probe import ProbeVerdict

_REASONS = {reason.value: reason for reason in HealthyReason}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFinding:
    """What is said of one probe of one path."""

    path: str
    probe: str
    type: ProbeType
    expect: Expect
    reason: HealthyReason
    message: str
    certificate_ends: bool = False
    """It is ProbeFailed for a certificate that is valid for less than tls.minValidDays, or no longer."""
    silent: bool = False
    """It is not down by its own `thresholds.downAfter`, but would be by the check's."""

    @property
    def down(self) -> bool | None:
        """Whether it is down; None where that is not known, or the probe shall not get through."""
        if self.expect is not Expect.REACHABLE:
            return None
        if self.reason is HealthyReason.DOWN:
            return True
        return None if self.reason.status is ConditionStatus.UNKNOWN else False


def findings(
    check: CompiledCheck, report: Report, *, judged: bool, now: int
) -> tuple[ProbeFinding, ...] | None:
    """Return what `report` says of the check's probes; None where it says nothing new of the tunnel.

    That is so when the operator itself has failed (`judged` is False, or InternalError). After a restart it
    is what the earlier run had written, until results are there again. `now`: Unix time, nanoseconds.
    """
    healthy, verdict = report.conditions.get(ConditionType.HEALTHY), report.verdict
    if healthy is None:
        return ()
    if healthy.reason == HealthyReason.INTERNAL_ERROR or not judged:
        return None
    if verdict is not None and verdict.finding.reason == healthy.reason:
        return tuple(_found(check, probe, now=now) for probe in verdict.probes)
    if report.restored is not None:
        return tuple(_told(check, report.restored.figures, healthy.message))
    return ()


def _found(check: CompiledCheck, probe: ProbeVerdict, *, now: int) -> ProbeFinding:
    least = check.thresholds.certificate_ns.get(probe.probe.name)
    certificate = None if probe.figures is None else probe.figures.figure(CertificateExpiry)
    end = None if certificate is None else certificate.nanoseconds
    return ProbeFinding(
        path=probe.path,
        probe=probe.probe.name,
        type=probe.probe.type,
        expect=probe.probe.expect,
        reason=probe.finding.reason,
        message=probe.finding.message,
        certificate_ends=end is not None and least is not None and end - now <= least,
        silent=probe.silent,
    )


def _told(check: CompiledCheck, figures: Mapping[str, Any], message: str) -> Iterator[ProbeFinding]:
    """Read a status, in which anything may stand: what cannot be read is left out."""
    planned = {(path.plan.path, probe.name): probe for path in check.paths for probe in path.plan.probes}
    listed = figures.get("probes")
    for entry in listed if isinstance(listed, list) else ():
        if not isinstance(entry, Mapping):
            continue
        path, name = str(entry.get("path")), str(entry.get("name"))
        probe, reason = planned.get((path, name)), _REASONS.get(str(entry.get("reason")))
        if probe is not None and reason is not None:
            yield ProbeFinding(
                path=path, probe=name, type=probe.type, expect=probe.expect, reason=reason, message=message
            )

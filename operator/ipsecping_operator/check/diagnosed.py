"""Part of a check's state: what its diagnoses have come to. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from ipsecping.contract.diagnosis_report import DiagnosisReport
from ipsecping_operator.compile import CompiledCheck
from ipsecping_operator.status.diagnosis import DiagnosisOutcome

MOST_REPORTS = 4
"""Reports of Jobs that are kept until somebody asks for them."""


class Delivered(NamedTuple):
    """A report that a Job's pod has left, and the pod's name."""

    report: DiagnosisReport
    pod: str


NOTHING: Mapping[str, Delivered] = MappingProxyType({})
"""One for all: most checks have no Jobs."""


class Diagnosed:
    """The newest diagnosis, when one was last tried, and reports of Jobs by their requests."""

    __slots__ = ("_outcome", "_reports", "_tried")

    def __init__(self) -> None:
        self._outcome: DiagnosisOutcome | None = None
        self._reports: Mapping[str, Delivered] = NOTHING
        self._tried: int | None = None

    @property
    def outcome(self) -> DiagnosisOutcome | None:
        """What the newest diagnosis has come to."""
        return self._outcome

    @property
    def tried(self) -> int | None:
        """When the newest one was over, whatever came of it; Unix time, nanoseconds."""
        return self._tried

    def inherit(self, outcome: DiagnosisOutcome | None) -> None:
        """Take over what an earlier run of the operator reported in the status."""
        self._outcome = outcome
        self._tried = None if outcome is None else outcome.at

    def settle(self, outcome: DiagnosisOutcome) -> None:
        """Remember what a diagnosis has come to; the reports that there are, it has read."""
        self._outcome, self._tried = outcome, outcome.at
        self._reports = NOTHING

    def follow(self, before: CompiledCheck, after: CompiledCheck) -> None:
        """Take the newest one for none of the outage that lasts, where its path is edited now."""
        newest = self._outcome
        if newest is not None and newest.path is not None and newest.outage is not None:
            known, wanted = (
                {path.plan.path: path.plan.nonce for path in each.paths} for each in (before, after)
            )
            if known.get(newest.path) != wanted.get(newest.path):
                self._outcome = replace(newest, outage=None)

    def try_in_vain(self, *, now: int) -> None:
        """Remember that one was tried again, and that there is nothing new to say of it."""
        self._tried = now

    def deliver(self, report: DiagnosisReport, *, pod: str) -> None:
        """Keep the report that a Job's pod has left."""
        kept = [(key, each) for key, each in self._reports.items() if key != report.request]
        self._reports = dict([*kept, (report.request, Delivered(report, pod))][-MOST_REPORTS:])

    def delivered(self, request: str) -> Delivered | None:
        """Return the report of the Job that was made for this request, once its pod has left it."""
        return self._reports.get(request)

    def shift(self, by: int) -> None:
        """Follow the operator's clock, which was set forward by so many nanoseconds (back: negative)."""
        self._outcome = None if self._outcome is None else self._outcome.shifted(by)
        self._tried = None if self._tried is None else self._tried + by

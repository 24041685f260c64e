"""What a diagnosis said, held against what was broken. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ipsecping.contract.diagnosis_terms import Direction
from ipsecping.diagnosis import Confidence, Diagnosis, Finding

from .cases import Case, Truth

SURE = (Confidence.PROVEN, Confidence.ONLY_ONE_LEFT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Of one diagnosis."""

    case: str
    said: str
    """All findings in one line."""
    wrong: tuple[str, ...]
    """What was said and is not so, or was not said and is so; empty: it is right."""


def judge(case: Case, diagnosis: Diagnosis, *, baseline: bool) -> Verdict:
    """Hold a diagnosis against the truth; `baseline`: the healthy path was known."""
    return Verdict(
        case=case.name,
        said=said(diagnosis),
        wrong=(*_false(case, diagnosis), *_missed(case, diagnosis, baseline=baseline)),
    )


def holds_truth(finding: Finding, case: Case) -> bool:
    """Whether what is wrong is among the causes that a finding names."""
    return any(truth.causes & set(finding.causes) for truth in case.truths)


def said(diagnosis: Diagnosis) -> str:
    """Return all findings of a diagnosis in one line."""
    return "; ".join(map(_said, diagnosis.findings)) or diagnosis.outcome.value


def _said(finding: Finding) -> str:
    parts = [finding.confidence.value]
    if len(finding.causes) > 1:
        parts = [f"{finding.confidence.value} {_sizes(finding)}"]
    if finding.direction is not Direction.UNKNOWN:
        parts.append(finding.direction.value)
    return f"{finding.reason.value} ({', '.join(parts)})"


def _sizes(finding: Finding) -> str:
    """Suspects, and in brackets the causes behind them where those are more."""
    told, behind = len(finding.suspects), len(finding.causes)
    return f"{told}" if told == behind else f"{told} ({behind})"


def _false(case: Case, diagnosis: Diagnosis) -> Iterator[str]:
    for finding in diagnosis.findings:
        if not holds_truth(finding, case):
            yield f"{finding.reason.value} is not so"
        elif not _points_right(finding, case.truths):
            yield f"{finding.reason.value} is not {finding.direction.value}"


def _points_right(finding: Finding, truths: Iterable[Truth]) -> bool:
    """Whether a direction that is told is that of the truth it holds; of several, of one of them."""
    if finding.direction is Direction.UNKNOWN:
        return True
    true = [truth.direction for truth in truths if truth.causes & set(finding.causes)]
    return any(direction in (None, finding.direction) for direction in true)


def _missed(case: Case, diagnosis: Diagnosis, *, baseline: bool) -> Iterator[str]:
    found = {cause for finding in diagnosis.findings for cause in finding.causes}
    for truth in case.truths:
        excused = truth.masked or truth.unseen or (truth.baseline and not baseline)
        if not excused and not truth.causes & found:
            yield f"{min(truth.causes).value} is missed"


@dataclass(slots=True)
class Score:
    """How many of the findings of each confidence are right."""

    right: dict[Confidence, int] = field(default_factory=lambda: dict.fromkeys(Confidence, 0))
    all: dict[Confidence, int] = field(default_factory=lambda: dict.fromkeys(Confidence, 0))
    sizes: list[int] = field(default_factory=list)
    """Suspects of each finding that has several causes."""
    behind: list[int] = field(default_factory=list)
    """The causes of the same, which only a gateway can tell apart."""
    missed: int = 0
    quiet: int = 0
    """Diagnoses of no fault that found none."""
    no_fault: int = 0

    def add(self, case: Case, diagnosis: Diagnosis, *, baseline: bool) -> None:
        """Count one diagnosis."""
        for finding in diagnosis.findings:
            self.all[finding.confidence] += 1
            self.right[finding.confidence] += holds_truth(finding, case)
            if finding.confidence is Confidence.ONE_OF:
                self.sizes.append(len(finding.suspects))
                self.behind.append(len(finding.causes))
        self.missed += any(_missed(case, diagnosis, baseline=baseline))
        if not case.truths:
            self.no_fault += 1
            self.quiet += not diagnosis.findings

    def lines(self) -> Iterator[str]:
        """Return it in words, one line each."""
        for confidence in (*SURE, Confidence.ONE_OF):
            what = "the truth is among them" if confidence is Confidence.ONE_OF else "right"
            yield f"{confidence.value}: {what} in {self.right[confidence]} of {self.all[confidence]}"
        yield (
            f"suspects of a OneOf: {_mean(self.sizes)} on average, of which only a gateway tells apart the "
            f"{_mean(self.behind)} causes behind them"
        )
        yield f"diagnoses that miss a fault: {self.missed}"
        yield f"no fault, and none found: {self.quiet} of {self.no_fault}"


def _mean(values: Sequence[int]) -> str:
    return f"{sum(values) / len(values):.1f}" if values else "none"

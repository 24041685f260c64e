"""The events that an assessment is told by. Pure."""

from .assessment import Assessment
from .events import (
    Notice,
    of_address_change,
    of_condition,
    of_diagnosis,
    of_paths,
    of_run_now,
    worth_telling,
)


def notices_of(assessment: Assessment) -> list[Notice]:
    """Return them in the order in which they are told."""
    told = worth_telling(assessment.to_tell, assessment.before, assessment.report.conditions)
    notices = [*map(of_condition, told), *of_paths(assessment.paths)]
    if assessment.run_now is not None:
        notices.append(of_run_now(assessment.run_now))
    if assessment.diagnosis is not None:
        notices.append(of_diagnosis(assessment.diagnosis))
    return [*notices, *map(of_address_change, assessment.address_changes)]

"""Paths that have become unhealthy, or healthy again, where that need not be an outage of the check. Pure."""

from collections.abc import Iterator, Set
from dataclasses import dataclass

from ipsecping_operator.api.conditions import ConditionStatus

from .judge import Verdict

_NO_PATHS: frozenset[str] = frozenset()
"""One for all checks: of thousands, an empty set each takes memory."""


@dataclass(frozen=True, slots=True)
class PathNews:
    """A path is unhealthy now, or healthy again."""

    healthy: bool
    message: str


def path_news(told: Set[str], verdict: Verdict) -> tuple[frozenset[str], list[PathNews]]:
    """The paths that count as told to be unhealthy after one more verdict, and what there is to tell.

    Of checks that are healthy where any path is: of others the condition tells it. What is not known of a
    path is no news.
    """
    check = verdict.check
    if check is None or not check.any_path or len(verdict.paths) == 1:
        return _NO_PATHS, []
    news = list(_news(told, verdict))
    unhealthy = (
        path.name
        for path in verdict.paths
        if path.finding.status is ConditionStatus.FALSE
        or (path.finding.status is ConditionStatus.UNKNOWN and path.name in told)
    )
    return frozenset(unhealthy), news


def _news(told: Set[str], verdict: Verdict) -> Iterator[PathNews]:
    for path in verdict.paths:
        finding, count = path.finding, len(verdict.paths)
        if finding.status is ConditionStatus.FALSE and path.name not in told:
            said = f"path {path.name} of {count}: {finding.reason}: {finding.message}"
            yield PathNews(healthy=False, message=said)
        if finding.status is ConditionStatus.TRUE and path.name in told:
            yield PathNews(healthy=True, message=f"path {path.name} of {count} is healthy again")

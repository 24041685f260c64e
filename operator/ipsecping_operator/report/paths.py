"""What is to be told of a check's paths: which is preferred, which are unhealthy or go another way. Pure."""

from dataclasses import dataclass, replace

from ipsecping_operator.api.conditions import HealthyReason
from ipsecping_operator.api.status import MAX_CHANGES
from ipsecping_operator.check.reported import ReportedPaths
from ipsecping_operator.check.state import CheckState
from ipsecping_operator.verdict.judge import Verdict
from ipsecping_operator.verdict.path_news import PathNews, path_news
from ipsecping_operator.verdict.preference import Move, prefer

_NAMED = 3
"""So many changes are named in a message; the status has more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathReport:
    """News of paths, and what of it counts as told from then on."""

    reported: ReportedPaths
    move: Move | None = None
    news: tuple[PathNews, ...] = ()
    changes: str | None = None
    """Packets take another way."""

    @property
    def is_news(self) -> bool:
        """There is something that people wait for."""
        return self.move is not None or bool(self.news) or self.changes is not None


def report_paths(
    state: CheckState, verdict: Verdict | None, *, known: bool, silent: bool = False, now: int
) -> PathReport:
    """Compare the paths with what was told of them; `known`: as much is known as an earlier run knew.

    While a window of maintenance is open (`silent`), which paths are unhealthy is told once it has closed.
    """
    reported = state.reported.last.paths
    if verdict is None:
        return PathReport(reported=reported)
    changes = _changes(state, reported.changes_told)
    reported = replace(reported, changes_told=state.measured.path_changes.noted)
    if not known or verdict.finding.reason is HealthyReason.SUSPENDED:
        return PathReport(reported=reported, changes=changes)
    preference, move = prefer(reported.preference, verdict, now=now)
    if silent:
        unhealthy, news = reported.unhealthy, list[PathNews]()
        move = None if move is None else replace(move, bad=False)
    else:
        unhealthy, news = path_news(reported.unhealthy, verdict)
    reported = replace(reported, preference=preference, unhealthy=unhealthy)
    if move is not None:
        moves = (move, *reported.moves)[:MAX_CHANGES]
        reported = replace(reported, moves=moves, moves_made=reported.moves_made + 1)
    return PathReport(reported=reported, move=move, news=tuple(news), changes=changes)


def _changes(state: CheckState, told: int) -> str | None:
    fresh = state.measured.path_changes.since(told)
    if not fresh:
        return None
    more = len(fresh) - _NAMED
    said = "; ".join(map(str, fresh[:_NAMED])) + (f"; {more} more" if more > 0 else "")
    return f"packets take another way: {said}"

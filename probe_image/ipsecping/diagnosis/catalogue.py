"""The fault dictionary as a whole: one row a cause, in the order in which equals are named."""

from collections.abc import Mapping
from types import MappingProxyType

from . import rows_far, rows_near, rows_path, rows_tunnel
from .cause import Cause, Explanation, Row
from .fact import FactName
from .facts import Facts
from .symptom import SymptomKind

ROWS: Mapping[Cause, Row] = MappingProxyType(
    {row.cause: row for row in (*rows_near.ROWS, *rows_tunnel.ROWS, *rows_path.ROWS, *rows_far.ROWS)}
)


def candidates(kind: SymptomKind, known: Facts) -> frozenset[Cause]:
    """Return the causes that explain the symptom and that no fact rules out."""
    return frozenset(row.cause for row in ROWS.values() if explains(row, kind, known))


def explains(row: Row, kind: SymptomKind, known: Facts) -> bool:
    """Whether the cause explains the symptom, as far as is known."""
    return any(kind in each.kinds and against(each, known) is None for each in row.explains)


def against(explanation: Explanation, known: Facts) -> FactName | None:
    """Return the first fact that rules the explanation out; None: none does."""
    for name in explanation.needs:
        if known[name].value is False:
            return name
    for name in explanation.excludes:
        if known[name].value:
            return name
    return None


def why_not(row: Row, kind: SymptomKind, known: Facts) -> FactName | None:
    """Return what rules the cause out for this symptom; None: it explains it, or never does."""
    found = [against(each, known) for each in row.explains if kind in each.kinds]
    return None if None in found or not found else found[0]


def proof(row: Row, known: Facts) -> FactName | None:
    """Return the fact that proves the cause, at best one that nobody can have made up; None: none does."""
    found = (name for name in row.proves if known[name].value)
    return min(found, key=lambda name: known[name].cut_short, default=None)

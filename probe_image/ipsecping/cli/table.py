"""Columns for people."""

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]], *, numbers: frozenset[int] = frozenset()) -> list[str]:
    """Lines with aligned columns, those in `numbers` to the right. The first row is the heading."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def milliseconds(nanoseconds: float | None) -> str:
    """A duration, or a dash."""
    return "-" if nanoseconds is None else f"{nanoseconds / 1e6:.3f}ms"

"""Who else applies the fields that we apply, and what to say about it. Pure.

What was edited by hand (`kubectl edit`, `scale`, a client-side apply) is drift: it is put right. Who applies
the same fields server-side states what they should be, time and again, as we do: that is a contest, which
nobody wins. It is reported. So is somebody who changes a child again as often as it is put right, such as a
controller that scales workloads down at night: it is put right so many times, and then after a while again.
"""

from collections.abc import Iterable

from ipsecping_operator.kube.errors import Refused

_SHOWN = 3
MOST_EDITS = 20
"""So often within `EDITS_SECONDS` a check's children are put right."""
EDITS_SECONDS = 600.0


class Contested(Refused):
    """Others apply the same fields: `claims` are the fields, with the names of these others."""

    code, name = 409, "Contested"

    def __init__(self, what: str, claims: Iterable[tuple[str, str]]) -> None:
        super().__init__(
            f"{what}: somebody else applies the operator's fields too: {_listed(claims)}; "
            "it does not fight over them: take them out there"
        )


class Overruled(Refused):
    """Others change a child as often as it is put right: `claims` are fields of the last times, if known."""

    code, name = 409, "Overruled"

    def __init__(self, what: str, claims: Iterable[tuple[str, str]]) -> None:
        fields = _listed(claims)
        super().__init__(
            f"{what}: somebody has changed or removed it {MOST_EDITS} times within "
            f"{EDITS_SECONDS / 60:.0f} minutes after the operator had put it right"
            f"{f': {fields}' if fields else ''}; it waits before it does so again: have that stop"
        )


def _listed(claims: Iterable[tuple[str, str]]) -> str:
    listed = list(claims)
    fields = ", ".join(f"{field} (by {manager})" for field, manager in listed[:_SHOWN])
    return f"{fields} and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else fields

"""Who else applies the fields that we apply, and what to say about it. Pure.

What was edited by hand (`kubectl edit`, `scale`, a client-side apply) is drift: it is put right. Who applies
the same fields server-side states what they should be, time and again, as we do: that is a contest, which
nobody wins. It is reported.
"""

from collections.abc import Iterable

from ipsecping_operator.kube.errors import Refused

_SHOWN = 3


class Contested(Refused):
    """Others apply the same fields: `claims` are the fields, with the names of these others."""

    code, name = 409, "Contested"

    def __init__(self, what: str, claims: Iterable[tuple[str, str]]) -> None:
        listed = list(claims)
        fields = ", ".join(f"{field} (by {manager})" for field, manager in listed[:_SHOWN])
        more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
        super().__init__(
            f"{what}: somebody else applies the operator's fields too: {fields}{more}; "
            "it does not fight over them: take them out there"
        )

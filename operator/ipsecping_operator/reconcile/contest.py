"""Who else manages fields that we apply, and what to do about it. Pure.

What was edited by hand (`kubectl edit`, `scale`, a client-side apply) is drift: it is put right. Who applies
the same fields server-side states what they should be, time and again, as we do: that is a contest, which
nobody wins. It is reported.
"""

import re
from collections.abc import Iterable

from ipsecping_operator.kube.client import ApiError, Cause

# As the API server words it (k8s.io/apimachinery/pkg/util/managedfields/internal/conflict.go): managers that
# updated the object have "using VERSION" behind them, those that applied have not.
_APPLIER = re.compile(r'conflict with ("[^"]*")(?: with subresource "[^"]*")?')
_SHOWN = 3


class Contested(ApiError):
    """Others apply the same fields."""

    def __init__(self, what: str, claims: Iterable[tuple[str, str]]) -> None:
        listed = list(claims)
        fields = ", ".join(f"{field} (by {manager})" for field, manager in listed[:_SHOWN])
        more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
        message = (
            f"{what}: somebody else applies the operator's fields too: {fields}{more}; "
            "it does not fight over them: take them out there"
        )
        super().__init__(409, "Contested", message)


def claims(causes: Iterable[Cause]) -> list[tuple[str, str]]:
    """Of the causes of a conflict the fields that others apply, with the names of these."""
    found = ((cause.field, _APPLIER.fullmatch(cause.message)) for cause in causes)
    return [(field, match[1]) for field, match in found if match is not None]

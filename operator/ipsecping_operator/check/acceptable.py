"""Of a status that another version of the operator has left, what the API takes from this one. Pure.

What an earlier run knew is written again. The API refuses a whole status for one value that breaks the schema
in force, and would so each time: a status that stands still.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ipsecping_operator.api.status import CheckStatus

Status = Mapping[str, Any]
LOOKS = 8
"""What is wrong with items shows once a list is not too long any more, and which are alike after that."""


def acceptable(status: Status) -> Status:
    """Return the status without what breaks the schema: an item of a list, else the whole field.

    Unknown fields are another matter: they are left out of what is written (`report/undeclared.py`).
    """
    for _ in range(LOOKS):
        wrong = [each for each in _errors(status) if each["type"] != "extra_forbidden"]
        if not wrong:
            return status
        if not all(each["loc"] for each in wrong):
            break  # not of a field: a text that cannot be encoded
        status = _without(status, wrong)
    return {}


def _errors(status: Status) -> Sequence[ErrorDetails]:
    try:
        CheckStatus.model_validate_json(json.dumps(status), strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        return error.errors(include_url=False, include_input=False)
    return ()


def _without(status: Status, errors: Sequence[ErrorDetails]) -> Status:
    left = dict(status)
    items = dict[str, set[int]]()
    for each in errors:
        field, *within = map(str, each["loc"])
        if within and within[0].isdecimal():
            items.setdefault(field, set()).add(int(within[0]))
        elif not within and each["type"] == "too_long":
            left[field] = left[field][: each["ctx"]["max_length"]]
        else:
            left.pop(field, None)
    for field, wrong in items.items():
        if field in left:
            left[field] = [item for index, item in enumerate(left[field]) if index not in wrong]
    return left

"""Standard object metadata, as far as a user can get it wrong. Only for offline validation.

The API server has rules of its own for it, which no CRD repeats: so the CEL forms are empty.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from .labels import LABEL_VALUE, MAX_LABEL_KEY, MAX_LABEL_VALUE, QUALIFIED, SUBDOMAIN
from .rules import Model, Rule, Rules
from .scalars import Name


def _keys(of: Mapping[str, str]) -> bool:
    return all(len(key) <= MAX_LABEL_KEY and re.fullmatch(QUALIFIED, key) for key in of)


def _labels(of: Mapping[str, str]) -> bool:
    return _keys(of) and all(
        len(each) <= MAX_LABEL_VALUE and re.fullmatch(LABEL_VALUE, each) for each in of.values()
    )


class Metadata(Model):
    """What stands below metadata in a manifest; also one that an API server has handed out."""

    name: Annotated[
        str,
        Field(min_length=1, max_length=253),
        Rules(
            Rule(
                cel="true",
                holds=lambda text: re.fullmatch(SUBDOMAIN, text) is not None,
                message="must be lower-case letters, digits, - and ., such as hq-dc1",
            )
        ),
    ]
    namespace: Name | None = None
    labels: (
        Annotated[
            Mapping[str, str],
            Rules(
                Rule(
                    cel="true",
                    holds=_labels,
                    message="every key must be a label key, such as role or example.com/uplink, and every "
                    "value at most 63 letters, digits, -, _ and .",
                )
            ),
        ]
        | None
    ) = None
    annotations: (
        Annotated[
            Mapping[str, str],
            Rules(
                Rule(
                    cel="true",
                    holds=_keys,
                    message="every key must be like a label key, such as example.com/owner",
                )
            ),
        ]
        | None
    ) = None
    finalizers: Any = None
    owner_references: Any = None
    uid: Any = None
    resource_version: Any = None
    generation: Any = None
    creation_timestamp: Any = None
    deletion_timestamp: Any = None
    deletion_grace_period_seconds: Any = None
    managed_fields: Any = None
    self_link: Any = None
    generate_name: Any = None

"""Labels and annotations, as Kubernetes has them."""

import re
from collections.abc import Mapping
from typing import Annotated, TypeAlias

from pydantic import Field

from .names import GROUP
from .rules import Rule, Rules, matching

MAX_LABEL_KEY = 317
"""Characters: a prefix of 253, a slash, and a name of 63."""
MAX_LABEL_VALUE = 63
LABEL_VALUE = "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"
SUBDOMAIN = "[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
QUALIFIED = f"^({SUBDOMAIN}/)?([A-Za-z0-9][-A-Za-z0-9_.]{{0,61}})?[A-Za-z0-9]$"
_GROUP = GROUP.replace(".", "[.]")
_OUR_LABELS = f"^({_GROUP}/|app[.]kubernetes[.]io/(name|managed-by)$)"
_OUR_ANNOTATIONS = f"^{_GROUP}/"

LabelValue: TypeAlias = Annotated[
    str,
    Field(max_length=MAX_LABEL_VALUE),
    matching(
        LABEL_VALUE,
        "must be a label value: letters, digits, -, _ and ., with a letter or digit at both ends, "
        "such as gw-1",
    ),
]
LabelKey: TypeAlias = Annotated[
    str,
    Field(min_length=1, max_length=MAX_LABEL_KEY),
    matching(QUALIFIED, "must be a label key, such as role or example.com/uplink"),
]

_QUALIFIED_KEYS = Rule(
    cel=f"self.all(key, key.size() <= {MAX_LABEL_KEY} && key.matches('{QUALIFIED}'))",
    holds=lambda self: all(len(key) <= MAX_LABEL_KEY and re.fullmatch(QUALIFIED, key) for key in self),
    message="every key must be a label key, such as role or example.com/uplink",
)
_FOREIGN_LABELS = Rule(
    cel=f"self.all(key, !key.matches('{_OUR_LABELS}'))",
    holds=lambda self: not any(re.search(_OUR_LABELS, key) for key in self),
    reason="FieldValueForbidden",
    message=f"keys that begin with {GROUP}/, app.kubernetes.io/name and app.kubernetes.io/managed-by are the "
    "operator's own: choose others",
)
_FOREIGN_ANNOTATIONS = Rule(
    cel=f"self.all(key, !key.matches('{_OUR_ANNOTATIONS}'))",
    holds=lambda self: not any(re.search(_OUR_ANNOTATIONS, key) for key in self),
    reason="FieldValueForbidden",
    message=f"keys that begin with {GROUP}/ are the operator's own: choose others",
)

LabelMap: TypeAlias = Annotated[Mapping[str, LabelValue], Field(max_length=16), Rules(_QUALIFIED_KEYS)]
PodLabels: TypeAlias = Annotated[
    Mapping[str, LabelValue], Field(max_length=16), Rules(_QUALIFIED_KEYS, _FOREIGN_LABELS)
]
PodAnnotations: TypeAlias = Annotated[
    Mapping[str, Annotated[str, Field(max_length=4096)]],
    Field(max_length=16),
    Rules(_QUALIFIED_KEYS, _FOREIGN_ANNOTATIONS),
]

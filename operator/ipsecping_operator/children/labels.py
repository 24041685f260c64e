"""Names and labels of a check's children."""

import hashlib
import re

from ipsecping_operator.api.names import GROUP
from ipsecping_operator.compile import CompiledCheck

APP_LABEL = "app.kubernetes.io/name"
APP = "ipsecping-probe"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "ipsecping"
CHECK_LABEL = f"{GROUP}/check"
UID_LABEL = f"{GROUP}/check-uid"
PATH_LABEL = f"{GROUP}/path"
NONCE_ANNOTATION = f"{GROUP}/plan-nonce"
"""On the ConfigMap: nonce of the plan in it."""
VERIFIERS_ANNOTATION = f"{GROUP}/plan-verifiers"
"""On the ConfigMap: digest of the verifiers in its plan."""
TARGETS_ANNOTATION = f"{GROUP}/plan-targets"
"""On the ConfigMap: digest of the addresses in its plan, where it lists them."""

INSTANTIATE_ANNOTATION = "cronjob.kubernetes.io/instantiate"
"""As `kubectl create job --from` marks a Job that no schedule asked for."""

CHILD_SELECTOR = f"{APP_LABEL}={APP},{MANAGED_BY_LABEL}={MANAGED_BY}"
"""Label selector of all children, their Jobs and their pods."""

MAX_NAME = 52
"""Of a CronJob: the controller appends 11 characters to name a Job, which may have 63; we append 9."""
MAX_LABEL = 63
_HASH = 8


def child_name(check: CompiledCheck, path: str) -> str:
    """Name of the objects of one path.

    It ends in a hash of UID and path: so it collides neither with a user's own object, nor with another
    check's or path's, nor with what the garbage collector has still to remove of a check of the same name.
    """
    stem = re.sub("[^a-z0-9]+", "-", f"ipsecping-{check.name}-{path}".removesuffix("-default"))
    return f"{stem[: MAX_NAME - _HASH - 1].rstrip('-')}-{_hash(f'{check.uid}/{path}')}"


def labels(check: CompiledCheck, path: str) -> dict[str, str]:
    """Labels of every object and pod of one path."""
    return {
        APP_LABEL: APP,
        MANAGED_BY_LABEL: MANAGED_BY,
        CHECK_LABEL: label_value(check.name),
        PATH_LABEL: label_value(path),
        UID_LABEL: check.uid,
    }


def label_value(text: str) -> str:
    """`text`, or where it is too long for a label its beginning and a hash of the whole."""
    if len(text) <= MAX_LABEL:
        return text
    return f"{text[: MAX_LABEL - _HASH - 1].rstrip('-.')}-{_hash(text)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH]

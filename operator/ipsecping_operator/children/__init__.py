"""From a compiled check to the Kubernetes objects that carry it out: pure functions, plain dicts."""

from .build import CHILD_KINDS, ChildRef, build_children, controller_uid, surplus
from .labels import (
    CHECK_LABEL,
    CHILD_SELECTOR,
    NONCE_ANNOTATION,
    PATH_LABEL,
    UID_LABEL,
    VERIFIERS_ANNOTATION,
    child_name,
    label_value,
    labels,
)
from .objects import JOB_HISTORY, run_now_job
from .pod import HOST_PORTS
from .settings import FIELD_MANAGER, ChildSettings

__all__ = [
    "CHECK_LABEL",
    "CHILD_KINDS",
    "CHILD_SELECTOR",
    "FIELD_MANAGER",
    "HOST_PORTS",
    "JOB_HISTORY",
    "NONCE_ANNOTATION",
    "PATH_LABEL",
    "UID_LABEL",
    "VERIFIERS_ANNOTATION",
    "ChildRef",
    "ChildSettings",
    "build_children",
    "child_name",
    "controller_uid",
    "label_value",
    "labels",
    "run_now_job",
    "surplus",
]

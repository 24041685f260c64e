"""From a compiled check to the Kubernetes objects that carry it out: pure functions, plain dicts."""

from .build import ChildRef, build_children, controller_uid, surplus
from .labels import (
    CHECK_LABEL,
    CHILD_SELECTOR,
    NONCE_ANNOTATION,
    PATH_LABEL,
    TARGETS_ANNOTATION,
    UID_LABEL,
    VERIFIERS_ANNOTATION,
    child_name,
    label_value,
    labels,
)
from .objects import diagnosis_job, run_now_job
from .pod import CONTAINER, DIAGNOSE, HOST_PORTS
from .settings import ChildSettings

__all__ = [
    "CHECK_LABEL",
    "CHILD_SELECTOR",
    "CONTAINER",
    "DIAGNOSE",
    "HOST_PORTS",
    "NONCE_ANNOTATION",
    "PATH_LABEL",
    "TARGETS_ANNOTATION",
    "UID_LABEL",
    "VERIFIERS_ANNOTATION",
    "ChildRef",
    "ChildSettings",
    "build_children",
    "child_name",
    "controller_uid",
    "diagnosis_job",
    "label_value",
    "labels",
    "run_now_job",
    "surplus",
]

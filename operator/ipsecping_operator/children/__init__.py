"""From a compiled check to the Kubernetes objects that carry it out: pure functions, plain dicts."""

from .build import CHILD_KINDS, ChildRef, build_children, controller_uid, surplus
from .labels import CHILD_SELECTOR, NONCE_ANNOTATION, PATH_LABEL, UID_LABEL, child_name, labels
from .objects import JOB_HISTORY, extra_job
from .settings import FIELD_MANAGER, ChildSettings

__all__ = [
    "CHILD_KINDS",
    "CHILD_SELECTOR",
    "FIELD_MANAGER",
    "JOB_HISTORY",
    "NONCE_ANNOTATION",
    "PATH_LABEL",
    "UID_LABEL",
    "ChildRef",
    "ChildSettings",
    "build_children",
    "child_name",
    "controller_uid",
    "extra_job",
    "labels",
    "surplus",
]

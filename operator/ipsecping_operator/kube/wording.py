"""The words of Kubernetes that have to be understood, since no code or field says the same. Pure.

They are matched here and nowhere else; tests/api/test_refusals.py provokes them from a real API server.
Within these messages stands what users write (names, values, a policy's own message), so each is looked for
only where Kubernetes itself puts it, and in time that grows no faster than the message.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class DeniedBy(StrEnum):
    """What of the cluster's refuses an object at its admission."""

    QUOTA = "ResourceQuota"
    LIMIT_RANGE = "LimitRange"
    POD_SECURITY = "Pod Security"
    POLICY = "admission policy"
    WEBHOOK = "admission webhook"
    SECURITY_CONTEXT = "SecurityContextConstraints"
    PRIORITY_CLASS = "PriorityClass"
    SERVICE_ACCOUNT = "ServiceAccount"
    RUNTIME_CLASS = "RuntimeClass"


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """Who refuses an object."""

    by: DeniedBy
    name: str
    """Of the quota, the policy, the webhook, the level of Pod Security; empty where it is not said."""


# apimachinery, api/errors: NewForbidden. Whatever follows is the admission plugin's.
_FORBIDDEN = re.compile(r'(?:[^\s"]+ (?:"[^"]*" )?is )?forbidden: ')
_DENIALS: tuple[tuple[DeniedBy, re.Pattern[str]], ...] = tuple(
    (by, re.compile(pattern))
    for by, pattern in (
        # apiserver, admission/plugin/resourcequota: of several quotas the first
        (
            DeniedBy.QUOTA,
            r"(?:(?:exceeded|failed) quota|status unknown for quota)(?:: (?P<name>[^\s,:]+))?",
        ),
        (DeniedBy.QUOTA, r"(?P<name>)insufficient quota to (?:match|consume)"),
        # kubernetes, plugin/pkg/admission/limitranger: several in brackets
        (
            DeniedBy.LIMIT_RANGE,
            r"(?P<name>)\[?(?:(?:maximum|minimum) \S+ usage per|\S+ max limit to request ratio per) ",
        ),
        # pod-security-admission, admission
        (DeniedBy.POD_SECURITY, r'violates PodSecurity "(?P<name>[^"]*)": '),
        # apiserver, admission/plugin/policy: validating and mutating
        (
            DeniedBy.POLICY,
            r"(?:Validating|Mutating)AdmissionPolicy '(?P<name>[^']*)' with binding '[^']*' "
            r"denied request: ",
        ),
        # openshift, securitycontextconstraints
        (
            DeniedBy.SECURITY_CONTEXT,
            r"(?P<name>)unable to validate against any security context constraint",
        ),
        # kubernetes, plugin/pkg/admission: priority, serviceaccount
        (DeniedBy.PRIORITY_CLASS, r"no PriorityClass with name (?P<name>\S+) was found"),
        # kubernetes, plugin/pkg/admission/runtimeclass
        (DeniedBy.RUNTIME_CLASS, r'pod rejected: RuntimeClass "(?P<name>[^"]*)" not found'),
        (DeniedBy.SERVICE_ACCOUNT, r"error looking up service account [^\s/]+/(?P<name>[^\s:]+): "),
    )
)
# apiserver, admission/plugin/webhook/errors: ToStatusErr
_WEBHOOK = re.compile(r'admission webhook "(?P<name>[^"]*)" denied the request(?:: | without explanation)')
# apiserver, admission/plugin/webhook: a webhook that does not answer, and must (failurePolicy Fail)
_NO_WEBHOOK = re.compile(r'(?:Internal error occurred: )?failed calling webhook "(?P<name>[^"]*)": ')
# apiserver, endpoints/handlers/responsewriters: forbiddenMessage
_NO_RIGHT = re.compile(r'User "[^"]*" cannot ')
# apimachinery, api/validation: ValidateImmutableField; of a ConfigMap with "when `immutable` is set"
_IMMUTABLE = re.compile(r": field is immutable(?: when `immutable` is set)?$")
# apimachinery, util/managedfields/internal/conflict.go: managers that updated the object have "using VERSION"
# behind them, those that applied have not.
_APPLIER = re.compile(r'conflict with ("[^"]*")(?: with subresource "[^"]*")?')
_MANAGER = re.compile(r'conflict with ("[^"]*")')
# sigs.k8s.io/structured-merge-diff, typed: `.status.paths[name="a"].reason: field not declared in schema`
_UNDECLARED = ": field not declared in schema"
# apiserver, endpoints/handlers/patch.go: with the code 500
_MISFIT = "failed to create typed patch object ("
# kubernetes, pkg/controller/controller_utils.go: events FailedCreate
_NOT_MADE, _NO_JOB = "Error creating: ", "Error creating job: "
_LIST_ITEM = re.compile(r"\[[^][]*\]")
# apiserver, storage: Preconditions.Check; registry/rest: BeforeDelete; endpoints/handlers/patch.go
_OTHER_UID = ("Precondition failed: UID in precondition: ", "the UID in the precondition (", "uid mismatch: ")
# etcd, server/etcdserver: ErrRequestTooLarge; grpc-go
_TOO_LARGE = ("etcdserver: request is too large", "trying to send message larger than max")
# kubernetes, pkg/scheduler/framework/plugins/nodeports
_HOST_PORT_TAKEN = "didn't have free ports"


def denial(message: str) -> Denial | None:
    """Who refused an object at its admission, by the API's answer or by a controller that passes it on."""
    if (found := _WEBHOOK.match(message)) is not None:
        return Denial(by=DeniedBy.WEBHOOK, name=found["name"])
    prefix = _FORBIDDEN.match(message)
    if prefix is None:
        return None
    for by, pattern in _DENIALS:
        if (found := pattern.match(message, prefix.end())) is not None:
            return Denial(by=by, name=found["name"] or "")
    return None


def webhook_without_answer(message: str) -> str | None:
    """The name of an admission webhook that could not be asked, and without which nothing is admitted."""
    found = _NO_WEBHOOK.match(message)
    return None if found is None else found["name"]


def is_right_missing(message: str) -> bool:
    """Whether the account that asked has no right to (RBAC)."""
    prefix = _FORBIDDEN.match(message)
    return prefix is not None and _NO_RIGHT.match(message, prefix.end()) is not None


def is_immutable(cause: str) -> bool:
    """Whether a cause of a refusal says that the field cannot be changed."""
    return _IMMUTABLE.search(f": {cause}") is not None


def applier(cause: str) -> str | None:
    """Of a conflict's cause, who applies the field too (in quotes); None where it was merely edited."""
    found = _APPLIER.fullmatch(cause)
    return None if found is None else found[1]


def manager(cause: str) -> str | None:
    """Of a conflict's cause, who manages the field (in quotes), whether by applying it or by editing."""
    found = _MANAGER.match(cause)
    return None if found is None else found[1]


def undeclared_fields(message: str) -> frozenset[tuple[str, ...]]:
    """Fields that the schema does not know: keys from the root down, of list items without saying which."""
    paths = (part.rpartition(" ")[2].rpartition("\n")[2] for part in message.split(_UNDECLARED)[:-1])
    named = (_LIST_ITEM.sub("", path).split(".") for path in paths)
    return frozenset(tuple(keys) for root, *keys in named if not root and all(keys))


def is_misfit(message: str) -> bool:
    """Whether an object that was to be applied does not have the form of its kind."""
    return message.startswith(_MISFIT)


def is_of_other_uid(message: str) -> bool:
    """Whether the name belongs to another object than the one that was meant."""
    return any(words in message for words in _OTHER_UID)


def is_too_large(message: str) -> bool:
    """Whether the storage takes no object as large as this."""
    return any(words in message for words in _TOO_LARGE)


def said_of_creation(event: str) -> str:
    """What was said to a controller that was to make a pod or a Job, by its event."""
    return event.removeprefix(_NO_JOB).removeprefix(_NOT_MADE)


def is_host_port_taken(waiting: str) -> bool:
    """Whether another pod has the port on a node, by what the scheduler says of an unplaced one."""
    return _HOST_PORT_TAKEN in waiting

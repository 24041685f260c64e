"""From an answer of the API to a type: by status, reason and causes; the words of a user decide nothing."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipsecping_operator.kube import errors
from ipsecping_operator.kube.errors import MAX_MESSAGE, ApiError, of_status, refusal
from ipsecping_operator.kube.wording import DeniedBy

PODS = 'pods "hq-7d9f" is forbidden: '
POLICY = (
    "deployments.apps \"hq\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: "
)


def status(code: int, message: str = "", *, reason: str = "", causes: Any = ()) -> ApiError:
    listed = [dict(zip(("reason", "field", "message"), cause, strict=True)) for cause in causes]
    said = {"kind": "Status", "reason": reason, "message": message, "details": {"causes": listed}}
    return of_status("PATCH /x", code, said)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (status(400), errors.BadRequest),
        (status(401), errors.Unauthorized),
        (status(403), errors.Forbidden),
        (status(404), errors.NotFound),
        (status(405), errors.MethodNotAllowed),
        (status(409, reason="Conflict"), errors.Conflict),
        (status(409, reason="AlreadyExists"), errors.AlreadyExists),
        (status(410, reason="Expired"), errors.Expired),
        (status(413), errors.TooLarge),
        (status(422, reason="Invalid"), errors.Invalid),
        (status(429), errors.Throttled),
        (status(500), errors.ServerError),
        (status(504), errors.ServerError),
        (status(418), ApiError),
        (status(500, "etcdserver: request is too large"), errors.TooLarge),
        (
            status(500, "failed to create typed patch object (n/hq; v1, Kind=C): .a: expected string"),
            errors.Invalid,
        ),
        (
            status(422, "invalid", causes=[("", "metadata.uid", 'Invalid value: "u": field is immutable')]),
            errors.OtherObject,
        ),
        (
            status(409, 'on x: the UID in the precondition (1) does not match the UID in record'),
            errors.OtherObject,
        ),
        (
            status(403, PODS + "unable to create", causes=[("NamespaceTerminating", "", "n is going")]),
            errors.NamespaceTerminating,
        ),
        (status(403, PODS + "exceeded quota: q, requested: pods=1, used: pods=1"), errors.QuotaExceeded),
        (
            status(422, POLICY + "no"),
            errors.AdmissionDenied,
        ),
        (status(500, 'admission webhook "w.example.com" denied the request: no'), errors.AdmissionDenied),
        (
            status(500, 'Internal error occurred: failed calling webhook "w.example.com": Post "https://x"'),
            errors.WebhookUnavailable,
        ),
    ],
)  # fmt: skip
def test_each_refusal_has_its_type(made: ApiError, expected: type[ApiError]) -> None:
    assert type(made) is expected


@pytest.mark.parametrize(
    ("message", "by", "name"),
    [
        (
            PODS + "exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1",
            DeniedBy.QUOTA,
            "few",
        ),
        (
            PODS + "failed quota: few: must specify limits.cpu for: probe",
            DeniedBy.QUOTA,
            "few",
        ),
        (
            PODS + "maximum memory usage per Container is 64Mi, but limit is 128Mi",
            DeniedBy.LIMIT_RANGE,
            "",
        ),
        (
            PODS + "[maximum cpu usage per Pod is 1, but limit is 2, minimum memory usage per Pod is 1Gi]",
            DeniedBy.LIMIT_RANGE,
            "",
        ),
        (
            PODS + 'violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
            DeniedBy.POD_SECURITY,
            "baseline:latest",
        ),
        (
            POLICY + "label owner\nis due",
            DeniedBy.POLICY,
            "p",
        ),
        ('admission webhook "k.io" denied the request: not here', DeniedBy.WEBHOOK, "k.io"),
        ('admission webhook "k.io" denied the request without explanation', DeniedBy.WEBHOOK, "k.io"),
        (
            PODS + "unable to validate against any security context constraint: [provider restricted-v2: x]",
            DeniedBy.SECURITY_CONTEXT,
            "",
        ),
        (
            PODS + "no PriorityClass with name high was found",
            DeniedBy.PRIORITY_CLASS,
            "high",
        ),
        (
            PODS + 'error looking up service account n/default: serviceaccount "default" not found',
            DeniedBy.SERVICE_ACCOUNT,
            "default",
        ),
    ],
)
def test_a_denial_names_who_denied(message: str, by: DeniedBy, name: str) -> None:
    denial = status(403, message, reason="Forbidden").denial
    assert denial is not None
    assert (denial.by, denial.name) == (by, name)


def test_the_words_of_a_user_are_not_taken_for_the_servers() -> None:
    """A policy's message, a label's value, a name: whoever writes them does not choose how we go on."""
    said = status(422, POLICY + 'exceeded quota: q, used up; admission webhook "w" denied the request: x')
    assert said.denial is not None
    assert (said.denial.by, said.denial.name) == (DeniedBy.POLICY, "p")
    echoed = 'Deployment.apps "hq" is invalid: spec.x: Invalid value: "'
    for words in (
        "exceeded quota: q, used",
        'admission webhook "w" denied the request: x',
        "the field is immutable",
        "Precondition failed: UID in precondition: ",
    ):
        value = f'Invalid value: "{words}": must be a number'
        causes = [("FieldValueInvalid", "spec.x", value)]
        assert type(status(422, f"{echoed}{words}", reason="Invalid", causes=causes)) is errors.Invalid, words


def test_an_immutable_field_is_named() -> None:
    value = 'Invalid value: {"matchLabels":{"a":"b"}}: field is immutable'
    causes = [
        ("FieldValueInvalid", "spec.selector", value),
        ("FieldValueForbidden", "data", "Forbidden: field is immutable when `immutable` is set"),
        ("FieldValueInvalid", "spec.replicas", "Invalid value: -1: must be greater than or equal to 0"),
    ]
    made = status(422, "is invalid", reason="Invalid", causes=causes)
    assert isinstance(made, errors.Immutable)
    assert made.fields == ["spec.selector", "data"]


def test_who_applies_a_field_is_told_from_who_edited_it() -> None:
    causes = [
        ("FieldManagerConflict", ".spec.replicas", 'conflict with "flux"'),
        ("FieldManagerConflict", ".spec.paused", 'conflict with "kubectl-edit" using apps/v1'),
    ]
    made = status(409, "Apply failed with 2 conflicts", reason="Conflict", causes=causes)
    assert isinstance(made, errors.FieldConflict)
    assert made.appliers == [(".spec.replicas", '"flux"')]


def test_an_object_of_another_uid_is_told_from_one_that_was_changed() -> None:
    words = (
        "Operation cannot be fulfilled on x: Precondition failed: UID in precondition: a, in object meta: b"
    )
    assert type(status(409, words, reason="Conflict")) is errors.OtherObject
    changed = "Operation cannot be fulfilled on x: the object has been modified"
    assert type(status(409, changed, reason="Conflict")) is errors.Conflict


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502 Bad Gateway</html>",
        b"[" * 100_000,
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"text"',
        b'{"message": 5, "reason": [], "details": []}',
        b'{"message": null, "details": {"causes": {}}}',
        b'{"details": {"causes": [1, null, {"field": 7, "message": {}}]}}',
    ],
)
def test_an_answer_of_any_form_is_an_error_of_ours(body: bytes) -> None:
    made = refusal("GET /x", 502, body)
    assert isinstance(made, errors.ServerError)
    assert str(made).startswith("502 ")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            b"<!DOCTYPE html><html><head><title>502 Bad\r\nGateway</title></head><body>x</body></html>",
            "502 Bad Gateway",
        ),
        (b"\xef\xbb\xbf <HTML><HEAD><TITLE lang=en>Log in</TITLE>", "Log in"),
        (b"Too many requests, please try again later.\n", "Too many requests, please try again later."),
        (b"\x1b]0;owned\x07\x1b[2Jno\x00pe", r"\x1b]0;owned\x07\x1b[2Jno\x00pe"),
        (b"x" * 5000, "x" * 199 + "…"),
        (b"<html>" + b"<p>" * 5000, None),
        (b"\r\n \t", None),
    ],
)
def test_what_no_api_server_says_is_told_as_such_in_plain_words(body: bytes, said: str | None) -> None:
    begin = "GET /x: HTTP 502, with no Status of an API server in it; is there a proxy on the way?"
    made = refusal("GET /x", 502, body)
    assert made.message == (begin if said is None else f"{begin} It says: {said}")
    assert made.message.isprintable()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(
    code=st.integers(100, 599),
    said=st.fixed_dictionaries({}, optional=dict.fromkeys(("message", "reason", "details"), json_values)),
    causes=json_values,
)
def test_no_status_is_beyond_understanding(code: int, said: dict[str, Any], causes: Any) -> None:
    made = refusal("GET /x", code, json.dumps({**said, "details": {"causes": causes}}).encode())
    assert isinstance(made, ApiError)
    assert made.status == code


@pytest.mark.parametrize(
    "flood",
    [
        "[" * 10**6,
        ". " * 10**6,
        "x" * 10**6,
        '"' * 10**6,
        "\n" * 10**6,
        ": field not declared in schema" * 10**5,
    ],
    ids=["brackets", "dots", "letters", "quotes", "lines", "words"],
)
def test_a_flood_of_words_takes_neither_long_nor_much(flood: str) -> None:
    began = time.process_time()
    for message in (flood, PODS + "exceeded quota: " + flood, 'admission webhook "' + flood, PODS + flood):
        made = status(403, message + ": field not declared in schema")
        assert len(made.message) <= MAX_MESSAGE
    assert time.process_time() - began < 2.0

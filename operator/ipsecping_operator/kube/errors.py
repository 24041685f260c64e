"""What can come of a request to the API, as types. Pure: made in one place from status, reason and body.

A user of the client asks for the type, never for a status code or for words: the same code stands for several
things (409: changed meanwhile, there already, another object, others' fields), and the same thing has several
codes (a policy denies with 403 or with 422, a webhook with any).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ipsecping.printable import printable

from . import wording
from .wording import Denial, DeniedBy

MAX_MESSAGE = 8192
"""Characters of a refusal that are kept: policies and webhooks of others' word them."""
MAX_CAUSES = 256
MAX_STRANGER = 200
"""Characters that are kept of an answer that is no Status."""
_TITLE = re.compile(r"<title[^>]{0,100}>([^<]{1,1000})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cause:
    """One of the details that explain a refusal."""

    field: str
    message: str
    reason: str = ""


class ApiError(Exception):
    """The API refused a request, or did not answer it (`status` 0)."""

    code: ClassVar[int] = 0
    """HTTP status where none is given."""
    name: ClassVar[str] = "Unknown"
    """Reason where none is given."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        reason: str = "",
        causes: tuple[Cause, ...] = (),
        denial: Denial | None = None,
    ) -> None:
        self.status = self.code if status is None else status
        self.reason = reason or self.name
        self.message = message
        self.causes = causes
        self.denial = denial
        """Who refused the object at its admission, if that is what happened."""
        super().__init__(f"{self.status} {self.reason}: {message}" if self.status else message)


class Unreachable(ApiError):
    """No answer: no connection, a broken one, or none in time. The request may have been carried out."""

    name = "Unreachable"


class Malformed(ApiError):
    """An answer that is none: not JSON, not of the expected form, or larger than is read."""

    name = "Malformed"


class NotLeading(ApiError):
    """Not sent: this process may write no more."""

    name = "NotLeading"


class Unauthorized(ApiError):
    """The credentials are not known; a token that has just rotated is read anew."""

    code, name = 401, "Unauthorized"


class Throttled(ApiError):
    """The API has too much to do and has not carried the request out (API Priority and Fairness)."""

    code, name = 429, "TooManyRequests"


class Expired(ApiError):
    """What is asked for (a resource version, the rest of a list) is no longer kept: begin with a new list."""

    code, name = 410, "Expired"


class ServerError(ApiError):
    """The API failed at it (5xx); the request may have been carried out."""

    code, name = 500, "InternalError"


class WebhookUnavailable(ServerError):
    """An admission webhook that has to be asked does not answer."""

    def __init__(self, message: str, *, webhook: str, **given: Any) -> None:
        super().__init__(message, **given)
        self.webhook = webhook


class Conflict(ApiError):
    """The object is another than was thought: read it, and try again."""

    code, name = 409, "Conflict"


class AlreadyExists(Conflict):
    """There is an object of that name."""

    name = "AlreadyExists"


class OtherObject(Conflict):
    """The name belongs to another object: the one with that UID has gone."""


class FieldConflict(Conflict):
    """Others manage fields that were to be applied."""

    @property
    def appliers(self) -> list[tuple[str, str]]:
        """Fields that others apply as well, with the names of these; of edited fields nothing."""
        found = ((cause.field, wording.applier(cause.message)) for cause in self.causes)
        return [(field, manager) for field, manager in found if manager is not None]

    @property
    def managers(self) -> list[tuple[str, str]]:
        """Fields with the names of all who manage them."""
        found = ((cause.field, wording.manager(cause.message)) for cause in self.causes)
        return [(field, manager) for field, manager in found if manager is not None]


class Refused(ApiError):
    """The API understood and will refuse the same again, until something changes: repeating is no use."""


class BadRequest(Refused):
    """The request makes no sense to the API."""

    code, name = 400, "BadRequest"


class Forbidden(Refused):
    """The account lacks the right, or an object may not be made here."""

    code, name = 403, "Forbidden"


class NamespaceTerminating(Forbidden):
    """The namespace is being deleted, so nothing can be made in it: an end that somebody wanted."""


class AdmissionDenied(Refused):
    """Something of the cluster's forbids this object, whatever the status code: see `denial`.

    Nothing is wrong with the form of what was asked for.
    """

    code, name = 403, "Forbidden"


class QuotaExceeded(AdmissionDenied):
    """A ResourceQuota is used up, or wants something said; `denial.name` is the quota's."""


class NotFound(Refused):
    """No such object, kind or namespace."""

    code, name = 404, "NotFound"


class MethodNotAllowed(Refused):
    """The kind does not have that verb."""

    code, name = 405, "MethodNotAllowed"


class TooLarge(Refused):
    """An object larger than the API or its storage takes."""

    code, name = 413, "RequestEntityTooLarge"


class Invalid(Refused):
    """The object breaks its schema or a rule of its kind."""

    code, name = 422, "Invalid"


class Immutable(Invalid):
    """Only a new object can have these values: see `fields`."""

    @property
    def fields(self) -> list[str]:
        """Paths of the fields that cannot be changed."""
        return [cause.field for cause in self.causes if wording.is_immutable(cause.message)]


class UndeclaredFields(Invalid):
    """The schema does not know some fields: see `fields`."""

    @property
    def fields(self) -> frozenset[tuple[str, ...]]:
        """Keys from the root of the object down; of list items without saying which."""
        return wording.undeclared_fields(self.message)


_BY_STATUS: Mapping[int, type[ApiError]] = {
    each.code: each
    for each in (
        *(BadRequest, Unauthorized, Forbidden, NotFound, MethodNotAllowed),
        *(Conflict, Expired, TooLarge, Invalid, Throttled),
    )
}


def refusal(what: str, status: int, body: bytes) -> ApiError:
    """The error for an answer with this status code and body; `what` was asked for, as METHOD PATH."""
    try:
        content = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        content = {"message": _without_status(what, status, body)}
    return of_status(what, status, content)


def _without_status(what: str, status: int, body: bytes) -> str:
    """What is said of an answer that is not JSON: of a proxy on the way, for the most part.

    Of a page its title: whoever reads the message has no use for its markup.
    """
    text = body[: 16 * MAX_STRANGER].decode(errors="replace")
    page = text.lstrip("\ufeff \r\n\t").startswith("<")
    found = _TITLE.search(text) if page else None
    words = "" if page and found is None else " ".join((found[1] if found else text).split())
    shown = printable(words, MAX_STRANGER)
    return f"{what}: HTTP {status}, with no Status of an API server in it; is there a proxy on the way?" + (
        f" It says: {shown}" if shown else ""
    )


def of_status(what: str, status: int, content: object) -> ApiError:
    """The error for a decoded `Status` (meta/v1), which may be anything."""
    said = content if isinstance(content, dict) else {}
    message = str(said.get("message") or what)[:MAX_MESSAGE]
    reason = str(said.get("reason") or "")[:200]
    causes = tuple(_causes(said.get("details")))
    if (webhook := wording.webhook_without_answer(message)) is not None:
        return WebhookUnavailable(message, webhook=webhook, status=status, reason=reason)
    denial = wording.denial(message)
    made = _type_of(status, reason, message, causes, denial)
    return made(
        message, status=status, reason=reason or _reason_of(made, status), causes=causes, denial=denial
    )


def _type_of(
    status: int, reason: str, message: str, causes: tuple[Cause, ...], denial: Denial | None
) -> type[ApiError]:
    made = _BY_STATUS.get(status, ServerError if status >= 500 else ApiError)
    if denial is not None:
        return QuotaExceeded if denial.by is DeniedBy.QUOTA else AdmissionDenied
    if wording.undeclared_fields(message):
        return UndeclaredFields
    if wording.is_misfit(message):
        return Invalid
    if wording.is_too_large(message):
        return TooLarge
    if made is Forbidden and any(cause.reason == "NamespaceTerminating" for cause in causes):
        return NamespaceTerminating
    unchangeable = [cause.field for cause in causes if wording.is_immutable(cause.message)]
    if made is Invalid and unchangeable:
        return OtherObject if "metadata.uid" in unchangeable else Immutable
    if made is Conflict:
        return _conflict(reason, message, causes)
    return made


def _conflict(reason: str, message: str, causes: tuple[Cause, ...]) -> type[Conflict]:
    if reason == AlreadyExists.name:
        return AlreadyExists
    if any(cause.reason == "FieldManagerConflict" for cause in causes):
        return FieldConflict
    return OtherObject if wording.is_of_other_uid(message) else Conflict


def _reason_of(made: type[ApiError], status: int) -> str:
    """Of an answer that gives none, as those of proxies."""
    return made.name if made.code == status else "Refused"


def _causes(details: object) -> Iterator[Cause]:
    listed = details.get("causes") if isinstance(details, dict) else None
    for each in listed[:MAX_CAUSES] if isinstance(listed, list) else ():
        if isinstance(each, dict):
            texts = (str(each.get(key) or "")[:MAX_MESSAGE] for key in ("field", "message", "reason"))
            yield Cause(*texts)

"""Who may read an agent's results: who shows a token whose digest stands in the agent's plan.

The operator sends the token as a bearer token (RFC 6750 section 2.1). Whoever may read the plan learns the
digest only, which opens nothing.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable

MAX_VERIFIERS = 4
"""While a key is exchanged two are in force."""
_VERIFIER = re.compile("[0-9a-f]{64}")
_BEARER = "bearer "


def verifier(token: str) -> str:
    """What a plan holds of a token: its SHA-256, in hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_verifier(value: object) -> bool:
    """Whether this can be one."""
    return isinstance(value, str) and _VERIFIER.fullmatch(value) is not None


def authorization(token: str) -> str:
    """The value of the field Authorization (RFC 9110 section 11.6.2) that shows the token."""
    return f"Bearer {token}"


def admitted(authorization: str | None, verifiers: Iterable[str]) -> str | None:
    """The verifier that the shown token fits, or None. Takes the same time whichever does not fit."""
    if authorization is None or not authorization.lower().startswith(_BEARER):
        return None
    shown = verifier(authorization[len(_BEARER) :].strip())
    fitting = [each for each in verifiers if hmac.compare_digest(each, shown)]
    return fitting[0] if fitting else None

"""Whether an answer repeats a secret that it was sent: some proxies and servers show what they got."""

from collections.abc import Iterable
from urllib.parse import unquote

SECRET_PART = 8
"""Characters of a secret in an answer for which none of it is told: what is read may end within them."""


def repeats(said: str, secrets: Iterable[str]) -> bool:
    """Return whether a secret, or so much of one that it may be guessed, is in what was said.

    A secret that was sent as part of a URL is found decoded as well.
    """
    parts = {said[at : at + SECRET_PART] for at in range(max(len(said) - SECRET_PART + 1, 0))}
    forms = {form for secret in secrets if secret for form in (secret, unquote(secret))}
    return any(form in said or any(part in form for part in parts) for form in forms)

"""What a server of an output asks of us: credentials and a client certificate, from files.

Never from the command line or the URL, which every user of the machine can read.
"""

import base64
import ssl
from pathlib import Path
from typing import NamedTuple

from ..bounded_file import read_bounded
from ..tls_client import client_context
from .errors import OutputError

MAX_OCTETS = 65_536
"""Of a file with credentials: some tokens are long, no file without end is read."""


class Access(NamedTuple):
    """What is shown to a server."""

    authorization: str | None = None
    """Value of the field Authorization (RFC 9110 section 11.6.2)."""
    context: ssl.SSLContext | None = None
    """None: the system's authorities, and no certificate of our own."""


NONE = Access()


def read_authorization(file: Path) -> str:
    """Value of the field Authorization for a file with `USER:PASSWORD` or `Bearer TOKEN` (RFC 7617, 6750).

    Raises OutputError, whose message never shows what is in the file.
    """
    text = _read(file)
    scheme, _, token = text.partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return f"Bearer {checked_token(token, file)}"
    if ":" not in text or not text.isprintable():
        raise OutputError(f"{file}: expected USER:PASSWORD or Bearer TOKEN on one line")
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def read_token(file: Path) -> str:
    """A token that stands alone in a file; raises OutputError."""
    return checked_token(_read(file), file)


def checked_token(token: str, where: object) -> str:
    """The token without blanks around it; raises OutputError for one that no header field can carry."""
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable():
        raise OutputError(f"{where}: the token is empty or has characters that a token does not have")
    return token


def tls_context(*, ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """Trusts the authorities in `ca` alone, and shows `certificate`, whose key may stand in the same file.

    None where there is neither. Raises OutputError naming the file.
    """
    if key is not None and certificate is None:
        raise OutputError(f"{key}: a key is of use only with its certificate")
    if ca is None and certificate is None:
        return None
    for file in (ca, certificate, key):
        if file is not None:
            _read(file)  # OpenSSL's own errors do not name the file
    files = " and ".join(str(file) for file in (ca, certificate, key) if file is not None)
    try:
        return client_context(
            ca_file=None if ca is None else str(ca),
            certificate=None if certificate is None else str(certificate),
            key=None if key is None else str(key),
        )
    except (ssl.SSLError, OSError) as error:
        raise OutputError(f"{files}: no certificates and keys in PEM form that fit: {error}") from error


def _read(file: Path) -> str:
    try:
        return read_bounded(file, MAX_OCTETS).decode().strip()
    except OSError as error:
        raise OutputError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise OutputError(f"{file}: not text") from None

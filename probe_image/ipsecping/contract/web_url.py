"""The parts of an http or https URL that a probe needs (RFC 3986, RFC 9110 section 4.2)."""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

_PRINTABLE = re.compile(r"[!-~]+")


class WebUrl(NamedTuple):
    """Where to connect and what to ask for."""

    tls: bool
    host: str
    """A name, or an IP address without brackets."""
    port: int
    authority: str
    """As the Host field wants it: with the port where it is not the scheme's own."""
    request_target: str
    """Path and query."""

    @property
    def origin(self) -> tuple[bool, str, int]:
        """What two URLs have in common whose credentials are the same (RFC 6454)."""
        return self.tls, self.host, self.port


def parse_url(text: str) -> WebUrl:
    """Take a URL apart; raises ValueError with what is wrong with it.

    Blanks, control characters and letters beyond ASCII are refused: no URL can smuggle a header field.
    """
    if not _PRINTABLE.fullmatch(text):
        raise ValueError("write it in printable ASCII without blanks (%20, xn--...)")
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https"):
        raise ValueError("it must start with http:// or https://")
    if "@" in parts.netloc:
        raise ValueError("a user name or password is not supported")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("the port must be a number up to 65535") from None
    if not parts.hostname or port == 0:
        raise ValueError("it must name a host, and no port 0")
    tls = parts.scheme == "https"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = 443 if tls else 80
    return WebUrl(
        tls=tls,
        host=parts.hostname,
        port=port or usual,
        authority=host if port in (None, usual) else f"{host}:{port}",
        request_target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
    )

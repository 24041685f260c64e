"""What errors of aiohttp say, without the credentials of the server or of a proxy that are in them. Pure."""

from http import HTTPStatus

import aiohttp


def redacted(error: BaseException) -> str:
    """Return what went wrong, for a log or a condition.

    Of what came back nothing is repeated: an answer that cannot be read, or a proxy's reason, may hold what
    was asked, with its credentials. An error's repr has the headers that a proxy was sent, and its text the
    URL of the proxy, with the password.
    """
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered {error.status} {_phrase(error.status)}".rstrip()
    if isinstance(error, aiohttp.ClientResponseError):
        return "what was answered, by the server or a proxy, is not HTTP"
    if isinstance(error, aiohttp.InvalidURL):
        return "the server's URL, or the proxy's, is none"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return f"{type(error).__name__}: Server disconnected"
    if isinstance(error, OSError | TimeoutError):  # in the system's words, and those of ssl
        return f"{type(error).__name__}: {error}".removesuffix(": ")
    return type(error).__name__


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""

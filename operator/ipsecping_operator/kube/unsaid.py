"""What errors of aiohttp say, without the credentials of a proxy that are in them. Pure."""

import aiohttp


def said(error: BaseException) -> str:
    """Return what went wrong, for a log or a condition.

    An error's repr has the headers that a proxy was sent, or the URL of the proxy, and so its password.
    """
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered {error.status} {error.message}".rstrip()
    if isinstance(error, aiohttp.InvalidURL):
        return "the server's URL, or the proxy's, is none"
    return f"{type(error).__name__}: {error}".removesuffix(": ")

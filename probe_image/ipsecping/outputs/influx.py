"""InfluxDB: line protocol, and the write API of version 2.

https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/ (escapes) and .../api/v2/#post-/write.
"""

import re
from collections.abc import Sequence
from itertools import islice
from urllib.parse import parse_qsl, urlencode

from ..contract.figure import Field
from .errors import OutputError
from .figures import Measured, fields
from .http import Connection, Target, parse_url

MEASUREMENT = "ipsecping"
WRITE = "/api/v2/write"
BATCH = 5000
"""Lines in one request, as the makers recommend."""

_ESCAPED_IN_TAGS = re.compile(r"([,= ])")
_MISREAD_IN_TAGS = re.compile(r"\\+(?=[,= ]|$)")
_ESCAPED_IN_STRINGS = re.compile(r'(["\\])')


def line(measured: Measured) -> str:
    """One result: labels as tags, figures as fields, the round's start in nanoseconds."""
    tags = "".join(f",{name}={_tag(value)}" for name, value in sorted(measured.labels.items()) if value)
    figures = ",".join(f"{name}={_field(value)}" for name, value in fields(measured.result).items())
    return f"{MEASUREMENT}{tags} {figures} {measured.result.started_at}"


def parse_write_url(url: str) -> Target:
    """Server and query of the write API; raises OutputError. The API's path may be left out."""
    target = parse_url(url)
    query = dict(parse_qsl(target.query, keep_blank_values=True))
    if not query.get("bucket") or not (query.get("org") or query.get("orgID")):
        raise OutputError(f"{target}: say where to, as in {target}?org=ORG&bucket=BUCKET")
    if query.get("precision", "ns") != "ns":
        raise OutputError(f"{target}: precision={query['precision']}: times are in ns")
    path = target.path if target.path.endswith(WRITE) else target.path + WRITE
    return target._replace(path=path, query=urlencode({**query, "precision": "ns"}))


def check_token(token: str) -> str:
    """The token without blanks around it; raises OutputError for one that no header can carry."""
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable():
        raise OutputError("the InfluxDB token is empty or has characters that a token does not have")
    return token


def write(target: Target, results: Sequence[Measured], token: str | None) -> None:
    """Write all results. Raises OutputError."""
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    if token is not None:
        headers["Authorization"] = f"Token {token}"
    rest = iter(results)
    with Connection(target) as connection:
        while lines := [line(measured) for measured in islice(rest, BATCH)]:
            body = "".join(f"{each}\n" for each in lines).encode()
            connection.send("POST", f"{target.path}?{target.query}", body, headers)


def _tag(value: str) -> str:
    """A tag cannot hold line breaks; nor backslashes before what is escaped: readers differ about these."""
    plain = "".join(c if c.isprintable() else "_" for c in value)
    return _ESCAPED_IN_TAGS.sub(r"\\\1", _MISREAD_IN_TAGS.sub("_", plain))


def _field(value: Field) -> str:
    if isinstance(value, str):
        escaped = _ESCAPED_IN_STRINGS.sub(r"\\\1", value)
        return f'"{escaped}"'
    return f"{value}i" if isinstance(value, int) else repr(value)

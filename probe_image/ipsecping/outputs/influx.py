"""InfluxDB: line protocol, and the write APIs of versions 2 and 1.

https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/ (escapes), .../api/v2/#post-/write,
https://docs.influxdata.com/influxdb/v1/tools/api/#write-http-endpoint.
"""

import re
from collections.abc import Sequence
from itertools import islice
from urllib.parse import parse_qsl, urlencode

from ..contract.figure import Field
from .access import NONE, Access
from .errors import OutputError
from .figures import Measured, fields
from .http import Connection, Target, parse_url

MEASUREMENT = "ipsecping"
WRITE = "/api/v2/write"
WRITE_1 = "/write"
BATCH = 5000
"""Lines in one request, as the makers recommend."""

_ESCAPED_IN_TAGS = re.compile(r"([,= ])")
_MISREAD_IN_TAGS = re.compile(r"\\+(?=[,= ]|$)")
_ESCAPED_IN_STRINGS = re.compile(r'(["\\])')


def line(measured: Measured) -> str:
    """One result: labels as tags, figures as fields, the round's start in nanoseconds."""
    tags = "".join(f",{name}={_tag(value)}" for name, value in sorted(measured.labels.items()) if value)
    figures = ",".join(
        f"{name}={_field(value)}"
        for name, value in fields(measured.result).items()
        # What names the series is no figure as well: queries could not tell the two.
        if name not in measured.labels
    )
    return f"{MEASUREMENT}{tags} {figures} {measured.result.started_at}"


_NAMES = frozenset({"org", "orgID", "bucket", "db", "rp", "precision"})


def parse_write_url(url: str) -> Target:
    """Server and query of a write API; raises OutputError. The API's path may be left out.

    `org` and `bucket` mean that of version 2, `db` that of version 1, which others have too.
    """
    target = parse_url(url)
    query = dict(parse_qsl(target.query, keep_blank_values=True))
    if query.get("precision", "ns") != "ns":
        raise OutputError(f"{target}: precision={query['precision']}: times are in ns")
    if query.keys() & {"u", "p"}:
        raise OutputError(
            f"{target}: a password in a URL can be read by every user of this machine: "
            "leave u and p out and name a file with them"
        )
    if query.get("bucket") and (query.get("org") or query.get("orgID")):
        write = WRITE
    elif query.get("db"):
        write = WRITE_1
    else:
        raise OutputError(
            f"{target}: say where to, as in {target}?org=ORG&bucket=BUCKET or {target}{WRITE_1}?db=DATABASE"
        )
    path = target.path if target.path.endswith(write) else target.path + write
    return target._replace(path=path, query=urlencode({**query, "precision": "ns"}))


def write(target: Target, results: Sequence[Measured], access: Access = NONE) -> None:
    """Write all results. Raises OutputError."""
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    rest = iter(results)
    with Connection(target, access, names=_NAMES) as connection:
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

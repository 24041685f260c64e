"""HTTP GET."""

import re
from typing import Annotated, Any

from pydantic import Field

from ipsecping.contract import HttpOptions, ProbeType
from ipsecping.contract.methods.http import MAX_STATUS_CODES

from ..defaults import STATUS_CODE
from ..rules import Rule, Rules
from .base import Given, Method
from .tls import CERTIFICATE_EXPIRY, Tls, effective_tls, tls_options

_PORT = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
# No user or password, which would stand in the plan for all to read, and no fragment, which is never sent.
_URL = (
    "^https?://([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*|\\[[0-9a-f:.]{2,45}\\])"
    f"(:{_PORT})?(/[!$-&(-~]*)?$"
)


class Http(Method):
    """An HTTP GET."""

    url: Annotated[
        str,
        Field(min_length=1, max_length=500),
        Rules(
            Rule(
                cel=f"self.matches(r'{_URL}')",
                holds=lambda text: re.fullmatch(_URL, text) is not None,
                message="must be an absolute URL in lower case up to its path, without user or fragment, "
                "such as http://203.0.113.10:8080/healthz",
            )
        ),
    ]
    """What is asked for, on every path of the check."""
    status_codes: (
        Annotated[
            tuple[Annotated[int, Field(ge=100, le=599)], ...],
            Field(
                min_length=1,
                max_length=MAX_STATUS_CODES,
                json_schema_extra={"x-kubernetes-list-type": "atomic"},
            ),
        ]
        | None
    ) = None
    """Status codes of a good answer. Redirects are not followed. Default: 200."""
    tls: Tls | None = None
    """What is asked of the certificate of an https URL."""

    rules = (
        Rule(
            cel="!has(self.tls) || self.url.startsWith('https://')",
            holds=lambda self: self.tls is None or self.url.startswith("https://"),
            field=".tls",
            reason="FieldValueForbidden",
            message="needs a url that begins with https://",
        ),
    )

    kind = ProbeType.HTTP
    summary = "Measure the time to the answer to an HTTP GET."
    status_fields = (CERTIFICATE_EXPIRY,)

    def options(self, given: Given) -> HttpOptions:
        """See Method."""
        codes = self.status_codes or (STATUS_CODE,)
        return HttpOptions(url=self.url, status_codes=codes, tls=tls_options(self.tls, given))

    @classmethod
    def host_field(cls, options: HttpOptions) -> str:
        """See Method."""
        return ".url"

    @classmethod
    def effective(cls, options: HttpOptions) -> dict[str, Any]:
        """See Method."""
        effective: dict[str, Any] = {"url": options.url, "statusCodes": list(options.status_codes)}
        if options.url.startswith("https:"):
            effective["tls"] = effective_tls(options.tls)
        return effective
